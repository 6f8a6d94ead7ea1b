#pragma once
// A batch of sequences, or a chunk of one, as plain numbers.

#include <cstdint>
#include <vector>

#include "core/sequence_shape.h"

namespace seqtape {

/// B sequences, L steps of each.
struct Batch {
  Index batch = 0, length = 0;
  std::vector<std::int32_t> tokens;   ///< [B, L], or empty
  std::vector<float> values;          ///< [B, L, features], or empty
  std::vector<std::int32_t> targets;  ///< [B, L], or [B] with one target a sequence; of classes and tokens
  /// [B, outputs] or [B, L, outputs] of numbers, NaN: not scored; [B, outputs] of labels, 1: it applies, 0: not
  std::vector<float> target_values;
  std::vector<float> weights;  ///< of each target, or label, in the training loss, 0 where it is not scored; empty: 1
  std::vector<std::int32_t> lengths;  ///< [B] steps of each sequence within this chunk, or empty: all of L
  std::vector<float> kept;            ///< [B, frames, bands] of 0 and 1: what masks leave of values' bands; empty: all
  Index bands = 0;                    ///< of `kept`
  bool first = true, last = true;     ///< whether this chunk begins and ends its sequences

  /// Sequences [begin, end).
  Batch rows(Index begin, Index end) const;
  /// The number of steps of all sequences, without padding.
  Index steps() const;
  /// The denominator of the mean loss: the number of scored targets, or the sum of their weights.
  double scored() const;
};

}  // namespace seqtape
