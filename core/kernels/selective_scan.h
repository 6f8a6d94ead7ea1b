#pragma once
// Mamba's selective scan, fused: softplus and bias of the step size, discretisation, recurrence, skip and gate.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// Steps between the states that the forward saves; the backward recomputes the others.
inline constexpr Index kScanChunk = 16;

struct ScanSizes {
  Index batch, length, channels, states;
  bool delta_softplus = true;
  const std::int32_t *lengths = nullptr;  ///< [B]: steps of each sequence, or null: all
};

/// dt      = softplus(delta[b,t,d] + delta_bias[d])                       (or without softplus)
/// h[t,:]  = exp(dt a[d,:]) h[t-1,:] + dt x[b,t,d] b[b,t,:]
/// y[b,t,d] = (<h[t,:], c[b,t,:]> + skip[d] x[b,t,d]) silu(gate[b,t,d])
///
/// x, delta, gate, y: [B, L, D]   a: [D, N]   b, c: [B, L, N]   skip, delta_bias: [D]   h0, h_last: [B, D, N]
/// gate, skip, delta_bias, h0 and h_last may be null. Steps at or beyond a sequence's length give y = 0 and leave h
/// unchanged. Source: Gu & Dao 2023 (arXiv 2312.00752), algorithm 2, with Euler's B as in the authors' code. Deviation:
/// none.
struct ScanInputs {
  const Real *x, *delta, *a, *b, *c, *skip, *gate, *delta_bias, *h0;
};
struct ScanOutputs {
  Real *y, *h_last;
};
struct ScanOutputGrads {
  const Real *y, *h_last;  ///< null: zero
};
struct ScanInputGrads {
  Real *x, *delta, *a, *b, *c, *skip, *gate, *delta_bias, *h0;  ///< null: not wanted
};

struct SelectiveScan {
  /// Elements of `saved`: the states at every chunk's start.
  Index (*saved_size)(const ScanSizes &);
  /// `saved` may be null when there will be no backward.
  void (*forward)(const ScanSizes &, const ScanInputs &, Real *saved, const ScanOutputs &);
  /// ADDS into every gradient given.
  void (*backward)(const ScanSizes &, const ScanInputs &, const Real *saved, const ScanOutputGrads &,
                   const ScanInputGrads &);
};
extern const Dispatch<SelectiveScan> selective_scan;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
