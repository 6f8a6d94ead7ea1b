#pragma once
// The recurrence of S4 and S4D, and its convolution kernel.

#include <algorithm>

#include "autograd/ops/reshape.h"
#include "autograd/ops/scan_result.h"
#include "core/kernels/ssm_scan.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct SsmScan {
  enum : std::size_t { u, a, b, c, p, q, r, s0 };
  static constexpr OpSchema schema{.name = "ssm_scan",
                                   .inputs = {"u", "a", "b", "c", "p?", "q?", "r?", "s0?"},
                                   .outputs = {"y", "s_last"},
                                   .keeps = {u, a, b, c, p, q, r},
                                   .states = {s0},
                                   .chunk = kernels::kSsmChunk};
  IndexTensor lengths{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(u, 3, "[B, L, H]");
    in.require_rank(a, 3, "[H, N, 2]");
    const Index batch = in[u].dim(0), heads = in[u].dim(2), states = in[a].dim(1);
    const Shape state{batch, heads, states, 2};
    for (std::size_t coefficient = a; coefficient <= r; ++coefficient)
      in.require_shape(coefficient, Shape{heads, states, 2});
    in.require_shape(s0, state);
    in.require_lengths(lengths, batch, in[u].dim(1));
    return {in[u].shape(), state};
  }
  /// Checkpointed states, between which the backward recomputes the others.
  Index saved_size(const Inputs& in) const {
    return kernels::ssm_scan->saved_size(sizes(in[u].shape(), in[a].shape(), in.has(p)));
  }
  void forward(const Operands& v) const {
    kernels::ssm_scan->forward(sizes(v.in[u].shape(), v.in[a].shape(), v.in[p].defined()), inputs(v), v.saved.data(),
                               {v.out[0].data(), v.out[1].data()});
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::ssm_scan->backward(sizes(v.in[u].shape(), v.in[a].shape(), v.in[p].defined()), inputs(v), v.saved.data(),
                                {dy[0].data(), dy[1].data()},
                                {into[u], into[a], into[b], into[c], into[p], into[q], into[r], into[s0]});
  }

 private:
  kernels::SsmSizes sizes(const Shape& sequence, const Shape& pairs, bool low_rank) const {
    return {sequence[0], sequence[1], sequence[2], pairs[1], low_rank, lengths.data()};
  }
  static kernels::SsmInputs inputs(const Operands& v) {
    return {v.in[u].data(), v.in[a].data(), v.in[b].data(), v.in[c].data(),
            v.in[p].data(), v.in[q].data(), v.in[r].data(), v.in[s0].data()};
  }
};

}  // namespace ops

/// Coefficients of a state space model's step; p, q, r undefined: diagonal. All [H, N, 2].
struct SsmCoefficients {
  Variable a, b, p, q, r;
};
/// u [B, L, H], c [H, N, 2], s0 [B, H, N, 2] or undefined (zeros) -> y [B, L, H], and the last state [B, H, N, 2]
inline ScanResult ssm_scan(const Variable& u, const SsmCoefficients& k, const Variable& c, const Variable& s0 = {},
                           const IndexTensor& lengths = {}) {
  return ScanResult(apply(ops::SsmScan{lengths}, {u, k.a, k.b, c, k.p, k.q, k.r, s0}));
}
/// The convolution kernel of the model, its impulse response: [L, H].
inline Variable ssm_kernel(const SsmCoefficients& k, const Variable& c, Index length) {
  const Index heads = c.dim(0);
  Tensor impulse = Tensor::zeros(Shape{1, length, heads});
  std::fill_n(impulse.data(), length ? heads : 0, Real{1});
  return reshape(ssm_scan(Variable(impulse), k, c).y, Shape{length, heads});
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
