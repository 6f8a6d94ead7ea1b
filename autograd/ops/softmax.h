#pragma once
// Softmax over the last axis.

#include "autograd/tape.h"
#include "core/kernels/rows.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Softmax {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "softmax", .inputs = {"x"}, .outputs = {"y"}, .keeps_outputs = {0}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(x, 1);
    return {in[x].shape()};
  }
  void forward(const Operands& v) const {
    const Shape& shape = v.in[x].shape();
    kernels::rows->softmax(row_count(shape), shape.back(), v.in[x].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.in[x].shape();
    kernels::rows->softmax_backward(row_count(shape), shape.back(), v.out[0].data(), dy[0].data(), into[x]);
  }
};

}  // namespace ops

inline Variable softmax(const Variable& x) { return apply(ops::Softmax{}, {x})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
