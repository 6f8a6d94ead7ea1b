#pragma once
// A linear map of each block of channels by itself: a block-diagonal matrix.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

struct BlockLinearSizes {
  Index rows, blocks, in, out;  ///< `in`, `out`: channels of a block
};

struct BlockLinear {
  /// y[r, g, :] = weight[g] x[r, g, :] + bias[g]; x: [rows, G, in]  weight: [G, out, in]  bias: [G, out] or null
  /// y: [rows, G, out]
  void (*forward)(const BlockLinearSizes&, const Real* x, const Real* weight, const Real* bias, Real* y);
  /// ADDS into the gradients; null: not wanted.
  void (*backward)(const BlockLinearSizes&, const Real* x, const Real* weight, const Real* dy, Real* dx, Real* dweight,
                   Real* dbias);
};
extern const Dispatch<BlockLinear> block_linear;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
