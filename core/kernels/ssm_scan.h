#pragma once
// The recurrence of S4 and S4D: per head one input, N complex states (of N conjugate pairs) and one output.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// Steps between the states that the forward saves; the backward recomputes the others.
inline constexpr Index kSsmChunk = 16;

struct SsmSizes {
  Index batch, length, heads, states;
  bool low_rank = false;                  ///< p, q, r are given
  const std::int32_t *lengths = nullptr;  ///< [B]: steps of each sequence, or null: all
};

/// Diagonal:                s[t] = a s[t-1] + b u[t]
/// Diagonal plus low rank:  z = a s[t-1] - q 2 Re<p, s[t-1]> + b u[t],   s[t] = z - r 2 Re<p, z>
/// and                      y[t] = 2 Re sum_n c s[t]
/// with <p, s> = sum_n conj(p) s. The second is one step of S4's bilinear form: see dplr.h for a, b, q, r.
///
/// u, y: [B, L, H]   a, b, c, p, q, r: [H, N, 2] as (re, im)   s0, s_last: [B, H, N, 2]; s0 null: zeros
/// With u an impulse, y is the convolution kernel c A^l b: one implementation serves the convolution and the
/// recurrence, and C needs no correction for the length (the C~ of the S4 paper). Steps at or beyond a sequence's
/// length give 0 and leave s unchanged. Source: Gu et al. 2022 (arXiv 2111.00396), section 3 and appendix C.2.
struct SsmInputs {
  const Real *u, *a, *b, *c, *p, *q, *r, *s0;
};
struct SsmOutputs {
  Real *y, *s_last;
};
struct SsmOutputGrads {
  const Real *y, *s_last;  ///< null: zero
};
struct SsmInputGrads {
  Real *u, *a, *b, *c, *p, *q, *r, *s0;  ///< ADDED to; null: not wanted
};

struct SsmScan {
  /// Elements of `saved`: the states at every chunk's start.
  Index (*saved_size)(const SsmSizes &);
  /// `saved` may be null when there will be no backward.
  void (*forward)(const SsmSizes &, const SsmInputs &, Real *saved, const SsmOutputs &);
  void (*backward)(const SsmSizes &, const SsmInputs &, const Real *saved, const SsmOutputGrads &,
                   const SsmInputGrads &);
};
extern const Dispatch<SsmScan> ssm_scan;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
