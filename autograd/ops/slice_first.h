#pragma once
// A slice of the first axis.

#include "autograd/tape.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct SliceFirst {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "slice_first", .inputs = {"x"}, .outputs = {"y"}};
  Index begin, end;

  Tensor view(const Inputs& in) const { return in[x].slice(begin, end); }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.in[x].shape();
    kernels::pointwise->accumulate(dy[0].size(), 1, dy[0].data(),
                                   into[x] + begin * (shape[0] ? shape.size() / shape[0] : 0));
  }
};

}  // namespace ops

/// Elements [begin, end) of the first axis; shares the memory. Throws ShapeError when they are not within it.
inline Variable slice_first(const Variable& x, Index begin, Index end) {
  return apply(ops::SliceFirst{begin, end}, {x})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
