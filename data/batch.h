#pragma once
// A batch of sequences, or a chunk of one, as plain numbers.

#include <cstdint>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// B sequences, L steps of each.
struct Batch {
  static constexpr std::int32_t kIgnored = -100;  ///< a target that is not scored

  Index batch = 0, length = 0;
  std::vector<std::int32_t> tokens;   ///< [B, L], or empty
  std::vector<float> values;          ///< [B, L, features], or empty
  std::vector<std::int32_t> targets;  ///< [B, L]; one answer a sequence: [B]. Empty for regression
  std::vector<float> target_values;   ///< [B, outputs], or empty
  std::vector<float> weights;         ///< [B] of the answers in the training's loss, or empty: all 1
  std::vector<std::int32_t> lengths;  ///< [B] steps of each sequence within this chunk, or empty: all of L
  bool first = true, last = true;     ///< this chunk begins, ends its sequences

  /// Sequences [begin, end) of it.
  Batch rows(Index begin, Index end) const;
  /// Steps of all sequences together, without padding.
  Index steps() const;
  /// How many answers are scored, or the sum of their weights: what the mean loss is over.
  double scored() const;
};

}  // namespace seqtape
