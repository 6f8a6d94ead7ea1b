// Every mixer's layer at real sizes: backward against differences along a direction (double), float against double.
#include <doctest/doctest.h>

#include "tests/support/directions.h"

using namespace seqtape::testing_bridge;

TEST_CASE("a layer's backward agrees with differences along a direction, at every size") {
  const std::vector<SizedCase> cases = sized_cases();
  CHECK_GE(cases.size(), 300);
  for (const SizedCase& one : cases) CHECK_EQ(differences_report(one), "");
}

TEST_CASE("a layer in float agrees with double at every size") {
  for (const SizedCase& one : sized_cases()) CHECK_EQ(float_report(one), "");
}
