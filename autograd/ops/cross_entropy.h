#pragma once
// Cross entropy with class targets, averaged over the scored ones.

#include "autograd/tape.h"
#include "core/kernels/loss.h"
#include "core/sequence_shape.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct CrossEntropy {
  enum : std::size_t { logits };
  static constexpr OpSchema schema{
      .name = "cross_entropy", .inputs = {"logits"}, .outputs = {"loss"}, .keeps = {logits}};
  IndexTensor target;
  double label_smoothing;
  Tensor weight;  ///< undefined: all 1

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(logits, 1);
    const Shape& shape = in[logits].shape();
    const Index classes = shape.back(), count = row_count(shape);
    if (target.size() != count)
      in.fail(str("one target for each row of logits: logits ", shape, ", target ", target.shape()));
    if (weight.defined() && weight.size() != count)
      in.fail(str("one weight for each target: ", weight.shape(), ", target ", target.shape()));
    for (Index i = 0; i < count; ++i)
      if (target.data()[i] != kIgnore && (target.data()[i] < 0 || target.data()[i] >= classes))
        throw DataError(str("cross_entropy: target ", target.data()[i], " is not in [0, ", classes, ")"));
    return {Shape{}};
  }
  /// The log-sum-exp of each row, then 1 / (sum of the scored weights).
  Index saved_size(const Inputs& in) const { return row_count(in[logits].shape()) + 1; }
  void forward(const Operands& v) const {
    const Shape& shape = v.in[logits].shape();
    double scored = 0;
    const double total =
        kernels::loss->cross_entropy(row_count(shape), shape.back(), label_smoothing, kIgnore, v.in[logits].data(),
                                     target.data(), weight.data(), v.saved.data(), &scored);
    v.out[0].data()[0] = static_cast<Real>(scored > 0 ? total / scored : 0);
    if (v.saved.defined()) v.saved.data()[row_count(shape)] = scored > 0 ? Real{1} / static_cast<Real>(scored) : 0;
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.in[logits].shape();
    const Real scale = v.saved.data()[row_count(shape)];
    kernels::loss->cross_entropy_backward(row_count(shape), shape.back(), label_smoothing, kIgnore,
                                          dy[0].data()[0] * scale, v.in[logits].data(), target.data(), weight.data(),
                                          v.saved.data(), into[logits]);
  }
};

}  // namespace ops

/// logits [..., V], target [...], weight [...] or undefined (all 1) -> scalar: the weighted mean over the scored
/// targets in nats, 0 when there are none. Throws DataError for a target outside [0, V) other than kIgnore.
inline Variable cross_entropy(const Variable& logits, const IndexTensor& target, double label_smoothing = 0,
                              const Tensor& weight = {}) {
  return apply(ops::CrossEntropy{target, label_smoothing, weight}, {logits})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
