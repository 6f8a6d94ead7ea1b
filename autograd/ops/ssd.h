#pragma once
// State space duality (SSD), the layer of Mamba-2.

#include "autograd/ops/scan_result.h"
#include "core/kernels/ssd.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Ssd {
  enum : std::size_t { x, delta, a, b, c, skip, h0 };
  static constexpr OpSchema schema{.name = "ssd",
                                   .inputs = {"x", "delta", "a", "b", "c", "skip?", "h0?"},
                                   .outputs = {"y", "h_last"},
                                   .keeps = {x, delta, a, b, c, skip},
                                   .states = {h0},
                                   .chunk = kernels::kSsdChunk};
  Index groups = 1;
  IndexTensor lengths{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, H P]");
    in.require_rank(a, 1, "[H]");
    in.require_rank(b, 3, "[B, L, G N]");
    const Index batch = in[x].dim(0), length = in[x].dim(1), channels = in[x].dim(2), heads = in[a].dim(0),
                per_step = in[b].dim(2);
    if (heads < 1 || channels % heads != 0)
      in.fail(str("a ", in[a].shape(), " must divide the channels of x ", in[x].shape()));
    if (groups < 1 || heads % groups != 0 || per_step % groups != 0)
      in.fail(str(groups, " groups must divide a ", in[a].shape(), " and the last extent of b ", in[b].shape()));
    const Shape state{batch, channels, per_step / groups};
    in.require_shape(delta, Shape{batch, length, heads});
    in.require_shape(b, Shape{batch, length, per_step});
    in.require_shape(c, in[b].shape());
    in.require_shape(skip, Shape{heads});
    in.require_shape(h0, state);
    in.require_lengths(lengths, batch, length);
    return {in[x].shape(), state};
  }
  /// The state before each chunk.
  Index saved_size(const Inputs& in) const {
    return kernels::ssd->saved_size(sizes(in[x].shape(), in[a].shape(), in[b].shape()));
  }
  void forward(const Operands& v) const {
    kernels::ssd->forward(sizes(v.in[x].shape(), v.in[a].shape(), v.in[b].shape()), inputs(v), v.saved.data(),
                          {v.out[0].data(), v.out[1].data()});
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const auto to = [&](std::size_t i) { return into.or_spare(i, v.in[i].shape()); };
    const Tensor dy0 = dy[0].defined() ? dy[0] : Tensor::zeros(v.in[x].shape());
    kernels::ssd->backward(sizes(v.in[x].shape(), v.in[a].shape(), v.in[b].shape()), inputs(v), v.saved.data(),
                           {dy0.data(), dy[1].data()}, {to(x), to(delta), to(a), to(b), to(c), into[skip], into[h0]});
  }

 private:
  kernels::SsdSizes sizes(const Shape& sequence, const Shape& rates, const Shape& rows) const {
    return {sequence[0], sequence[1], rates[0], sequence[2] / rates[0], groups, rows[2] / groups, lengths.data()};
  }
  static kernels::SsdInputs inputs(const Operands& v) {
    return {v.in[x].data(), v.in[delta].data(), v.in[a].data(), v.in[b].data(),
            v.in[c].data(), v.in[skip].data(),  v.in[h0].data()};
  }
};

}  // namespace ops

struct SsdArguments {
  Variable x;      ///< [B, L, H P]
  Variable delta;  ///< [B, L, H]
  Variable a;      ///< [H], negative
  Variable b, c;   ///< [B, L, G N]
  Variable skip;   ///< [H] or undefined
  Variable h0;     ///< [B, H P, N] or undefined: zeros
  Index groups = 1;
  IndexTensor lengths{};  ///< [B] or undefined: all of L
};
/// y [B, L, H P] and h_last [B, H P, N]
inline ScanResult ssd(const SsdArguments& in) {
  return ScanResult(apply(ops::Ssd{in.groups, in.lengths}, {in.x, in.delta, in.a, in.b, in.c, in.skip, in.h0}));
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
