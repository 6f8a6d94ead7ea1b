// Every op at real sizes: backward against differences along a direction (double), float against double.
#include "tests/support/directions.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <set>

#include "core/cpu.h"
#include "core/pool.h"
#include "core/real.h"
#include "tests/support/op_case.h"

using namespace seqtape;
using namespace seqtape::testing_bridge;

TEST_CASE("backward agrees with differences along a direction, at every size") {
  const std::vector<SizedCase> cases = sized_cases();
  CHECK_GE(cases.size(), 500);
  for (const SizedCase& one : cases) CHECK_EQ(differences_report(one), "");
}

TEST_CASE("every op has a case at real sizes") {
  std::set<std::string> sized;
  for (const SizedCase& one : sized_cases())
    for (const std::string& op : ops_of_case(one)) sized.insert(op);
  for (const testing::OpCase& op_case : testing::op_cases())
    for (const AnyOp& op : testing::ops_of(op_case)) {
      CAPTURE(std::string(op.name()));
      CHECK(sized.contains(op.name()));
    }
}

TEST_CASE("sequences that are alike, past 65,536 of them, have the numbers of one alone") {
  const Alike many{.length = 2, .channels = 3, .heads = 2, .copies = 33000};
  for (std::size_t op = 0; op < alike_count(many); ++op) CHECK_EQ(alike_report(many, op), "");
}

TEST_CASE("float agrees with double at every size, on every instruction set") {
  const Isa best = best_isa();
  for (int set = 0; set <= static_cast<int>(best); ++set) {
    set_isa(static_cast<Isa>(set));
    CAPTURE(isa_name(isa()));
    for (const SizedCase& one : sized_cases())
      if (isa() == best || !is_long(one)) CHECK_EQ(float_report(one), "");
  }
  set_isa(best);
}

// ctest -C long -R directions_large: the second needs about 100 GB of memory. SEQTAPE_OP=lstm tries only such ops.
TEST_CASE("a million steps" * doctest::skip()) {
  const Alike deep{.length = Index{1} << 20, .channels = 1, .heads = 1, .copies = 3};
  for (std::size_t op = 0; op < alike_count(deep); ++op)
    if (alike_name(deep, op).find("attention") == std::string::npos) CHECK_EQ(alike_report(deep, op), "");
}

TEST_CASE("tensors past 2^31 elements" * doctest::skip()) {
  Alike huge{.length = 1024, .channels = 64, .heads = 16, .copies = 32800};
  for (std::size_t op = 0; op < alike_count(huge); ++op) {
    huge.channels = 64;
    const std::string name = alike_name(huge, op);
    // Their gates are several channels wide, and pass 2^31 with fewer.
    if (name.starts_with("recurrence lstm") || name.starts_with("recurrence gru")) huge.channels = 24;
    if (const char* const only = std::getenv("SEQTAPE_OP"))
      if (alike_name(huge, op).find(only) == std::string::npos) continue;
    std::cout << alike_name(huge, op) << std::endl;
    CHECK_EQ(alike_report(huge, op), "");
    pool::trim();
  }
}
