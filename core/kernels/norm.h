#pragma once
// Normalisation over the last axis.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// x, y: [rows, n]; weight, bias: [n]. Backward functions ADD into the gradients; a null one is not wanted.
struct Norm {
  /// y = x r weight, r = 1/sqrt(mean(x^2) + eps); r is kept in scale: [rows], or null. Zhang & Sennrich 2019, eq. 4.
  void (*rms)(Index rows, Index n, double eps, const Real* x, const Real* weight, Real* y, Real* scale);
  void (*rms_backward)(Index rows, Index n, const Real* x, const Real* weight, const Real* scale, const Real* dy,
                       Real* dx, Real* dweight);
  /// y = (x - m) r weight + bias, m = mean(x), r = 1/sqrt(var(x) + eps); m and r are kept in stats: [rows, 2], or null.
  /// Ba et al. 2016.
  void (*layer)(Index rows, Index n, double eps, const Real* x, const Real* weight, const Real* bias, Real* y,
                Real* stats);
  void (*layer_backward)(Index rows, Index n, const Real* x, const Real* weight, const Real* stats, const Real* dy,
                         Real* dx, Real* dweight, Real* dbias);
};
extern const Dispatch<Norm> norm;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
