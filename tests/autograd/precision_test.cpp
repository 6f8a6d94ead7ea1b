// The float build, on every instruction set this processor runs, against the double build that was gradient-checked.
#include <doctest/doctest.h>

#include <cmath>

#include "core/cpu.h"
#include "core/error.h"
#include "core/threads.h"
#include "tests/support/op_case.h"

using namespace seqtape;
using testing_bridge::Numbers;

namespace {

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::fabs(value));
  return most;
}

/// |got - want| <= 2e-5 max|want| + 1e-6: nothing that returns zeros passes where max|want| > 1e-6.
std::string compare(const Numbers& got, const Numbers& want) {
  for (std::size_t i = 0; i < want.values.size(); ++i) {
    const double bound = 1e-6 + 2e-5 * largest(want.values[i]);
    for (std::size_t j = 0; j < want.values[i].size(); ++j)
      if (!(std::fabs(got.values[i][j] - want.values[i][j]) <= bound))
        return str(want.names[i], " element ", j, ": float ", got.values[i][j], ", double ", want.values[i][j]);
  }
  return "";
}

}  // namespace

TEST_CASE("float agrees with double on every instruction set") {
  const Isa best = best_isa();
  for (int set = 0; set <= static_cast<int>(best); ++set) {
    set_isa(static_cast<Isa>(set));
    for (std::size_t i = 0; i < testing::op_cases().size(); ++i) {
      CAPTURE(isa_name(isa()));
      CAPTURE(testing::op_cases()[i].name);
      for (std::uint64_t seed = 1; seed <= 3; ++seed)
        CHECK_EQ(compare(testing_bridge::run_in_float(i, seed), testing_bridge::run_in_double(i, seed)), "");
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
