#pragma once
// Attention in tiles with an online softmax: memory is linear in the length.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// Queries of a tile.
inline constexpr Index kAttentionTile = 64;

struct AttentionSizes {
  Index batch, queries, keys, heads, dim;
  bool causal = true;  ///< query i sees keys up to keys - queries + i
  double scale = 1;
  const std::int32_t* lengths = nullptr;  ///< [B]: queries of each sequence, or null: all
  bool alibi = false;                     ///< adds -2^(-8 (head+1)/heads) distance to the scores (Press et al. 2022)
};

/// y[b,i,h,:] = sum_j softmax_j(scale <q[b,i,h,:], k[b,j,h,:]>) v[b,j,h,:]
/// q, y: [B, Q, heads, dim]   k, v: [B, K, heads, dim], K >= Q: keys of earlier chunks come first
/// log_sum: [B, heads, Q], the log-sum-exp of the scores, kept for the backward, or null. Queries at or beyond a
/// sequence's length give 0, and no query attends to the keys there.
/// Source: Dao et al. 2022 (arXiv 2205.14135), algorithms 1 and 4.
struct AttentionInputs {
  const Real *q, *k, *v;
};

struct Attention {
  void (*forward)(const AttentionSizes&, const AttentionInputs&, Real* y, Real* log_sum);
  /// ADDS into dq, dk, dv.
  void (*backward)(const AttentionSizes&, const AttentionInputs&, const Real* y, const Real* log_sum, const Real* dy,
                   Real* dq, Real* dk, Real* dv);
  /// Rotates the pairs (x[i], x[i + dim/2]) of position `offset + t` by direction * position * base^(-2 i/dim).
  /// x, y: [B, L, heads, dim]; with `add`, y += …. Su et al. 2021 (arXiv 2104.09864), halves as in GPT-NeoX.
  void (*rotate)(Index batch, Index length, Index heads, Index dim, Index offset, double base, int direction, bool add,
                 const Real* x, Real* y);
};
extern const Dispatch<Attention> attention;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
