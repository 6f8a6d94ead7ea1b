#pragma once
// Recurrences of a matrix: linear attention, the delta rule, and their relatives.

#include "autograd/ops/scan_result.h"
#include "core/kernels/gemm.h"
#include "core/kernels/matrix_recurrence.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct MatrixRecurrence {
  enum : std::size_t { q, k, v, a, b, beta, g, s0 };
  static constexpr OpSchema schema{.name = "matrix_recurrence",
                                   .inputs = {"q", "k", "v", "a?", "b?", "beta?", "g?", "s0?"},
                                   .outputs = {"y", "s_last"},
                                   .keeps = {q, k, v, a, b, beta, g},
                                   .states = {s0},
                                   .chunk = kernels::kMatrixChunk};
  double scale = 1;
  Index updates = 1;
  IndexTensor lengths{};
  IndexTensor starts{};  ///< [B, S]: where new sequences begin in each row, ascending; filled up with L

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(q, 4, "[B, L, H, K]");
    in.require_rank(v, 4, "[B, L, n H, V]");
    const Index batch = in[q].dim(0), length = in[q].dim(1), heads = in[q].dim(2), keys = in[q].dim(3),
                values = in[v].dim(3);
    if (updates < 1) in.fail(str("updates must be >= 1, got ", updates));
    const Index written = updates * heads;
    const Shape key{batch, length, written, keys}, head{batch, length, heads}, state{batch, heads, keys, values};
    in.require_shape(k, key);
    in.require_shape(v, Shape{batch, length, written, values});
    in.require_shape(a, key);
    in.require_shape(b, key);
    in.require_shape(beta, Shape{batch, length, written});
    in.require_shape(s0, state);
    if (in.has(a) && in.has(beta)) in.fail("a and beta must not both be given");
    if (in.has(b) && !in.has(a)) in.fail("b must come with a");
    const int decays = in.has(g) ? in[g].shape().rank() : 0;
    in.require_shape(g, decays == 4 ? in[q].shape() : decays == 1 ? Shape{heads} : head);
    in.require_lengths(lengths, batch, length);
    in.require_starts(starts, batch, length);
    return {Shape{batch, length, heads, values}, state};
  }
  /// The state before each chunk.
  Index saved_size(const Inputs& in) const {
    return kernels::matrix_recurrence->saved_size(sizes(in[q].shape(), in[v].shape(), in[g]));
  }
  void forward(const Operands& o) const {
    const Tensor decay = decay_of_steps(o);
    kernels::matrix_recurrence->forward(sizes(o), inputs(o, decay), o.saved.data(), {o.out[0].data(), o.out[1].data()});
  }
  void backward(const Operands& o, const OutputGrads& dy, Gradients& into) const {
    const Tensor dy0 = dy[0].defined() ? dy[0] : Tensor::zeros(o.out[0].shape()), decay = decay_of_steps(o);
    const bool fixed = o.in[g].defined() && o.in[g].shape().rank() == 1 && into.wanted(g);
    const Tensor dfixed = fixed ? Tensor::zeros(decay.shape()) : Tensor();
    kernels::matrix_recurrence->backward(
        sizes(o), inputs(o, decay), o.saved.data(), {dy0.data(), dy[1].data()},
        {into[q], into[k], into[v], into[a], into[b], into[beta], fixed ? dfixed.data() : into[g], into[s0]});
    if (fixed) kernels::add_column_sums(row_count(decay.shape()), decay.shape().back(), dfixed.data(), into[g]);
  }

 private:
  /// A decay that is the same in all steps, [H], as [B, L, H].
  static Tensor decay_of_steps(const Operands& o) {
    const Tensor& one = o.in[g];
    if (!one.defined() || one.shape().rank() != 1) return one;
    Tensor all(Shape{o.in[q].dim(0), o.in[q].dim(1), one.dim(0)});
    for (Index i = 0; i < all.size(); ++i) all.data()[i] = one.data()[i % one.size()];
    return all;
  }
  kernels::MatrixRecurrenceSizes sizes(const Operands& o) const {
    return sizes(o.in[q].shape(), o.in[v].shape(), o.in[g]);
  }
  kernels::MatrixRecurrenceSizes sizes(const Shape& query, const Shape& value, const Tensor& decay) const {
    return {query[0],
            query[1],
            query[2],
            query[3],
            value[3],
            updates,
            !decay.defined()            ? kernels::Decay::none
            : decay.shape().rank() == 4 ? kernels::Decay::channel
                                        : kernels::Decay::head,
            scale,
            lengths.data(),
            starts.data(),
            starts.defined() ? starts.dim(1) : 0};
  }
  static kernels::MatrixRecurrenceInputs inputs(const Operands& o, const Tensor& decay) {
    return {o.in[q].data(), o.in[k].data(),    o.in[v].data(), o.in[a].data(),
            o.in[b].data(), o.in[beta].data(), decay.data(),   o.in[s0].data()};
  }
};

}  // namespace ops

/// What core/kernels/matrix_recurrence.h has, for S [B, H, K, V].
struct MatrixRecurrenceArguments {
  Variable q;     ///< [B, L, H, K]
  Variable k, v;  ///< [B, L, n H, K], [B, L, n H, V]: all heads of the first update, then of the second, ...
  Variable a, b;  ///< [B, L, n H, K] or undefined: S + b (a^T S)
  Variable beta;  ///< [B, L, n H] or undefined: the delta rule, instead of a and b
  Variable g;     ///< [B, L, H], [H] or [B, L, H, K] or undefined: the logarithm of the decay, <= 0
  Variable s0;    ///< [B, H, K, V] or undefined: zeros
  double scale = 1;
  Index updates = 1;      ///< n
  IndexTensor lengths{};  ///< [B] or undefined: all of L
  IndexTensor starts{};   ///< [B, S] or undefined
};
/// y [B, L, H, V] and s_last [B, H, K, V]
inline ScanResult matrix_recurrence(const MatrixRecurrenceArguments& in) {
  return ScanResult(apply(ops::MatrixRecurrence{in.scale, in.updates, in.lengths, in.starts},
                          {in.q, in.k, in.v, in.a, in.b, in.beta, in.g, in.s0}));
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
