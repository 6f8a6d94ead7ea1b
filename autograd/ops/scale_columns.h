#pragma once
// x [..., n] times weight [n], by column.

#include "autograd/tape.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct ScaleColumns {
  enum : std::size_t { x, weight };
  static constexpr OpSchema schema{
      .name = "scale_columns", .inputs = {"x", "weight"}, .outputs = {"y"}, .keeps = {x, weight}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(x, 1);
    in.require_shape(weight, Shape{in[x].shape().back()});
    return {in[x].shape()};
  }
  void forward(const Operands& v) const {
    kernels::pointwise->scale_columns(row_count(v.in[x].shape()), v.in[weight].size(), v.in[x].data(),
                                      v.in[weight].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::pointwise->scale_columns_backward(row_count(v.in[x].shape()), v.in[weight].size(), v.in[x].data(),
                                               v.in[weight].data(), dy[0].data(), into[x], into[weight]);
  }
};

}  // namespace ops

inline Variable scale_columns(const Variable& x, const Variable& weight) {
  return apply(ops::ScaleColumns{}, {x, weight})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
