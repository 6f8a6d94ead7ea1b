#include "core/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace seqtape;

TEST_CASE("philox gives the published vectors") {
  // Random123's known answers for philox4x32-10.
  CHECK(philox(0, 0, 0) == std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox(~0ull, ~0ull, ~0ull) == std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox(0x299f31d0a4093822ull, 0x85a308d3243f6a88ull, 0x0370734413198a2eull) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the same numbers on every platform") {
  Random random(42, "platform", 1);
  CHECK_EQ(random.bits(), random.bits_at(0));
  Random again(42, "platform", 1);
  again.bits();
  CHECK_EQ(again.bits(), random.bits_at(1));
  // Frozen: a change here changes every run of every user.
  Random normal(1, "normal");
  CHECK_EQ(normal.normal(), -0x1.9656abf196a02p-2);
  CHECK_EQ(normal.normal(), 0x1.5096d6df88ea8p+0);
}

TEST_CASE("distributions have their moments") {
  Random random(7, "moments");
  double sum = 0, squares = 0, fourth = 0;
  constexpr int n = 200000;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  CHECK(std::fabs(sum / n) < 0.01);
  CHECK(squares / n == doctest::Approx(1).epsilon(0.015));
  CHECK(fourth / n == doctest::Approx(3).epsilon(0.05));
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[static_cast<std::size_t>(random.below(7))];
  for (const int count : counts) CHECK(count == doctest::Approx(10000).epsilon(0.05));
  auto order = random.permutation(100);
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (int i = 0; i < 100; ++i) CHECK_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_CASE("streams differ by seed, name and substream") {
  CHECK_NE(Random(1, "a").bits(), Random(2, "a").bits());
  CHECK_NE(Random(1, "a").bits(), Random(1, "b").bits());
  CHECK_NE(Random(1, "a", 0).bits(), Random(1, "a", 1).bits());
}
