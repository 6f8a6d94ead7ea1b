#pragma once
// Layer normalisation over the last axis.

#include "autograd/tape.h"
#include "core/kernels/norm.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct LayerNorm {
  enum : std::size_t { x, weight, bias };
  static constexpr OpSchema schema{
      .name = "layer_norm", .inputs = {"x", "weight", "bias?"}, .outputs = {"y"}, .keeps = {x, weight}};
  double eps;

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(x, 1);
    in.require_shape(weight, Shape{in[x].shape().back()});
    in.require_shape(bias, Shape{in[x].shape().back()});
    return {in[x].shape()};
  }
  /// Mean and 1/deviation of each row.
  Index saved_size(const Inputs& in) const { return 2 * row_count(in[x].shape()); }
  void forward(const Operands& v) const {
    kernels::norm->layer(row_count(v.in[x].shape()), v.in[weight].size(), eps, v.in[x].data(), v.in[weight].data(),
                         v.in[bias].data(), v.out[0].data(), v.saved.data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::norm->layer_backward(row_count(v.in[x].shape()), v.in[weight].size(), v.in[x].data(), v.in[weight].data(),
                                  v.saved.data(), dy[0].data(), into[x], into[weight], into[bias]);
  }
};

}  // namespace ops

/// x [..., n], weight and bias [n]; bias may be undefined.
inline Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps) {
  return apply(ops::LayerNorm{eps}, {x, weight, bias})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
