#pragma once
// Differentiable ops. Each checks its arguments (ShapeError, with both shapes), computes, and records its backward.
// B batch, L length, D channels, N states, K taps, V classes; `...` any leading extents. The formula is at the kernel.

#include <vector>

#include "autograd/tape.h"
#include "core/kernels/discretize.h"
#include "core/kernels/pointwise.h"
#include "core/kernels/recurrent.h"

namespace seqtape::inline SEQTAPE_PRECISION {

using kernels::Activation;
using kernels::Discretization;

// --- pointwise.cpp
/// f(x), elementwise.
Variable activation(Activation f, const Variable& x);
inline Variable silu(const Variable& x) { return activation(Activation::silu, x); }
inline Variable gelu(const Variable& x) { return activation(Activation::gelu, x); }
inline Variable softplus(const Variable& x) { return activation(Activation::softplus, x); }
inline Variable negative_exp(const Variable& x) { return activation(Activation::negative_exp, x); }
/// factor * x
Variable scale(const Variable& x, double factor);
/// a + b, a * b: equal shapes.
Variable add(const Variable& a, const Variable& b);
Variable multiply(const Variable& a, const Variable& b);
/// x [..., n] times weight [n], by column.
Variable scale_columns(const Variable& x, const Variable& weight);
/// [..., 2n] -> [..., n]: first half times the sigmoid of the second.
Variable glu(const Variable& x);
/// x [B, L, D]: zeros a share `rate` of the elements and scales the rest by 1/(1 - rate); the same elements for the
/// same key, sequence, step and channel.
Variable dropout(const Variable& x, double rate, const DropoutKey& key);

// --- linear.cpp
/// x [..., in], weight [out, in], bias [out] or undefined -> [..., out]
Variable linear(const Variable& x, const Variable& weight, const Variable& bias = {});
/// ids [...], table [V, D] -> [..., D]. Throws DataError for an id outside [0, V).
Variable embedding(const IndexTensor& ids, const Variable& table);

// --- shape.cpp
Variable reshape(const Variable& x, const Shape& shape);
/// Rows [begin, end) of the first axis; the value is shared, not copied.
Variable rows(const Variable& x, Index begin, Index end);
/// Columns [begin, begin + n) of the last axis.
Variable columns(const Variable& x, Index begin, Index n);
/// a [B, L1, ...] and b [B, L2, ...] along time -> [B, L1 + L2, ...]; a may be undefined.
Variable concat_time(const Variable& a, const Variable& b);
/// x [B, L, D] with the first lengths[b] steps in reverse order; zeros behind.
Variable reverse_time(const Variable& x, const IndexTensor& lengths = {});
/// x [B, L, ...] with zeros at and beyond lengths[b]; x itself where lengths is undefined.
Variable zero_padding(const Variable& x, const IndexTensor& lengths);
/// x [B, L, D] -> [B, D]: the last step within each length, or zeros for an empty sequence.
Variable last_step(const Variable& x, const IndexTensor& lengths = {});
/// x [m, n] -> [n, m]
Variable transpose(const Variable& x);

// --- norm.cpp
/// x [..., n], weight [n]
Variable rms_norm(const Variable& x, const Variable& weight, double eps);
Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps);
/// Over the last axis.
Variable softmax(const Variable& x);
/// x [B, L, D] -> [B, D], over the first lengths[b] steps.
Variable mean_pool(const Variable& x, const IndexTensor& lengths = {});

// --- loss.cpp
constexpr std::int32_t kIgnore = -100;  ///< a target that is not scored
/// logits [..., V], target [...] -> mean over the scored targets (0 when there are none), each weighted by its weight
/// [...] where weights are given.
Variable cross_entropy(const Variable& logits, const IndexTensor& target, double label_smoothing = 0,
                       const Tensor& weight = {});
/// Mean of the squared differences; equal shapes.
Variable mse_loss(const Variable& x, const Variable& target);

// --- sequence.cpp
/// An output over time and the state behind its last step.
struct Carried {
  Variable y, state;
};
/// x [B, L, D], weight [D, K], bias [D] or undefined, window [B, K-1, D] or undefined (zeros) -> y, window
Carried causal_conv1d(const Variable& x, const Variable& weight, const Variable& bias, bool silu,
                      const Variable& window = {}, const IndexTensor& lengths = {});

struct ScanArguments {
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
Carried selective_scan(const ScanArguments&);

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
/// Mamba-2's layer: y [B, L, H P] and h_last [B, H P, N]
Carried ssd(const SsdArguments&);

// --- recurrent.cpp
using kernels::Cell;
/// The cell's states behind its last step; c is the LSTM's.
struct Recurrence {
  Variable y, h, c;
};
/// gx [B, L, G H] (the input's product), weight_hh [G H, H], bias_hh [G H] or undefined, h0 and c0 [B, H] or undefined
Recurrence recurrence(Cell cell, const Variable& gx, const Variable& weight_hh, const Variable& bias_hh,
                      const Variable& h0 = {}, const Variable& c0 = {}, const IndexTensor& lengths = {});
/// h[t] = a[t] h[t-1] + x[t]; a, x [B, L, D], h0 [B, D] or undefined
Carried gated_scan(const Variable& a, const Variable& x, const Variable& h0 = {}, const IndexTensor& lengths = {});
/// The same with a constant complex a [2, D]; x [B, L, 2 D] as real parts, then imaginary; h0 [B, 2 D] or undefined
Carried rotating_scan(const Variable& a, const Variable& x, const Variable& h0 = {}, const IndexTensor& lengths = {});

// --- state_space.cpp
/// log_dt [H], a_log_real and a_imag [H, N], b [H, N, 2] -> {a_bar, b_bar} [H, N, 2]
std::vector<Variable> ssm_discretize(Discretization, const Variable& log_dt, const Variable& a_log_real,
                                     const Variable& a_imag, const Variable& b);
/// Coefficients of a state space model's step; p, q, r undefined: diagonal. All [H, N, 2].
struct SsmCoefficients {
  Variable a, b, p, q, r;
};
/// S4's diagonal-plus-low-rank matrix, bilinear.
SsmCoefficients dplr_discretize(const Variable& log_dt, const Variable& a_log_real, const Variable& a_imag,
                                const Variable& p, const Variable& b);
/// u [B, L, H], c [H, N, 2], s0 [B, H, N, 2] or undefined
Carried ssm_scan(const Variable& u, const SsmCoefficients&, const Variable& c, const Variable& s0 = {},
                 const IndexTensor& lengths = {});
/// The convolution kernel of the model: its answer to an impulse, [L, H].
Variable ssm_kernel(const SsmCoefficients&, const Variable& c, Index length);
/// u [B, L, H], k [L, H], skip [H] or undefined
Variable long_conv(const Variable& u, const Variable& k, const Variable& skip = {});

// --- attention.cpp
struct AttentionOptions {
  bool causal = true, alibi = false;
  double scale = 1;
};
/// q [B, Q, heads, dim], k and v [B, K, heads, dim] with K >= Q -> [B, Q, heads, dim]
Variable attention(const Variable& q, const Variable& k, const Variable& v, const AttentionOptions&,
                   const IndexTensor& lengths = {});
/// Rotary positions, from `offset` on; x [B, L, heads, dim].
Variable rotary(const Variable& x, Index offset, double base);

}  // namespace seqtape::inline SEQTAPE_PRECISION
