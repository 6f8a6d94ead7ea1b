#pragma once
// Kernels over whole rows: embedding lookup, column slices, mean over time, softmax.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// Backward functions ADD into the gradients they are given.
struct Rows {
  /// y[r,:] = table[ids[r],:]; table: [V, n], requires ids within [0, V).
  void (*gather)(Index rows, Index n, const std::int32_t* ids, const Real* table, Real* y);
  void (*gather_backward)(Index rows, Index n, const std::int32_t* ids, const Real* dy, Real* dtable);

  /// y[r,:] = x[r, begin : begin + n] of rows of `width`.
  void (*columns)(Index rows, Index width, Index begin, Index n, const Real* x, Real* y);
  void (*columns_backward)(Index rows, Index width, Index begin, Index n, const Real* dy, Real* dx);

  /// y[b,:] = mean of x[b, 0 : lengths[b], :]; x: [batch, length, n], lengths null: all of it.
  void (*mean_over_time)(Index batch, Index length, Index n, const std::int32_t* lengths, const Real* x, Real* y);
  void (*mean_over_time_backward)(Index batch, Index length, Index n, const std::int32_t* lengths, const Real* dy,
                                  Real* dx);

  /// y = softmax over the last axis of x: [rows, n].
  void (*softmax)(Index rows, Index n, const Real* x, Real* y);
  /// dx += y (dy - <y, dy>)
  void (*softmax_backward)(Index rows, Index n, const Real* y, const Real* dy, Real* dx);
};
extern const Dispatch<Rows> rows;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
