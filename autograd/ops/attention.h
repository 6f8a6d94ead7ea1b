#pragma once
// Softmax attention.

#include "autograd/tape.h"
#include "core/kernels/attention.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Attention {
  enum : std::size_t { q, k, v };
  static constexpr OpSchema schema{.name = "attention",
                                   .inputs = {"q", "k", "v"},
                                   .outputs = {"y"},
                                   .keeps = {q, k, v},
                                   .keeps_outputs = {0},
                                   .chunk = kernels::kAttentionTile};
  bool causal = true, alibi = false;
  double scale = 1;
  IndexTensor lengths{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(q, 4, "[B, Q, heads, dim]");
    in.require_rank(k, 4, "[B, K, heads, dim]");
    in.require_shape(k, Shape{in[q].dim(0), in[k].dim(1), in[q].dim(2), in[q].dim(3)});
    in.require_shape(v, in[k].shape());
    if (in[k].dim(1) < in[q].dim(1)) in.fail(str("fewer keys than queries: q ", in[q].shape(), ", k ", in[k].shape()));
    in.require_lengths(lengths, in[q].dim(0), in[q].dim(1));
    return {in[q].shape()};
  }
  /// The log-sum-exp of each query's scores.
  Index saved_size(const Inputs& in) const { return in[q].dim(0) * in[q].dim(1) * in[q].dim(2); }
  void forward(const Operands& values) const {
    kernels::attention->forward(sizes(values), inputs(values), values.out[0].data(), values.saved.data());
  }
  void backward(const Operands& values, const OutputGrads& dy, Gradients& into) const {
    const auto to = [&](std::size_t i) { return into.or_spare(i, values.in[i].shape()); };
    kernels::attention->backward(sizes(values), inputs(values), values.out[0].data(), values.saved.data(), dy[0].data(),
                                 to(q), to(k), to(v));
  }

 private:
  kernels::AttentionSizes sizes(const Operands& values) const {
    const Shape& queries = values.in[q].shape();
    return {queries[0], queries[1], values.in[k].dim(1), queries[2], queries[3], causal, scale, lengths.data(), alibi};
  }
  static kernels::AttentionInputs inputs(const Operands& values) {
    return {values.in[q].data(), values.in[k].data(), values.in[v].data()};
  }
};

}  // namespace ops

/// q [B, Q, heads, dim], k and v [B, K, heads, dim] with K >= Q -> [B, Q, heads, dim]; `how`: mask, scale and lengths
inline Variable attention(const Variable& q, const Variable& k, const Variable& v, const ops::Attention& how) {
  return apply(how, {q, k, v})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
