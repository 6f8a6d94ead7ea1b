#pragma once
// The last step of each sequence.

#include <algorithm>

#include "autograd/ops/steps.h"
#include "autograd/tape.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct LastStep {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "last_step", .inputs = {"x"}, .outputs = {"y"}};
  IndexTensor lengths;

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, D]");
    in.require_lengths(lengths, in[x].dim(0), in[x].dim(1));
    return {Shape{in[x].dim(0), in[x].dim(2)}};
  }
  void forward(const Operands& v) const {
    v.out[0].fill(0);
    for_each_last(v.in[x].shape(),
                  [&](Index at, Index b, Index n) { std::copy_n(v.in[x].data() + at, n, v.out[0].data() + b * n); });
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    for_each_last(v.in[x].shape(),
                  [&](Index at, Index b, Index n) { add_numbers(n, dy[0].data() + b * n, into[x] + at); });
  }

 private:
  /// body(element at which the last step of sequence b begins, b, elements of a step), without empty sequences.
  template <class Body>
  void for_each_last(const Shape& shape, const Body& body) const {
    const Index length = shape[1], n = shape[2];
    for (Index b = 0; b < shape[0]; ++b)
      if (const Index steps = steps_of(lengths, b, length); steps > 0) body((b * length + steps - 1) * n, b, n);
  }
};

}  // namespace ops

/// x [B, L, D] -> [B, D]: the last step within each length, or zeros for an empty sequence.
inline Variable last_step(const Variable& x, const IndexTensor& lengths = {}) {
  return apply(ops::LastStep{lengths}, {x})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
