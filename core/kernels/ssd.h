#pragma once
// State space duality (SSD), the layer of Mamba-2: a selective state space model with a scalar A per head, computed in
// chunks by matrix products.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// Steps of a chunk, which is computed by matrix products.
inline constexpr Index kSsdChunk = 64;

struct SsdSizes {
  Index batch, length, heads, width, groups, states;  ///< `width`: channels of a head (P)
  const std::int32_t *lengths = nullptr;              ///< [B]: steps of each sequence, or null: all
};

/// Per head, with the state H [P, N], x [P], and B, C [N] of the head's group:
///   H[t] = exp(delta[t] a) H[t-1] + delta[t] x[t] B[t]^T,    y[t] = H[t] C[t] + skip x[t]
/// x, y: [B, L, H, P]   delta: [B, L, H]   a: [H], negative   b, c: [B, L, G, N]   skip: [H] or null
/// h0, h_last: [B, H, P, N]; h0 null: zeros. Steps at or beyond a sequence's length give y = 0 and leave the state
/// unchanged. Source: Dao & Gu 2024 (arXiv 2405.21060), section 6.
struct SsdInputs {
  const Real *x, *delta, *a, *b, *c, *skip, *h0;
};
struct SsdOutputs {
  Real *y, *h_last;
};
struct SsdOutputGrads {
  const Real *y, *h_last;  ///< h_last null: zero
};
struct SsdInputGrads {
  Real *x, *delta, *a, *b, *c, *skip, *h0;  ///< ADDED to; skip and h0 null: not wanted
};

struct Ssd {
  /// Elements of `saved`: the state before each chunk.
  Index (*saved_size)(const SsdSizes &);
  /// `saved` may be null when there will be no backward.
  void (*forward)(const SsdSizes &, const SsdInputs &, Real *saved, const SsdOutputs &);
  void (*backward)(const SsdSizes &, const SsdInputs &, const Real *saved, const SsdOutputGrads &,
                   const SsdInputGrads &);
};
extern const Dispatch<Ssd> ssd;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
