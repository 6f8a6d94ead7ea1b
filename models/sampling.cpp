#include "models/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace seqtape::inline SEQTAPE_PRECISION {

std::int32_t sample(const Real* logits, Index classes, const Sampling& settings, Random& random) {
  if (settings.temperature == 0) return static_cast<std::int32_t>(std::max_element(logits, logits + classes) - logits);
  std::vector<std::int32_t> order(static_cast<std::size_t>(classes));
  std::iota(order.begin(), order.end(), 0);
  const Index kept = settings.top_k > 0 ? std::min(settings.top_k, classes) : classes;
  std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                    [&](std::int32_t a, std::int32_t b) { return logits[a] > logits[b]; });
  order.resize(static_cast<std::size_t>(kept));
  std::vector<double> weights;
  for (const std::int32_t token : order)
    weights.push_back(std::exp(static_cast<double>(logits[token] - logits[order[0]]) / settings.temperature));
  double left = random.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i)
    if ((left -= weights[i]) < 0) return order[i];
  return order.back();
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
