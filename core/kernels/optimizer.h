#pragma once
// One step of an optimizer on one parameter, and the gradient's norm.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// All arrays: [n]. `scale` multiplies the gradient first (clipping).
struct OptimizerKernels {
  /// m = b1 m + (1-b1) g,  v = b2 v + (1-b2) g^2,  p = p shrink - rate m / (sqrt(v) / root + eps)
  /// with rate = lr/(1-b1^t) and root = sqrt(1-b2^t). Before that g += l2 p (Adam's decay); shrink = 1 - lr decay
  /// (AdamW's). Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2.
  struct Adam {
    Real scale, beta1, beta2, eps, rate, root, l2, shrink;
  };
  void (*adam)(Index n, const Adam&, const Real* gradient, Real* parameter, Real* m, Real* v);
  /// v = momentum v + g + l2 p,  p -= lr v; v may be null when momentum is 0.
  void (*sgd)(Index n, Real scale, Real lr, Real momentum, Real l2, const Real* gradient, Real* parameter, Real* v);
  /// Sum of squares, in double and in a fixed order.
  double (*sum_of_squares)(Index n, const Real* x);
};
extern const Dispatch<OptimizerKernels> optimizer;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
