#pragma once
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// The linear recurrent unit (Orvieto et al. 2023, arXiv 2303.06349) with S4D's output: GELU, gated projection.
struct LruKind final : MixerKind {
  Index d_state = 64;
  double r_min = 0.9, r_max = 0.999, max_phase = 6.283185307179586, ssm_lr = 1e-3;

  void fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
