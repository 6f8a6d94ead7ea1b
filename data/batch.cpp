#include "data/batch.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace seqtape {

Batch Batch::rows(Index begin, Index end) const {
  const auto part = [&](const auto& all) {
    const Index row = static_cast<Index>(all.size()) / batch;
    return std::decay_t<decltype(all)>(all.begin() + begin * row, all.begin() + end * row);
  };
  return {end - begin,   length,        part(tokens), part(values), part(targets), part(target_values),
          part(weights), part(lengths), part(kept),   bands,        first,         last};
}

Index Batch::steps() const {
  return lengths.empty() ? batch * length : std::accumulate(lengths.begin(), lengths.end(), Index{0});
}

double Batch::scored() const {
  if (!weights.empty()) return std::accumulate(weights.begin(), weights.end(), 0.0);
  if (targets.empty())
    return static_cast<double>(
        std::count_if(target_values.begin(), target_values.end(), [](float value) { return !std::isnan(value); }));
  return static_cast<double>(static_cast<std::ptrdiff_t>(targets.size()) -
                             std::count(targets.begin(), targets.end(), kIgnore));
}

}  // namespace seqtape
