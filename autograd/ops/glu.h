#pragma once
// Gated linear unit: [..., 2n] -> [..., n], the first half times the sigmoid of the second.

#include "autograd/tape.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Glu {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "glu", .inputs = {"x"}, .outputs = {"y"}, .keeps = {x}};

  Shapes output_shapes(const Inputs& in) const {
    const Shape& shape = in[x].shape();
    if (shape.rank() == 0 || shape.back() % 2 != 0) in.fail(str("the last extent must be even, got ", shape));
    return {shape.with_back(shape.back() / 2)};
  }
  void forward(const Operands& v) const {
    const Shape& shape = v.out[0].shape();
    kernels::pointwise->glu(row_count(shape), shape.back(), v.in[x].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.out[0].shape();
    kernels::pointwise->glu_backward(row_count(shape), shape.back(), v.in[x].data(), dy[0].data(), into[x]);
  }
};

}  // namespace ops

inline Variable glu(const Variable& x) { return apply(ops::Glu{}, {x})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
