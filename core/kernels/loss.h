#pragma once
// Losses, and the count of correct predictions.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// Backward functions ADD into the gradients they are given.
struct Loss {
  /// Cross entropy of softmax(logits): [rows, classes] against target: [rows]; rows with target == ignore are not
  /// scored. With smoothing s the target distribution is (1-s) onehot + s/classes (Szegedy et al. 2016, section 7).
  /// weight: [rows], or null: all 1. log_sum: [rows], the log-sum-exp of the logits, kept for the backward, or null.
  /// Returns the weighted sum of the scored rows' losses in nats; `scored` gets the sum of their weights.
  double (*cross_entropy)(Index rows, Index classes, double smoothing, std::int32_t ignore, const Real* logits,
                          const std::int32_t* target, const Real* weight, Real* log_sum, double* scored);
  /// dlogits += scale weight (softmax - target distribution) on scored rows.
  void (*cross_entropy_backward)(Index rows, Index classes, double smoothing, std::int32_t ignore, Real scale,
                                 const Real* logits, const std::int32_t* target, const Real* weight,
                                 const Real* log_sum, Real* dlogits);
  /// How many scored rows have their largest logit at the target; `hit`: [rows] gets 1, 0, or -1 where not scored.
  Index (*correct)(Index rows, Index classes, std::int32_t ignore, const Real* logits, const std::int32_t* target,
                   std::int32_t* hit);

  /// Sum of (x - target)^2 over n elements; and dx += scale * 2 (x - target).
  double (*squared_error)(Index n, const Real* x, const Real* target);
  void (*squared_error_backward)(Index n, Real scale, const Real* x, const Real* target, Real* dx);
};
extern const Dispatch<Loss> loss;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
