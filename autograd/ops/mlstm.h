#pragma once
// mLSTM's memory.

#include "autograd/tape.h"
#include "core/kernels/mlstm.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Mlstm {
  enum : std::size_t { q, k, v, i, f, s0, m0 };
  enum : std::size_t { y, s_last, m_last };
  static constexpr OpSchema schema{.name = "mlstm",
                                   .inputs = {"q", "k", "v", "i", "f", "s0?", "m0?"},
                                   .outputs = {"y", "s_last", "m_last"},
                                   .keeps = {q, k, v, i, f},
                                   .keeps_outputs = {y},
                                   .states = {s0, m0},
                                   .chunk = kernels::kMlstmChunk};
  IndexTensor lengths{}, starts{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(q, 4, "[B, L, H, K]");
    in.require_rank(v, 4, "[B, L, H, V]");
    const Index batch = in[q].dim(0), length = in[q].dim(1), heads = in[q].dim(2), keys = in[q].dim(3),
                values = in[v].dim(3);
    const Shape state{batch, heads, keys, values + 1}, most{batch, heads}, gate{batch, length, heads};
    in.require_shape(k, in[q].shape());
    in.require_shape(v, Shape{batch, length, heads, values});
    in.require_shape(i, gate);
    in.require_shape(f, gate);
    in.require_shape(s0, state);
    in.require_shape(m0, most);
    in.require_lengths(lengths, batch, length);
    in.require_starts(starts, batch, length);
    return {in[v].shape(), state, most};
  }
  Index saved_size(const Inputs& in) const { return kernels::mlstm->saved_size(sizes(in[q].shape(), in[v].shape())); }
  void forward(const Operands& o) const {
    kernels::mlstm->forward(sizes(o.in[q].shape(), o.in[v].shape()), inputs(o), o.saved.data(), outputs(o));
  }
  void backward(const Operands& o, const OutputGrads& d, Gradients& into) const {
    const Tensor dy = d[y].defined() ? d[y] : Tensor::zeros(o.in[v].shape());
    kernels::mlstm->backward(sizes(o.in[q].shape(), o.in[v].shape()), inputs(o), o.saved.data(), outputs(o),
                             {dy.data(), d[s_last].data(), d[m_last].data()},
                             {into[q], into[k], into[v], into[i], into[f], into[s0], into[m0]});
  }

 private:
  kernels::MlstmSizes sizes(const Shape& query, const Shape& value) const {
    return {query[0], query[1],       query[2],      query[3],
            value[3], lengths.data(), starts.data(), starts.defined() ? starts.dim(1) : 0};
  }
  static kernels::MlstmInputs inputs(const Operands& o) {
    return {o.in[q].data(), o.in[k].data(),  o.in[v].data(), o.in[i].data(),
            o.in[f].data(), o.in[s0].data(), o.in[m0].data()};
  }
  static kernels::MlstmOutputs outputs(const Operands& o) {
    return {o.out[y].data(), o.out[s_last].data(), o.out[m_last].data()};
  }
};

}  // namespace ops

/// What core/kernels/mlstm.h has: the memory, with the normaliser as its last column, and the running maximum.
struct MlstmResult {
  Variable y;     ///< [B, L, H, V]
  Variable s, m;  ///< [B, H, K, V + 1] and [B, H], after the last step
};
/// q, k [B, L, H, K], v [B, L, H, V], i, f [B, L, H] before their functions; s0, m0 undefined: zeros
inline MlstmResult mlstm(const Variable& q, const Variable& k, const Variable& v, const Variable& i, const Variable& f,
                         const Variable& s0 = {}, const Variable& m0 = {}, const IndexTensor& lengths = {},
                         const IndexTensor& starts = {}) {
  const std::vector<Variable> out = apply(ops::Mlstm{lengths, starts}, {q, k, v, i, f, s0, m0});
  return {out[0], out[1], out[2]};
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
