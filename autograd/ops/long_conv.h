#pragma once
// Causal convolution with a kernel as long as the sequence.

#include "autograd/tape.h"
#include "core/kernels/long_conv.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct LongConv {
  enum : std::size_t { u, k, skip };
  static constexpr OpSchema schema{
      .name = "long_conv", .inputs = {"u", "k", "skip?"}, .outputs = {"y"}, .keeps = {u, k, skip}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(u, 3, "[B, L, H]");
    in.require_shape(k, Shape{in[u].dim(1), in[u].dim(2)});
    in.require_shape(skip, Shape{in[u].dim(2)});
    return {in[u].shape()};
  }
  void forward(const Operands& v) const {
    const Shape& shape = v.in[u].shape();
    kernels::long_conv->forward(shape[0], shape[1], shape[2], v.in[u].data(), v.in[k].data(), v.in[skip].data(),
                                v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.in[u].shape();
    kernels::long_conv->backward(shape[0], shape[1], shape[2], v.in[u].data(), v.in[k].data(), v.in[skip].data(),
                                 dy[0].data(), into[u], into[k], into[skip]);
  }
};

}  // namespace ops

/// u [B, L, H], k [L, H], skip [H] or undefined -> [B, L, H]
inline Variable long_conv(const Variable& u, const Variable& k, const Variable& skip = {}) {
  return apply(ops::LongConv{}, {u, k, skip})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
