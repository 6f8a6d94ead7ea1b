// Goes to models/mixers/qrnn.cpp: a mixer is one file. docs/adding.md explains the parts that are marked with brackets.
#include "autograd/ops/fo_pool.h"
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

// [kind]
/// QRNN (Bradbury et al. 2016, arXiv 1611.01576): a convolution over time makes all gates at once, and only a sum runs
/// from step to step. With E = expand * d_model:
///   u = conv(x),  z = tanh(W_z u),  f = s(W_f u),  o = s(W_o u)          (eq. 1)
///   c[t] = f c[t-1] + (1 - f) z,  y = o c                                (eq. 4, fo-pooling)
/// Deviation: the paper's convolutions mix channels over all taps; here each channel has its own taps, and W mixes.
struct QrnnKind final : MixerKind {
  Index expand = 1, taps = 2;

  void own_fields(Fields& f) override {
    f("expand", expand, "inner channels for each of d_model", positive_up_to(64));
    f("taps", taps, "steps that a gate sees: the present one and those before it", positive_up_to(4096));
  }
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

// [parameters]
class Qrnn final : public Mixer {
 public:
  Qrnn(const QrnnKind& kind, Index width)
      : inner_(kind.expand * width), gates_(width, 3 * inner_, true), out_(inner_, width, false) {
    taps_ = parameter("conv.weight", {width, kind.taps}, init::torch_default(kind.taps));
    part("gates", gates_);
    part("out_proj", out_);
  }

  // [forward]
  /// The state is {window [B, taps - 1, D], c [B, E]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode&) override {
    state.resize(2);  // at the start of a sequence both are undefined: zeros
    const ScanResult u = causal_conv1d(x, taps_, {}, false, state[0], lengths);
    const auto gate = [&](Index i, Activation f) {
      return activation(f, linear(u.y, slice_first(gates_.weight, i * inner_, (i + 1) * inner_),
                                  slice_first(gates_.bias, i * inner_, (i + 1) * inner_)));
    };
    const Variable z = gate(0, Activation::tanh), f = gate(1, Activation::sigmoid), o = gate(2, Activation::sigmoid);
    const ScanResult c = fo_pool(f, z, o, state[1], lengths);
    state = {u.state, c.state};
    return out_(c.y);
  }

 private:
  Index inner_;
  Linear gates_, out_;
  Weight taps_;
};

// [build]
std::unique_ptr<Mixer> QrnnKind::build(const MixerPlace& place) const {
  return std::make_unique<Qrnn>(*this, place.d_model);
}

}  // namespace

std::unique_ptr<MixerKind> make_qrnn() { return std::make_unique<QrnnKind>(); }
// [rest]

}  // namespace seqtape::inline SEQTAPE_PRECISION
