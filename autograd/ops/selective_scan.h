#pragma once
// Mamba's selective scan.

#include "autograd/ops/scan_result.h"
#include "core/kernels/selective_scan.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct SelectiveScan {
  enum : std::size_t { x, delta, a, b, c, skip, gate, delta_bias, h0 };
  static constexpr OpSchema schema{.name = "selective_scan",
                                   .inputs = {"x", "delta", "a", "b", "c", "skip?", "gate?", "delta_bias?", "h0?"},
                                   .outputs = {"y", "h_last"},
                                   .keeps = {x, delta, a, b, c, skip, gate, delta_bias},
                                   .states = {h0},
                                   .chunk = kernels::kScanChunk};
  bool delta_softplus = true;
  IndexTensor lengths{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, D]");
    in.require_rank(a, 2, "[D, N]");
    const Index batch = in[x].dim(0), length = in[x].dim(1), channels = in[x].dim(2), states = in[a].dim(1);
    const Shape state{batch, channels, states};
    in.require_shape(delta, in[x].shape());
    in.require_shape(a, Shape{channels, states});
    in.require_shape(b, Shape{batch, length, states});
    in.require_shape(c, Shape{batch, length, states});
    in.require_shape(skip, Shape{channels});
    in.require_shape(gate, in[x].shape());
    in.require_shape(delta_bias, Shape{channels});
    in.require_shape(h0, state);
    in.require_lengths(lengths, batch, length);
    return {in[x].shape(), state};
  }
  /// Checkpointed states, between which the backward recomputes the others.
  Index saved_size(const Inputs& in) const {
    return kernels::selective_scan->saved_size(sizes(in[x].shape(), in[a].shape()));
  }
  void forward(const Operands& v) const {
    kernels::selective_scan->forward(sizes(v.in[x].shape(), v.in[a].shape()), inputs(v), v.saved.data(),
                                     {v.out[0].data(), v.out[1].data()});
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::selective_scan->backward(
        sizes(v.in[x].shape(), v.in[a].shape()), inputs(v), v.saved.data(), {dy[0].data(), dy[1].data()},
        {into[x], into[delta], into[a], into[b], into[c], into[skip], into[gate], into[delta_bias], into[h0]});
  }

 private:
  kernels::ScanSizes sizes(const Shape& sequence, const Shape& rates) const {
    return {sequence[0], sequence[1], sequence[2], rates[1], delta_softplus, lengths.data()};
  }
  static kernels::ScanInputs inputs(const Operands& v) {
    return {v.in[x].data(),    v.in[delta].data(), v.in[a].data(),          v.in[b].data(), v.in[c].data(),
            v.in[skip].data(), v.in[gate].data(),  v.in[delta_bias].data(), v.in[h0].data()};
  }
};

}  // namespace ops

struct SelectiveScanArguments {
  Variable x, delta;    ///< [B, L, D]
  Variable a;           ///< [D, N], negative
  Variable b, c;        ///< [B, L, N]
  Variable skip;        ///< [D] or undefined
  Variable gate;        ///< [B, L, D] or undefined
  Variable delta_bias;  ///< [D] or undefined
  Variable h0;          ///< [B, D, N] or undefined: zeros
  IndexTensor lengths;  ///< [B] or undefined: all of L
  bool delta_softplus = true;
};
/// y [B, L, D] and h_last [B, D, N]
inline ScanResult selective_scan(const SelectiveScanArguments& in) {
  return ScanResult(apply(ops::SelectiveScan{in.delta_softplus, in.lengths},
                          {in.x, in.delta, in.a, in.b, in.c, in.skip, in.gate, in.delta_bias, in.h0}));
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
