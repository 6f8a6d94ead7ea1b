#pragma once
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// minGRU and minLSTM (Feng et al. 2024, arXiv 2410.01201): gates that depend on the input only, so a scan does it.
struct MinimalKind final : MixerKind {
  explicit MinimalKind(bool lstm_) : lstm(lstm_) {}
  bool lstm;
  Index expand = 2;

  void fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
