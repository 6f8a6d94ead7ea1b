#pragma once
// The same elements under another shape.

#include "autograd/tape.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Reshape {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "reshape", .inputs = {"x"}, .outputs = {"y"}};
  Shape shape;

  Tensor view(const Inputs& in) const { return in[x].reshape(shape); }
  void backward(const Operands&, const OutputGrads& dy, Gradients& into) const { into.add(x, dy[0]); }
};

}  // namespace ops

/// Shares the memory. Throws ShapeError for another number of elements.
inline Variable reshape(const Variable& x, const Shape& shape) { return apply(ops::Reshape{shape}, {x})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
