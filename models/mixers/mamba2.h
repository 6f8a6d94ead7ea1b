#pragma once
// Mamba-2's mixer. Source: Dao & Gu 2024 (arXiv 2405.21060), section 7, the authors' mamba2_simple.py, and
// transformers' Mamba2Mixer, whose parameter names and norm it uses.

#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// E = expand * d_model inner channels in heads of P = head_dim, N = d_state, K = d_conv, G = n_groups of heads that
/// share B and C.
struct Mamba2Kind final : MixerKind {
  Index d_state = 64, d_conv = 4, expand = 2, head_dim = 0, n_groups = 1;
  bool conv_bias = true, proj_bias = false;
  double dt_min = 1e-3, dt_max = 0.1, dt_floor = 1e-4, norm_eps = 1e-5;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
  Index inner(Index d_model) const { return expand * d_model; }
  Index head(Index d_model) const { return head_dim ? head_dim : std::min<Index>(64, inner(d_model)); }
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
