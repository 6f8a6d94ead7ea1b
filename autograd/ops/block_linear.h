#pragma once
// A block-diagonal linear map.

#include "autograd/tape.h"
#include "core/kernels/block_linear.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

/// y[..., g, :] = weight[g] x[..., g, :] + bias[g]
struct BlockLinear {
  enum : std::size_t { x, weight, bias };
  static constexpr OpSchema schema{
      .name = "block_linear", .inputs = {"x", "weight", "bias?"}, .outputs = {"y"}, .keeps = {x, weight}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(x, 1);
    in.require_rank(weight, 3, "[G, O, I]");
    const Index blocks = in[weight].dim(0), outputs = in[weight].dim(1);
    if (in[x].shape().back() != blocks * in[weight].dim(2))
      in.fail(str("the last extent of x ", in[x].shape(), " must be G I of weight ", in[weight].shape()));
    in.require_shape(bias, Shape{blocks * outputs});
    return {in[x].shape().with_back(blocks * outputs)};
  }
  void forward(const Operands& v) const {
    kernels::block_linear->forward(sizes(v), v.in[x].data(), v.in[weight].data(), v.in[bias].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::block_linear->backward(sizes(v), v.in[x].data(), v.in[weight].data(), dy[0].data(), into[x], into[weight],
                                    into[bias]);
  }

 private:
  static kernels::BlockLinearSizes sizes(const Operands& v) {
    const Shape& w = v.in[weight].shape();
    return {row_count(v.in[x].shape()), w[0], w[2], w[1]};
  }
};

}  // namespace ops

/// x [..., G I], weight [G, O, I], bias [G O] or undefined -> [..., G O]
inline Variable block_linear(const Variable& x, const Variable& weight, const Variable& bias = {}) {
  return apply(ops::BlockLinear{}, {x, weight, bias})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
