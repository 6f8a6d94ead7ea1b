#pragma once
// Frames of samples in bands of the mel scale.

#include "core/kernels/dispatch.h"
#include "core/mel.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// y[f,j] = log10(max(sum_k M[j,k] |X[f,k]|^2, 1e-10)), with the spectrum X[f] of x[f] and the bands M of core/mel.h.
/// x, dx: [frames, window]   y, dy: [frames, bands]
struct LogMel {
  void (*forward)(const MelBands &, Index frames, const Real *x, Real *y);
  /// ADDS into dx. Silence has no gradient.
  void (*backward)(const MelBands &, Index frames, const Real *x, const Real *dy, Real *dx);
};
extern const Dispatch<LogMel> log_mel;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
