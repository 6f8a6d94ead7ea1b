#pragma once
// Concatenation along time.

#include <algorithm>

#include "autograd/ops/steps.h"
#include "autograd/tape.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct ConcatTime {
  enum : std::size_t { a, b };
  static constexpr OpSchema schema{.name = "concat_time", .inputs = {"a", "b"}, .outputs = {"y"}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(a, 2);
    in.require_axes(b, 2);
    const Shape &first = in[a].shape(), &second = in[b].shape();
    const auto with_length = [](const Shape& shape, Index length) {
      Shape changed{shape[0], length};
      for (int i = 2; i < shape.rank(); ++i) changed.push_back(shape[i]);
      return changed;
    };
    if (!(with_length(second, first[1]) == first)) in.fail(str("only the time may differ: a ", first, ", b ", second));
    return {with_length(first, first[1] + second[1])};
  }
  void forward(const Operands& v) const {
    const Index batch = v.in[a].dim(0), first = sequence_size(v.in[a].shape()), second = sequence_size(v.in[b].shape());
    for (Index i = 0; i < batch; ++i) {
      Real* const y = v.out[0].data() + i * (first + second);
      std::copy_n(v.in[a].data() + i * first, first, y);
      std::copy_n(v.in[b].data() + i * second, second, y + first);
    }
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Index batch = v.in[a].dim(0), first = sequence_size(v.in[a].shape()), second = sequence_size(v.in[b].shape());
    for (Index i = 0; i < batch; ++i) {
      const Real* const from = dy[0].data() + i * (first + second);
      if (into.wanted(a)) add_numbers(first, from, into[a] + i * first);
      if (into.wanted(b)) add_numbers(second, from + first, into[b] + i * second);
    }
  }
};

}  // namespace ops

/// a [B, L1, ...] and b [B, L2, ...] -> [B, L1 + L2, ...]; b itself where a is undefined.
inline Variable concat_time(const Variable& a, const Variable& b) {
  return a.defined() ? apply(ops::ConcatTime{}, {a, b})[0] : b;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
