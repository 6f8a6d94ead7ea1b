// Every op at real sizes: backward against differences along a direction (double), float against double.
#include "tests/support/directions.h"

#include <doctest/doctest.h>

#include "core/cpu.h"

using namespace seqtape;
using namespace seqtape::testing_bridge;

TEST_CASE("backward agrees with differences along a direction, at every size") {
  const std::vector<SizedCase> cases = sized_cases();
  CHECK_GE(cases.size(), 500);
  for (const SizedCase& one : cases) CHECK_EQ(differences_report(one), "");
}

TEST_CASE("float agrees with double at every size, on every instruction set") {
  const Isa best = best_isa();
  for (int set = 0; set <= static_cast<int>(best); ++set) {
    set_isa(static_cast<Isa>(set));
    CAPTURE(isa_name(isa()));
    for (const SizedCase& one : sized_cases()) CHECK_EQ(float_report(one), "");
  }
  set_isa(best);
}
