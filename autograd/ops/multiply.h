#pragma once
// a * b elementwise, of equal shapes.

#include "autograd/tape.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Multiply {
  enum : std::size_t { a, b };
  static constexpr OpSchema schema{.name = "multiply", .inputs = {"a", "b"}, .outputs = {"y"}, .keeps = {a, b}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_same();
    return {in[a].shape()};
  }
  void forward(const Operands& v) const {
    kernels::pointwise->multiply(v.in[a].size(), v.in[a].data(), v.in[b].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::pointwise->multiply_backward(dy[0].size(), v.in[a].data(), v.in[b].data(), dy[0].data(), into[a], into[b]);
  }
};

}  // namespace ops

inline Variable multiply(const Variable& a, const Variable& b) { return apply(ops::Multiply{}, {a, b})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
