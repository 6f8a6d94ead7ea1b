#include "models/sampling.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

using namespace seqtape;

namespace {

const std::vector<Real> kLogits{std::log(0.1f), std::log(0.4f), std::log(0.2f), std::log(0.3f)};

/// The share of each token among 20,000 drawn.
std::map<std::int32_t, double> shares(const Sampling& settings) {
  Random random(1, "sampling");
  std::map<std::int32_t, double> counts;
  for (int i = 0; i < 20000; ++i) counts[sample(kLogits.data(), 4, settings, random)] += 1.0 / 20000;
  return counts;
}

}  // namespace

TEST_CASE("tokens are drawn by their shares, among those that are left") {
  const auto all = shares({});
  for (const auto& [token, share] : {std::pair<int, double>{0, 0.1}, {1, 0.4}, {2, 0.2}, {3, 0.3}})
    CHECK(all.at(token) == doctest::Approx(share).epsilon(0.05));
  const auto sharper = shares({.temperature = 0.5});  // shares squared
  CHECK(sharper.at(1) == doctest::Approx(0.16 / 0.30).epsilon(0.05));
  const auto two = shares({.top_k = 2});
  CHECK_EQ(two.size(), 2);
  CHECK(two.at(1) == doctest::Approx(4.0 / 7).epsilon(0.05));
  const auto nucleus = shares({.top_p = 0.75});  // 0.4 + 0.3 fall short, so the third is in
  CHECK_EQ(nucleus.size(), 3);
  CHECK(nucleus.at(2) == doctest::Approx(2.0 / 9).epsilon(0.05));
  CHECK_EQ(shares({.top_p = 0.65}).size(), 2);
  CHECK_EQ(shares({.top_p = 1e-9}).size(), 1);
  CHECK_EQ(shares({.temperature = 0}).at(1), doctest::Approx(1));
}

TEST_CASE("a repetition is made less likely, whatever the sign of its logit") {
  std::vector<Real> logits{2, -2, 0.5f, -0.5f};
  penalize(logits.data(), {0, 1}, 2);
  CHECK(logits == std::vector<Real>{1, -4, 0.5f, -0.5f});
}
