#pragma once
// Zeros in the padding of sequences.

#include "autograd/ops/steps.h"
#include "autograd/tape.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct ZeroPadding {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "zero_padding", .inputs = {"x"}, .outputs = {"y"}};
  IndexTensor lengths;

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(x, 2);
    in.require_lengths(lengths, in[x].dim(0), in[x].dim(1));
    return {in[x].shape()};
  }
  void forward(const Operands& v) const {
    v.out[0].fill(0);
    add_steps_within(v.in[x].shape(), v.in[x].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    add_steps_within(v.in[x].shape(), dy[0].data(), into[x]);
  }

 private:
  void add_steps_within(const Shape& shape, const Real* from, Real* to) const {
    const Index sequence = sequence_size(shape), step = step_size(shape);
    for (Index b = 0; b < shape[0]; ++b)
      add_numbers(steps_of(lengths, b, shape[1]) * step, from + b * sequence, to + b * sequence);
  }
};

}  // namespace ops

/// x [B, L, ...] with zeros at and beyond lengths[b]; x itself where lengths is undefined.
inline Variable zero_padding(const Variable& x, const IndexTensor& lengths) {
  return lengths.defined() ? apply(ops::ZeroPadding{lengths}, {x})[0] : x;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
