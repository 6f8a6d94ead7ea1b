// The table of architectures: one line each.
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

void MixerKind::fields(Fields& f) {
  own_fields(f);
  f("mlp", mlp, "hidden width of the MLP after the mixer for each of d_model; 0: none", between(0, 64));
  f("mlp_kind", mlp_kind, "gelu: W gelu(V x), with biases; gated: W (silu(U x) V x), without",
    one_of({"gelu", "gated"}));
}

using Made = std::unique_ptr<MixerKind>;

const Registry<MixerKind>& mixers() {
  // A row declares the function of its file in models/mixers/, so that the file needs no header.
  // clang-format off
  static const Registry<MixerKind> registry{{
      {"mamba", "selective state space model (Gu & Dao 2023)", [] { extern Made make_mamba(); return make_mamba(); }},
      {"mamba2", "Mamba with one rate a head (Dao & Gu 2024)", [] { extern Made make_mamba2(); return make_mamba2(); }},
      {"gated_deltanet", "delta rule with a decay (Yang et al. 2024)", [] { extern Made make_gated_deltanet(); return make_gated_deltanet(); }},
      {"gla", "gated linear attention (Yang et al. 2023)", [] { extern Made make_gla(); return make_gla(); }},
      {"retnet", "retention (Sun et al. 2023)", [] { extern Made make_retnet(); return make_retnet(); }},
      {"mlstm", "xLSTM's matrix memory (Beck et al. 2024)", [] { extern Made make_mlstm(); return make_mlstm(); }},
      {"s4", "state space model, HiPPO-LegS (Gu et al. 2022)", [] { extern Made make_s4(); return make_s4(); }},
      {"s4d", "diagonal state space model (Gu et al. 2022)", [] { extern Made make_s4d(); return make_s4d(); }},
      {"lru", "linear recurrent unit (Orvieto et al. 2023)", [] { extern Made make_lru(); return make_lru(); }},
      {"rnn", "Elman network", [] { extern Made make_rnn(); return make_rnn(); }},
      {"lstm", "long short-term memory", [] { extern Made make_lstm(); return make_lstm(); }},
      {"gru", "gated recurrent unit", [] { extern Made make_gru(); return make_gru(); }},
      {"mingru", "minimal GRU, by a scan (Feng et al. 2024)", [] { extern Made make_mingru(); return make_mingru(); }},
      {"minlstm", "minimal LSTM, by a scan (Feng et al. 2024)", [] { extern Made make_minlstm(); return make_minlstm(); }},
      {"transformer", "attention and MLP", [] { extern Made make_transformer(); return make_transformer(); }},
  }};
  // clang-format on
  return registry;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
