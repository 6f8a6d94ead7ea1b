#pragma once
// Rotary position embedding.

#include "autograd/tape.h"
#include "core/kernels/attention.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Rotary {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "rotary", .inputs = {"x"}, .outputs = {"y"}};
  Index offset;  ///< the position of the first step
  double base;

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 4, "[B, L, heads, dim]");
    return {in[x].shape()};
  }
  void forward(const Operands& v) const { rotate(1, false, v.in[x], v.out[0].data()); }
  /// The inverse rotation.
  void backward(const Operands&, const OutputGrads& dy, Gradients& into) const { rotate(-1, true, dy[0], into[x]); }

 private:
  void rotate(int direction, bool add, const Tensor& from, Real* to) const {
    kernels::attention->rotate(from.dim(0), from.dim(1), from.dim(2), from.dim(3), offset, base, direction, add,
                               from.data(), to);
  }
};

}  // namespace ops

/// x [B, L, heads, dim] at positions offset, offset + 1, ... -> the same shape
inline Variable rotary(const Variable& x, Index offset, double base) {
  return apply(ops::Rotary{offset, base}, {x})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
