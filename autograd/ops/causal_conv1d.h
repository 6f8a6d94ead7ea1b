#pragma once
// Depthwise causal convolution, with the window that carries it from chunk to chunk.

#include "autograd/ops/scan_result.h"
#include "core/kernels/conv.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct CausalConv1d {
  enum : std::size_t { x, weight, bias, window };
  static constexpr OpSchema schema{.name = "causal_conv1d",
                                   .inputs = {"x", "weight", "bias?", "window?"},
                                   .outputs = {"y", "window_last"},
                                   .keeps = {x, weight, bias, window},
                                   .states = {window}};
  bool silu = false;
  IndexTensor lengths{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, D]");
    in.require_rank(weight, 2, "[D, K]");
    const Index batch = in[x].dim(0), channels = in[x].dim(2), taps = in[weight].dim(1);
    if (taps < 1) in.fail(str("weight must have at least one tap, got ", in[weight].shape()));
    const Shape carried{batch, taps - 1, channels};
    in.require_shape(weight, Shape{channels, taps});
    in.require_shape(bias, Shape{channels});
    in.require_shape(window, carried);
    in.require_lengths(lengths, batch, in[x].dim(1));
    return {in[x].shape(), carried};
  }
  void forward(const Operands& v) const {
    kernels::conv->forward(sizes(v), inputs(v), {v.out[0].data(), v.out[1].data()});
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::conv->backward(sizes(v), inputs(v), {dy[0].data(), dy[1].data()},
                            {into[x], into[weight], into[bias], into[window]});
  }

 private:
  kernels::ConvSizes sizes(const Operands& v) const {
    const Shape& shape = v.in[x].shape();
    return {shape[0], shape[1], shape[2], v.in[weight].dim(1), lengths.data(), silu};
  }
  static kernels::ConvInputs inputs(const Operands& v) {
    return {v.in[x].data(), v.in[weight].data(), v.in[bias].data(), v.in[window].data()};
  }
};

}  // namespace ops

/// x [B, L, D], weight [D, K], bias [D] or undefined, window [B, K-1, D] or undefined (zeros)
/// -> y [B, L, D], and the window of the next chunk
inline ScanResult causal_conv1d(const Variable& x, const Variable& weight, const Variable& bias, bool silu,
                                const Variable& window = {}, const IndexTensor& lengths = {}) {
  return ScanResult(apply(ops::CausalConv1d{silu, lengths}, {x, weight, bias, window}));
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
