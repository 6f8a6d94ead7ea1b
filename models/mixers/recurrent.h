#pragma once
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// A layer of PyTorch's RNN, LSTM or GRU, d_model -> d_model.
struct RecurrentKind final : MixerKind {
  explicit RecurrentKind(Cell cell_) : cell(cell_) {}
  Cell cell;
  std::string nonlinearity = "tanh", initialization = "torch";
  double forget_bias = 0;
  Index chrono_length = 0;

  void fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
