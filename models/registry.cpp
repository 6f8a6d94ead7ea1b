// The visible table of architectures: a line each.
#include "models/mixers/lru.h"
#include "models/mixers/mamba.h"
#include "models/mixers/mamba2.h"
#include "models/mixers/minimal_rnn.h"
#include "models/mixers/recurrent.h"
#include "models/mixers/s4.h"
#include "models/mixers/transformer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

const Registry<MixerKind>& mixers() {
  static const Registry<MixerKind> registry{{
      {"mamba", "selective state space model (Gu & Dao 2023)", [] { return std::make_unique<MambaKind>(); }},
      {"mamba2", "Mamba with one rate a head (Dao & Gu 2024)", [] { return std::make_unique<Mamba2Kind>(); }},
      {"s4", "state space model, HiPPO-LegS (Gu et al. 2022)", [] { return std::make_unique<S4Kind>(false); }},
      {"s4d", "diagonal state space model (Gu et al. 2022)", [] { return std::make_unique<S4Kind>(true); }},
      {"lru", "linear recurrent unit (Orvieto et al. 2023)", [] { return std::make_unique<LruKind>(); }},
      {"rnn", "Elman network", [] { return std::make_unique<RecurrentKind>(Cell::rnn_tanh); }},
      {"lstm", "long short-term memory", [] { return std::make_unique<RecurrentKind>(Cell::lstm); }},
      {"gru", "gated recurrent unit", [] { return std::make_unique<RecurrentKind>(Cell::gru); }},
      {"mingru", "minimal GRU, by a scan (Feng et al. 2024)", [] { return std::make_unique<MinimalKind>(false); }},
      {"minlstm", "minimal LSTM, by a scan (Feng et al. 2024)", [] { return std::make_unique<MinimalKind>(true); }},
      {"transformer", "attention and MLP", [] { return std::make_unique<TransformerKind>(); }},
  }};
  return registry;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
