#pragma once
// Indexing of sequences [B, L, ...], for ops that move steps.

#include "core/tensor.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

/// Elements of one step.
inline Index step_size(const Shape& shape) {
  Index size = 1;
  for (int i = 2; i < shape.rank(); ++i) size *= shape[i];
  return size;
}

/// Elements of one sequence.
inline Index sequence_size(const Shape& shape) { return shape[1] * step_size(shape); }

/// Steps of sequence b of a batch, without padding.
inline Index steps_of(const IndexTensor& lengths, Index b, Index length) {
  return lengths.defined() ? lengths.data()[b] : length;
}

inline void add_numbers(Index count, const Real* from, Real* to) {
  for (Index i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace ops

}  // namespace seqtape::inline SEQTAPE_PRECISION
