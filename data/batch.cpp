#include "data/batch.h"

#include <algorithm>

namespace seqtape {

Batch Batch::rows(Index begin, Index end) const {
  const auto part = [&](const auto& all) {
    const Index row = static_cast<Index>(all.size()) / batch;
    return std::decay_t<decltype(all)>(all.begin() + begin * row, all.begin() + end * row);
  };
  return {end - begin,         length,        part(tokens), part(values), part(targets),
          part(target_values), part(lengths), first,        last};
}

Index Batch::scored() const {
  if (targets.empty()) return static_cast<Index>(target_values.size());
  return static_cast<Index>(targets.size()) - std::count(targets.begin(), targets.end(), kIgnored);
}

}  // namespace seqtape
