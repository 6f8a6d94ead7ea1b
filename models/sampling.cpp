#include "models/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace seqtape::inline SEQTAPE_PRECISION {

void penalize(Real* logits, const std::set<std::int32_t>& seen, double penalty) {
  for (const std::int32_t token : seen) {
    const auto logit = static_cast<double>(logits[token]);
    // Kept finite: no token could be drawn from infinite logits.
    constexpr double kMost = static_cast<double>(std::numeric_limits<Real>::max());
    logits[token] = static_cast<Real>(std::clamp(logit > 0 ? logit / penalty : logit * penalty, -kMost, kMost));
  }
}

namespace {

/// Draws among all tokens, which needs no sorting.
std::int32_t draw(const Real* logits, Index classes, double temperature, Random& random) {
  const Real most = *std::max_element(logits, logits + classes);
  std::vector<double> weights(static_cast<std::size_t>(classes));
  double left = 0;
  for (Index i = 0; i < classes; ++i)
    left += weights[static_cast<std::size_t>(i)] = std::exp(static_cast<double>(logits[i] - most) / temperature);
  left *= random.uniform();
  for (Index i = 0; i < classes; ++i)
    if ((left -= weights[static_cast<std::size_t>(i)]) < 0) return static_cast<std::int32_t>(i);
  return static_cast<std::int32_t>(std::max_element(logits, logits + classes) - logits);
}

}  // namespace

std::int32_t sample(const Real* logits, Index classes, const Sampling& settings, Random& random) {
  if (settings.temperature == 0) return static_cast<std::int32_t>(std::max_element(logits, logits + classes) - logits);
  if (settings.top_k <= 0 && settings.top_p >= 1) return draw(logits, classes, settings.temperature, random);
  std::vector<std::int32_t> order(static_cast<std::size_t>(classes));
  std::iota(order.begin(), order.end(), 0);
  const Index kept = settings.top_k > 0 ? std::min(settings.top_k, classes) : classes;
  std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                    [&](std::int32_t a, std::int32_t b) { return logits[a] > logits[b]; });
  order.resize(static_cast<std::size_t>(kept));
  std::vector<double> weights;
  for (const std::int32_t token : order)
    weights.push_back(std::exp(static_cast<double>(logits[token] - logits[order[0]]) / settings.temperature));
  if (settings.top_p < 1) {
    const double wanted = settings.top_p * std::accumulate(weights.begin(), weights.end(), 0.0);
    std::size_t count = 0;
    for (double sum = 0; count < weights.size() && sum < wanted; ++count) sum += weights[count];
    weights.resize(std::max<std::size_t>(1, count));
  }
  double left = random.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i)
    if ((left -= weights[i]) < 0) return order[i];
  return order[weights.size() - 1];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
