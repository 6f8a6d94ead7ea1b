// The float build, on every instruction set this processor runs, against the double build that was gradient-checked.
#include <doctest/doctest.h>

#include "core/cpu.h"
#include "core/threads.h"
#include "tests/support/op_case.h"

using namespace seqtape;
using testing_bridge::Numbers;

TEST_CASE("float agrees with double on every instruction set") {
  const Isa best = best_isa();
  for (int set = 0; set <= static_cast<int>(best); ++set) {
    set_isa(static_cast<Isa>(set));
    for (std::size_t i = 0; i < testing::op_cases().size(); ++i) {
      CAPTURE(isa_name(isa()));
      for (std::uint64_t seed = 1; seed <= 3; ++seed) CHECK_EQ(testing_bridge::precision_report(i, seed), "");
    }
  }
  set_isa(best);
}

TEST_CASE("one thread and several give the same bits") {
  const int threads = thread_count();
  for (std::size_t i = 0; i < testing::op_cases().size(); ++i) {
    CAPTURE(testing::op_cases()[i].name);
    set_thread_count(1);
    const Numbers one = testing_bridge::run_in_float(i, 1);
    set_thread_count(3);
    CHECK(testing_bridge::run_in_float(i, 1).values == one.values);
  }
  set_thread_count(threads);
}
