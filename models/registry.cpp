// The visible table of architectures: a line each.
#include "models/mamba.h"

namespace seqtape::inline SEQTAPE_PRECISION {

const Registry<MixerKind>& mixers() {
  static const Registry<MixerKind> registry{{
      {"mamba", "selective state space model (Gu & Dao 2023)", [] { return std::make_unique<MambaKind>(); }},
  }};
  return registry;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
