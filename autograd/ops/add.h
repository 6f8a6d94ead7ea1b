#pragma once
// a + b, of equal shapes.

#include "autograd/tape.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Add {
  enum : std::size_t { a, b };
  static constexpr OpSchema schema{.name = "add", .inputs = {"a", "b"}, .outputs = {"y"}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_same();
    return {in[a].shape()};
  }
  void forward(const Operands& v) const {
    kernels::pointwise->add(v.in[a].size(), v.in[a].data(), v.in[b].data(), v.out[0].data());
  }
  void backward(const Operands&, const OutputGrads& dy, Gradients& into) const {
    into.add(a, dy[0]);
    into.add(b, dy[0]);
  }
};

}  // namespace ops

inline Variable add(const Variable& a, const Variable& b) { return apply(ops::Add{}, {a, b})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
