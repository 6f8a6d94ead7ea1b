#pragma once
// Mamba-1's mixer. Source: Gu & Dao 2023 (arXiv 2312.00752), figure 3, and the authors' mamba_simple.py.

#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// E = expand * d_model inner channels (or d_inner), N = d_state, K = d_conv, R = dt_rank.
struct MambaKind final : MixerKind {
  Index d_state = 16, d_conv = 4, expand = 2, d_inner = 0, dt_rank = 0;
  bool conv_bias = true, proj_bias = false;
  double dt_min = 1e-3, dt_max = 0.1, dt_floor = 1e-4;
  std::string variant = "torch";

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
  Index inner(Index d_model) const { return d_inner ? d_inner : expand * d_model; }
  Index rank(Index d_model) const { return dt_rank ? dt_rank : (d_model + 15) / 16; }
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
