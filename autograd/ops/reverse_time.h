#pragma once
// The steps of each sequence in reverse order.

#include "autograd/ops/steps.h"
#include "autograd/tape.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct ReverseTime {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "reverse_time", .inputs = {"x"}, .outputs = {"y"}};
  IndexTensor lengths;

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, D]");
    in.require_lengths(lengths, in[x].dim(0), in[x].dim(1));
    return {in[x].shape()};
  }
  void forward(const Operands& v) const {
    v.out[0].fill(0);
    add_reversed(v.in[x].shape(), v.in[x].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    add_reversed(v.in[x].shape(), dy[0].data(), into[x]);
  }

 private:
  void add_reversed(const Shape& shape, const Real* from, Real* to) const {
    const Index length = shape[1], n = shape[2];
    for (Index b = 0; b < shape[0]; ++b)
      for (Index t = 0, steps = steps_of(lengths, b, length); t < steps; ++t)
        add_numbers(n, from + (b * length + steps - 1 - t) * n, to + (b * length + t) * n);
  }
};

}  // namespace ops

/// x [B, L, D] with the first lengths[b] steps in reverse order; zeros after them.
inline Variable reverse_time(const Variable& x, const IndexTensor& lengths = {}) {
  return apply(ops::ReverseTime{lengths}, {x})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
