#pragma once
// How unlikely a number is by the distribution that a model answers (core/distribution.h).

#include "core/distribution.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// outputs: [n, Q], Q = distribution.width()   target: [n]; NaN: not scored
/// Returns the sum over the scored numbers y of, with z = (y - m) / s and s = softplus(r) + 0.001,
///   quantiles  mean over the levels q of max(q (y - o_q), (q - 1) (y - o_q))      the pinball loss
///   gaussian   z^2 / 2 + log s + log(2 pi) / 2
///   student_t  (v + 1) / 2 log(1 + z^2 / v) + log s + lgamma(v/2) - lgamma((v+1)/2) + log(pi v) / 2,  v = degrees
///   point      (y - o)^2
/// and counts them. Computed in double: there are few numbers, and log s cancels.
/// Source: Koenker & Bassett 1978 for quantiles; the others are - log of the density.
double distribution_loss(const Distribution&, Index n, const Real* outputs, const Real* target, Index* scored);

/// doutputs += scale * gradient. With u the derivative of the loss by z, and dz/dm = -1/s, ds/dr = sigmoid(r):
///   dm = -u / s,  dr = (1 - u z) sigmoid(r) / s;   gaussian: u = z,  student_t: u = (v + 1) z / (v + z^2)
/// A quantile's is (1[y < o] - q) / Q; at y = o it is taken as 1 - q.
void distribution_loss_backward(const Distribution&, Index n, Real scale, const Real* outputs, const Real* target,
                                Real* doutputs);

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
