#pragma once
// Root-mean-square normalisation over the last axis.

#include "autograd/tape.h"
#include "core/kernels/norm.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct RmsNorm {
  enum : std::size_t { x, weight };
  static constexpr OpSchema schema{
      .name = "rms_norm", .inputs = {"x", "weight"}, .outputs = {"y"}, .keeps = {x, weight}};
  double eps;

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(x, 1);
    in.require_shape(weight, Shape{in[x].shape().back()});
    return {in[x].shape()};
  }
  /// 1/rms of each row.
  Index saved_size(const Inputs& in) const { return row_count(in[x].shape()); }
  void forward(const Operands& v) const {
    kernels::norm->rms(row_count(v.in[x].shape()), v.in[weight].size(), eps, v.in[x].data(), v.in[weight].data(),
                       v.out[0].data(), v.saved.data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::norm->rms_backward(row_count(v.in[x].shape()), v.in[weight].size(), v.in[x].data(), v.in[weight].data(),
                                v.saved.data(), dy[0].data(), into[x], into[weight]);
  }
};

}  // namespace ops

/// x [..., n], weight [n]
inline Variable rms_norm(const Variable& x, const Variable& weight, double eps) {
  return apply(ops::RmsNorm{eps}, {x, weight})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
