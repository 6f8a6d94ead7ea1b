#pragma once
// Diagonal linear recurrences: one state a channel.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

struct LinearScanSizes {
  Index batch, length, channels;
  const std::int32_t* lengths = nullptr;  ///< [B]: steps of each sequence, or null: all
};

/// The backward functions ADD into the gradients given; null output gradients are zero, null input gradients not
/// wanted. Steps at or beyond a sequence's length give 0 and leave the state unchanged.
struct LinearScan {
  /// h[b,t,d] = a[b,t,d] h[b,t-1,d] + x[b,t,d]
  /// a, x, y (= h): [B, L, D]   h0, h_last: [B, D]; h0 null: zeros
  /// minGRU and minLSTM: Feng et al. 2024 (arXiv 2410.01201).
  void (*diagonal)(const LinearScanSizes&, const Real* a, const Real* x, const Real* h0, Real* y, Real* h_last);
  void (*diagonal_backward)(const LinearScanSizes&, const Real* a, const Real* h0, const Real* y, const Real* dy,
                            const Real* dh_last, Real* da, Real* dx, Real* dh0);
  /// The same with a constant complex a: [2, D] (real parts, then imaginary); x, y: [B, L, 2 D]; h0, h_last: [B, 2 D].
  /// LRU: Orvieto et al. 2023 (arXiv 2303.06349), eq. 3.
  void (*complex_diagonal)(const LinearScanSizes&, const Real* a, const Real* x, const Real* h0, Real* y, Real* h_last);
  void (*complex_diagonal_backward)(const LinearScanSizes&, const Real* a, const Real* h0, const Real* y,
                                    const Real* dy, const Real* dh_last, Real* da, Real* dx, Real* dh0);
};
extern const Dispatch<LinearScan> linear_scan;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
