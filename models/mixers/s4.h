#pragma once
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// S4 (Gu et al. 2022, arXiv 2111.00396) and S4D (Gu et al. 2022, arXiv 2206.11893): a state space model for each
/// channel, a GELU, and a gated output projection.
struct S4Kind final : MixerKind {
  explicit S4Kind(bool diagonal_) : diagonal(diagonal_) {}
  bool diagonal;
  Index d_state = 64;
  double dt_min = 1e-3, dt_max = 0.1, ssm_lr = 1e-3;
  std::string mode = "auto", initialization = "lin", discretization = "zoh";
  bool train_b = false, bidirectional = false;

  void fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
