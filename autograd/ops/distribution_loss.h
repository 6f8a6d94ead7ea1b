#pragma once
// How unlikely numbers are by the distributions that a model answers, averaged over those that are known.

#include "autograd/tape.h"
#include "core/kernels/distribution_loss.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct DistributionLoss {
  enum : std::size_t { outputs };
  static constexpr OpSchema schema{
      .name = "distribution_loss", .inputs = {"outputs"}, .outputs = {"loss"}, .keeps = {outputs}};
  Tensor target;  ///< NaN: not scored
  Distribution distribution;

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(outputs, 1);
    if (in[outputs].shape().size() != target.size() * distribution.width())
      in.fail(str(distribution.width(), " outputs for each number: outputs ", in[outputs].shape(), ", target ",
                  target.shape()));
    return {Shape{}};
  }
  /// 1 / (numbers that are scored).
  Index saved_size(const Inputs&) const { return 1; }
  void forward(const Operands& v) const {
    Index scored = 0;
    const double total =
        kernels::distribution_loss(distribution, target.size(), v.in[outputs].data(), target.data(), &scored);
    const double share = scored > 0 ? 1 / static_cast<double>(scored) : 0;
    v.out[0].data()[0] = static_cast<Real>(total * share);
    if (v.saved.defined()) v.saved.data()[0] = static_cast<Real>(share);
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::distribution_loss_backward(distribution, target.size(), dy[0].data()[0] * v.saved.data()[0],
                                        v.in[outputs].data(), target.data(), into[outputs]);
  }
};

}  // namespace ops

/// outputs [..., N * Q], target [..., N] with NaN where a number is missing -> scalar: the mean loss
/// (core/kernels/distribution_loss.h) of those that are known, 0 when there are none. Q = distribution.width().
inline Variable distribution_loss(const Variable& outputs, const Tensor& target, const Distribution& distribution) {
  return apply(ops::DistributionLoss{target, distribution}, {outputs})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
