#pragma once
// Recurrences of a matrix: the state of linear attention, of the delta rule and of their relatives, computed in chunks
// by matrix products.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

enum class Decay { none, head, channel };  ///< one number a head, or one for each channel of a key

struct MatrixRecurrenceSizes {
  Index batch, length, heads, keys, values;  ///< `keys`, `values`: channels of a head (K, V)
  Index updates = 1;                         ///< of the state a step (n)
  Decay decay = Decay::none;
  double scale = 1;
  const std::int32_t *lengths = nullptr;  ///< [B]: steps of each sequence, or null: all
  const std::int32_t *starts = nullptr;   ///< [B, segments]: see below, or null: none
  Index segments = 0;
};

/// Per head, with the state S [K, V], each step t of a sequence makes n updates r = n t .. n t + n - 1 and is then
/// read:
///   S <- diag(exp g[t]) S                       before the first of them
///   S <- S + b[r] (a[r]^T S')^T + k[r] v[r]^T   S': the state before the update and, in the first, before its decay
///   y[t] = scale S^T q[t]
/// With beta in place of a and b it is the delta rule: S <- S + beta[r] k[r] (v[r] - S^T k[r])^T, on the decayed state.
/// With neither, a sum of outer products. b null while a is given: b is k.
/// q: [B, L, H, K]   k, a, b: [B, L, n, H, K]   v: [B, L, n, H, V]   beta: [B, L, n, H]   y: [B, L, H, V]
/// g: [B, L, H] or [B, L, H, K] as `decay` says, <= 0    s0, s_last: [B, H, K, V]; s0 null: zeros
/// Steps at or beyond a sequence's length give y = 0 and leave the state unchanged. At the steps in `starts`, ascending
/// in each row, a new sequence begins: the state before them counts as zero. Those at or beyond L are not looked at.
/// Sources: Katharopoulos et al. 2020 (arXiv 2006.16236); Yang et al. 2023 (2312.06635), 2024 (2406.06484, 2412.06464);
/// Peng et al. 2025 (RWKV-7, 2503.14456); Siems et al. 2025 (DeltaProduct, 2502.10297).
struct MatrixRecurrenceInputs {
  const Real *q, *k, *v, *a, *b, *beta, *g, *s0;
};
struct MatrixRecurrenceOutputs {
  Real *y, *s_last;
};
struct MatrixRecurrenceOutputGrads {
  const Real *y, *s_last;  ///< s_last null: zero
};
struct MatrixRecurrenceInputGrads {
  Real *q, *k, *v, *a, *b, *beta, *g, *s0;  ///< ADDED to; null: not wanted
};

struct MatrixRecurrence {
  /// Elements of `saved`: the state before each chunk.
  Index (*saved_size)(const MatrixRecurrenceSizes &);
  /// `saved` may be null when there will be no backward.
  void (*forward)(const MatrixRecurrenceSizes &, const MatrixRecurrenceInputs &, Real *saved,
                  const MatrixRecurrenceOutputs &);
  void (*backward)(const MatrixRecurrenceSizes &, const MatrixRecurrenceInputs &, const Real *saved,
                   const MatrixRecurrenceOutputGrads &, const MatrixRecurrenceInputGrads &);
};
extern const Dispatch<MatrixRecurrence> matrix_recurrence;

/// Steps of a block of a chunk, and of a chunk.
inline constexpr Index kMatrixBlock = 16, kMatrixChunk = 64;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
