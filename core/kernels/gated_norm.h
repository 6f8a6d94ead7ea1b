#pragma once
// Normalisation and gate of what the heads of a mixer have read.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

struct GatedNormSizes {
  Index rows, groups, width;  ///< width: channels of a group
  bool shared;                ///< the groups have one weight
  bool centred, gate_first;
  double eps;
};

/// y = (norm(x) weight + skip c) silu(z), or with gate_first norm(x silu(z)) weight, where norm(u) of each group is
///   (u - m) r,  r = 1/sqrt(mean((u - m)^2) + eps),  m = mean(u) if centred (Ba et al. 2016), else 0 (Zhang & Sennrich
///   2019)
/// x, z, c, y: [rows, groups, width]   weight: [width] if shared, else [groups, width]   skip: [groups, width]
/// c and skip null: none; with gate_first they are.
/// Sources: Yang et al. 2023 (gated linear attention, arXiv 2312.06635), eq. 8; Dao & Gu 2024 (Mamba-2, 2405.21060),
/// section 7, gate first; Beck et al. 2024 (xLSTM, 2405.04517), figure 11, centred with a skip.
struct GatedNormInputs {
  const Real *x, *z, *weight, *c, *skip;
};
struct GatedNormInputGrads {
  Real *x, *z, *weight, *c, *skip;  ///< ADDED to; null: not wanted
};

struct GatedNorm {
  /// stats: m and r, [rows, groups, 2], or null when there will be no backward.
  void (*forward)(const GatedNormSizes &, const GatedNormInputs &, Real *y, Real *stats);
  void (*backward)(const GatedNormSizes &, const GatedNormInputs &, const Real *stats, const Real *dy,
                   const GatedNormInputGrads &);
};
extern const Dispatch<GatedNorm> gated_norm;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
