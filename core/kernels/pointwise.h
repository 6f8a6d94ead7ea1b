#pragma once
// Elementwise functions.

#include "core/kernels/dispatch.h"
#include "core/random.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

enum class Activation { silu, sigmoid, tanh, relu, gelu, gelu_tanh, softplus, exp, negative_exp };

/// Every array has n elements unless a shape says otherwise. Backward functions ADD into the gradients they are given.
struct Pointwise {
  /// y = f(x). gelu is exact (x Phi(x)), gelu_tanh its tanh form, softplus has no threshold, negative_exp is -e^x.
  void (*activation)(Activation f, Index n, const Real* x, Real* y);
  /// dx += dy f'(x)
  void (*activation_backward)(Activation f, Index n, const Real* x, const Real* dy, Real* dx);

  /// y = a + b
  void (*add)(Index n, const Real* a, const Real* b, Real* y);
  /// y += scale * x
  void (*accumulate)(Index n, Real scale, const Real* x, Real* y);
  /// y = a * b
  void (*multiply)(Index n, const Real* a, const Real* b, Real* y);
  /// da += dy b, db += dy a; either may be null.
  void (*multiply_backward)(Index n, const Real* a, const Real* b, const Real* dy, Real* da, Real* db);

  /// y[r,i] = x[r,i] weight[i]; x, y: [rows, n], weight: [n]. Null gradients are not wanted.
  void (*scale_columns)(Index rows, Index n, const Real* x, const Real* weight, Real* y);
  void (*scale_columns_backward)(Index rows, Index n, const Real* x, const Real* weight, const Real* dy, Real* dx,
                                 Real* dweight);

  /// Gated linear unit. x: [rows, 2n] as halves (a, g); y: [rows, n] = a sigmoid(g). Dauphin et al. 2017, eq. 1.
  void (*glu)(Index rows, Index n, const Real* x, Real* y);
  void (*glu_backward)(Index rows, Index n, const Real* x, const Real* dy, Real* dx);

  /// y = x m / (1 - rate), where m is 1 with probability 1 - rate: the backward is the same map. x, y: [B, L, D]. m is
  /// drawn at (key, sequence, step, channel), so that it does not depend on how a batch or a sequence is split. With
  /// `accumulate`, y += ….
  void (*dropout)(Index batch, Index length, Index width, double rate, const DropoutKey& key, bool accumulate,
                  const Real* x, Real* y);
};
extern const Dispatch<Pointwise> pointwise;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
