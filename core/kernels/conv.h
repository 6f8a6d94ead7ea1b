#pragma once
// Depthwise causal convolution over time, with the window that carries it from chunk to chunk.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

struct ConvSizes {
  Index batch, length, channels, taps;
  const std::int32_t *lengths = nullptr;  ///< [B]: steps of each sequence, or null: all
  bool silu = false;
};

/// y[b,t,d] = f(bias[d] + sum_k weight[d,k] x[b, t-K+1+k, d]),  f = silu or identity
/// x, y: [B, L, D]   weight: [D, K]   bias: [D] or null
/// window, window_last: [B, K-1, D], the K-1 inputs before the chunk (null: zeros) and its last K-1 (null: not wanted)
/// Steps at or beyond a sequence's length give zero and do not enter its window.
struct ConvInputs {
  const Real *x, *weight, *bias, *window;
};
struct ConvOutputs {
  Real *y, *window_last;
};
struct ConvOutputGrads {
  const Real *y, *window_last;
};
struct ConvInputGrads {
  Real *x, *weight, *bias, *window;
};

struct Conv {
  void (*forward)(const ConvSizes &, const ConvInputs &, const ConvOutputs &);
  /// ADDS into every gradient given; null ones are not wanted. Null output gradients are zero.
  void (*backward)(const ConvSizes &, const ConvInputs &, const ConvOutputGrads &, const ConvInputGrads &);
};
extern const Dispatch<Conv> conv;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
