#pragma once
// Causal convolution with a kernel as long as the sequence, by FFT.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// y[b,t,h] = sum_{j<=t} k[j,h] u[b,t-j,h] + skip[h] u[b,t,h]
/// u, y: [B, L, H]   k: [L, H]   skip: [H] or null
/// Padded to the power of two at or above 2 L - 1, so that nothing wraps around.
struct LongConv {
  void (*forward)(Index batch, Index length, Index heads, const Real* u, const Real* k, const Real* skip, Real* y);
  /// ADDS into every gradient given; null ones are not wanted.
  void (*backward)(Index batch, Index length, Index heads, const Real* u, const Real* k, const Real* skip,
                   const Real* dy, Real* du, Real* dk, Real* dskip);
  /// For benchmarks: a forward and an inverse transform, as a convolution runs them, of `count` groups of `fft_lanes`
  /// real sequences of length n (a power of two). data: [count, n, fft_lanes].
  void (*fft_there_and_back)(Index count, Index n, Real* data);
  Index (*fft_lanes)();
};
extern const Dispatch<LongConv> long_conv;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
