#pragma once
// Dropout whose mask is a function of its key and position.

#include "autograd/tape.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Dropout {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "dropout", .inputs = {"x"}, .outputs = {"y"}};
  double rate;
  DropoutKey key;

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, D]");
    return {in[x].shape()};
  }
  void forward(const Operands& v) const { mask(false, v.in[x], v.out[0].data()); }
  void backward(const Operands&, const OutputGrads& dy, Gradients& into) const { mask(true, dy[0], into[x]); }

 private:
  void mask(bool accumulate, const Tensor& from, Real* to) const {
    kernels::pointwise->dropout(from.dim(0), from.dim(1), from.dim(2), rate, key, accumulate, from.data(), to);
  }
};

}  // namespace ops

/// x [B, L, D]: zeros a share `rate` of the elements and scales the rest by 1/(1 - rate); the same elements for the
/// same key, sequence, step and channel.
inline Variable dropout(const Variable& x, double rate, const DropoutKey& key) {
  return rate == 0 ? x : apply(ops::Dropout{rate, key}, {x})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
