#pragma once
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// Pre-norm attention, followed by an MLP in the same block (Vaswani et al. 2017; GPT-2's order).
struct TransformerKind final : MixerKind {
  Index heads = 4, mlp = 4, max_length = 4096;
  bool causal = true;
  std::string positions = "rotary";
  double rotary_base = 10000;

  void fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
  Index mlp_ratio() const override { return mlp; }
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
