#pragma once
// mLSTM: a memory of outer products with exponential input gates, kept in range by a running maximum.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// Steps of a chunk, which is computed by matrix products.
inline constexpr Index kMlstmChunk = 64;

struct MlstmSizes {
  Index batch, length, heads, keys, values;
  const std::int32_t *lengths = nullptr;  ///< [B]: steps of each sequence, or null: all
  const std::int32_t *starts = nullptr;   ///< [B, segments]: as of MatrixRecurrenceSizes
  Index segments = 0;
};

/// Per head, with the memory C [K, V] and the normaliser n [K]:
///   C[t] = sigmoid(f[t]) C[t-1] + e^i[t] k[t] v[t]^T / sqrt(K),   n likewise with 1 for v,
///   y[t] = C[t]^T q[t] / max(|n[t] q[t]|, 1)
/// What is kept is S = e^-m (C, n), with m[t] = max(log sigmoid(f[t]) + m[t-1], i[t], 0): no e^i overflows, and where
/// nothing is large, S is C itself.
/// q, k: [B, L, H, K]   v, y: [B, L, H, V]   i, f: [B, L, H]   s0, s_last: [B, H, K, V + 1]   m0, m_last: [B, H], >= 0
/// s0, m0 null: zeros. Lengths and starts: as in matrix_recurrence.
/// Source: Beck et al. 2024 (xLSTM, arXiv 2405.04517), eq. 19 to 27. Deviations: m is at least 0, which changes no y,
/// and nothing is added to the denominator.
struct MlstmInputs {
  const Real *q, *k, *v, *i, *f, *s0, *m0;
};
struct MlstmOutputs {
  Real *y, *s_last, *m_last;
};
struct MlstmOutputGrads {
  const Real *y, *s_last, *m_last;  ///< s_last, m_last null: zero
};
struct MlstmInputGrads {
  Real *q, *k, *v, *i, *f, *s0, *m0;  ///< ADDED to; null: not wanted
};

struct Mlstm {
  Index (*saved_size)(const MlstmSizes &);
  /// `saved` may be null when there will be no backward.
  void (*forward)(const MlstmSizes &, const MlstmInputs &, Real *saved, const MlstmOutputs &);
  void (*backward)(const MlstmSizes &, const MlstmInputs &, const Real *saved, const MlstmOutputs &,
                   const MlstmOutputGrads &, const MlstmInputGrads &);
};
extern const Dispatch<Mlstm> mlstm;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
