#pragma once
// Differentiable ops. Each checks its arguments (ShapeError, with both shapes), computes, and records its backward.
// B batch, L length, D channels, N states, K taps, V classes; `...` any leading extents. The formula is at the kernel.

#include <vector>

#include "autograd/tape.h"
#include "core/kernels/discretize.h"
#include "core/kernels/pointwise.h"

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
/// a + b, a * b: equal shapes.
Variable add(const Variable& a, const Variable& b);
Variable multiply(const Variable& a, const Variable& b);
/// [..., 2n] -> [..., n]: first half times the sigmoid of the second.
Variable glu(const Variable& x);
/// Zeros a share `rate` of the elements and scales the rest by 1/(1 - rate); the same elements for the same key.
Variable dropout(const Variable& x, double rate, std::uint64_t key);

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
/// logits [..., V], target [...] -> mean over the scored targets (0 when there are none).
Variable cross_entropy(const Variable& logits, const IndexTensor& target, double label_smoothing = 0);
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
  Variable x, delta;  ///< [B, L, D]
  Variable a;         ///< [D, N], negative
  Variable b, c;      ///< [B, L, N]
  Variable skip;      ///< [D] or undefined
  Variable gate;      ///< [B, L, D] or undefined
  Variable delta_bias;  ///< [D] or undefined
  Variable h0;          ///< [B, D, N] or undefined: zeros
  IndexTensor lengths;  ///< [B] or undefined: all of L
  bool delta_softplus = true;
};
/// y [B, L, D] and h_last [B, D, N]
Carried selective_scan(const ScanArguments&);

/// log_dt [H], a_log_real and a_imag [H, N], b [H, N, 2] -> {a_bar, b_bar} [H, N, 2]
std::vector<Variable> ssm_discretize(Discretization, const Variable& log_dt, const Variable& a_log_real,
                                     const Variable& a_imag, const Variable& b);

}  // namespace seqtape::inline SEQTAPE_PRECISION
