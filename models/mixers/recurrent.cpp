#include <cmath>

#include "core/error.h"
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// A layer of PyTorch's RNN, LSTM or GRU, d_model -> d_model.
struct RecurrentKind final : MixerKind {
  explicit RecurrentKind(Cell cell_) : cell(cell_) {}
  Cell cell;
  std::string nonlinearity = "tanh", initialization = "torch";
  double forget_bias = 0;
  Index chrono_length = 0;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

/// Each [H, H] block of rows orthogonal (Saxe et al. 2014): Gram-Schmidt on normal rows.
void orthogonal_blocks(const Tensor& weight, Random& random) {
  const Index n = weight.dim(1);
  for (Index i = 0; i < weight.dim(0); ++i) {
    Real* const row = weight.data() + i * n;
    for (Index j = 0; j < n; ++j) row[j] = static_cast<Real>(random.normal());
    const auto subtract = [&](Index other) {
      const Real* const before = weight.data() + other * n;
      double inner = 0;
      for (Index j = 0; j < n; ++j) inner += static_cast<double>(row[j]) * static_cast<double>(before[j]);
      for (Index j = 0; j < n; ++j) row[j] -= static_cast<Real>(inner) * before[j];
    };
    for (int pass = 0; pass < 2; ++pass)  // the second removes what rounding left
      for (Index other = i / n * n; other < i; ++other) subtract(other);
    double norm = 0;
    for (Index j = 0; j < n; ++j) norm += static_cast<double>(row[j]) * static_cast<double>(row[j]);
    for (Index j = 0; j < n; ++j) row[j] /= static_cast<Real>(std::sqrt(norm));
  }
}

class Recurrent final : public Mixer {
 public:
  Recurrent(const RecurrentKind& kind, Index width) : cell_(kind.cell) {
    if (cell_ == Cell::rnn_tanh && kind.nonlinearity == "relu") cell_ = Cell::rnn_relu;
    const Index rows = kernels::gates_of(cell_) * width;
    const Initializer torch = init::torch_default(width);  // PyTorch: every tensor uniform within 1/sqrt(H)
    weight_ih_ = parameter("weight_ih", {rows, width}, torch);
    weight_hh_ = parameter("weight_hh", {rows, width}, kind.initialization == "orthogonal" ? orthogonal_blocks : torch);
    bias_ih_ = parameter("bias_ih", {rows}, torch);
    bias_hh_ = parameter("bias_hh", {rows}, [=](const Tensor& bias, Random& random) {
      torch(bias, random);
      if (kind.cell != Cell::lstm) return;
      for (Index i = 0; i < width; ++i) {
        bias.data()[width + i] += static_cast<Real>(kind.forget_bias);
        if (kind.chrono_length < 3) continue;
        // Chrono initialisation (Tallec & Ollivier 2018, eq. 16): memories from 1 to T steps.
        const double forget = std::log(random.uniform(1, static_cast<double>(kind.chrono_length - 1)));
        bias.data()[width + i] = static_cast<Real>(forget);
        bias.data()[i] = static_cast<Real>(-forget);
      }
    });
  }

  /// The state is {h} or, of the LSTM, {h, c}; each [B, d_model].
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode&) override {
    state.resize(cell_ == Cell::lstm ? 2 : 1);
    const Variable c0 = cell_ == Cell::lstm ? state[1] : Variable();
    const RecurrenceResult out =
        recurrence(cell_, linear(x, weight_ih_, bias_ih_), weight_hh_, bias_hh_, state[0], c0, lengths);
    state[0] = out.h;
    if (cell_ == Cell::lstm) state[1] = out.c;
    return out.y;
  }

 private:
  Cell cell_;
  Weight weight_ih_, weight_hh_, bias_ih_, bias_hh_;
};

}  // namespace

void RecurrentKind::own_fields(Fields& f) {
  f("initialization", initialization, "of the recurrent matrix; torch: uniform within 1/sqrt(d_model)",
    one_of({"torch", "orthogonal"}));
  if (cell == Cell::rnn_tanh) f("nonlinearity", nonlinearity, "of the state", one_of({"tanh", "relu"}));
  if (cell == Cell::lstm) {
    f("forget_bias", forget_bias, "added to the forget gate's initial bias");
    f("chrono_length", chrono_length, "chrono initialisation for memories up to this length; 0: off", at_least(0));
  }
}

std::unique_ptr<Mixer> RecurrentKind::build(const MixerPlace& place) const {
  return std::make_unique<Recurrent>(*this, place.d_model);
}

std::unique_ptr<MixerKind> make_rnn() { return std::make_unique<RecurrentKind>(Cell::rnn_tanh); }
std::unique_ptr<MixerKind> make_lstm() { return std::make_unique<RecurrentKind>(Cell::lstm); }
std::unique_ptr<MixerKind> make_gru() { return std::make_unique<RecurrentKind>(Cell::gru); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
