#pragma once
// A slice of the last axis.

#include "autograd/tape.h"
#include "core/kernels/rows.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct SliceLast {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "slice_last", .inputs = {"x"}, .outputs = {"y"}};
  Index begin, size;

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(x, 1);
    const Shape& shape = in[x].shape();
    if (begin < 0 || size < 0 || begin + size > shape.back())
      in.fail(str("[", begin, ", ", begin + size, ") is not within ", shape));
    return {shape.with_back(size)};
  }
  void forward(const Operands& v) const {
    const Shape& shape = v.in[x].shape();
    kernels::rows->columns(row_count(shape), shape.back(), begin, size, v.in[x].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.in[x].shape();
    kernels::rows->columns_backward(row_count(shape), shape.back(), begin, size, dy[0].data(), into[x]);
  }
};

}  // namespace ops

/// Elements [begin, begin + size) of the last axis.
inline Variable slice_last(const Variable& x, Index begin, Index size) {
  return apply(ops::SliceLast{begin, size}, {x})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
