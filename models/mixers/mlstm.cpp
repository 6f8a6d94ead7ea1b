#include <cmath>

#include "core/error.h"
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// xLSTM's matrix memory in its block (Beck et al. 2024, arXiv 2405.04517, figure 11). With E = expand d_model:
///   u, z = W_up x;   c = silu(conv(u));   q, k = blocks(c), v = blocks(u)     blocks: block-diagonal maps
///   i, f = W_i (q, k, v) + b_i, W_f (q, k, v) + b_f;   h = mlstm(q, k, v, i, f)
///   out = W_down ((LayerNorm per head(h) + skip c) silu(z))
/// As the authors' code initialises the gates: no weights, b_f from 3 to 6 over the heads, b_i N(0, 0.1).
struct MlstmKind final : MixerKind {
  Index heads = 4, expand = 2, d_conv = 4, block = 4;
  double norm_eps = 1e-5;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

/// Evenly spaced from 3 to 6.
void forget_biases(const Tensor& bias, Random&) {
  for (Index h = 0; h < bias.size(); ++h)
    bias.data()[h] = static_cast<Real>(
        3 + (bias.size() > 1 ? 3.0 * static_cast<double>(h) / static_cast<double>(bias.size() - 1) : 0.0));
}

class MlstmMixer final : public Mixer {
 public:
  MlstmMixer(const MlstmKind& kind, Index width)
      : heads_(kind.heads),
        inner_(kind.expand * width),
        eps_(kind.norm_eps),
        up_(width, 2 * inner_, false),
        down_(inner_, width, false) {
    part("up_proj", up_);
    conv_weight_ = parameter("conv.weight", {inner_, kind.d_conv}, init::torch_default(kind.d_conv));
    conv_bias_ = parameter("conv.bias", {inner_}, init::torch_default(kind.d_conv));
    const auto blocks = [&](const char* name) {
      return parameter(name, {inner_ / kind.block, kind.block, kind.block}, init::torch_default(kind.block));
    };
    q_ = blocks("q_proj"), k_ = blocks("k_proj"), v_ = blocks("v_proj");
    input_weight_ = parameter("input_gate.weight", {heads_, 3 * inner_}, init::zeros());
    input_bias_ = parameter("input_gate.bias", {heads_}, init::normal(0.1));
    forget_weight_ = parameter("forget_gate.weight", {heads_, 3 * inner_}, init::zeros());
    forget_bias_ = parameter("forget_gate.bias", {heads_}, forget_biases);
    norm_ = parameter("norm.weight", {inner_}, init::ones());
    skip_ = parameter("skip", {inner_}, init::ones());
    part("down_proj", down_);
  }

  /// The state is {window [B, taps - 1, E], memory [B, H, K, K + 1], its maximum [B, H]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) override {
    state.resize(3);
    const auto up = [&](Index i) { return linear(x, slice_first(up_.weight, i * inner_, (i + 1) * inner_)); };
    const Variable u = up(0), z = up(1);
    const ScanResult c = causal_conv1d(u, conv_weight_, conv_bias_, true, state[0], lengths);
    const Variable q = block_linear(c.y, q_), k = block_linear(c.y, k_), v = block_linear(u, v_);
    const auto gate = [&](const Variable& weight, const Variable& bias) {
      const auto of = [&](const Variable& part, Index i, const Variable& b) {
        return linear(part, slice_last(weight, i * inner_, inner_), b);
      };
      return add(add(of(q, 0, bias), of(k, 1, {})), of(v, 2, {}));
    };
    const Variable i = gate(input_weight_, input_bias_), f = gate(forget_weight_, forget_bias_);
    if (mode.probe) {
      mode.probe->add("input_gate", i.value());
      mode.probe->add("forget_gate", activation(Activation::sigmoid, f.detach()).value());
    }
    const auto heads = [&](const Variable& part) {
      return reshape(part, Shape{x.dim(0), x.dim(1), heads_, inner_ / heads_});
    };
    const MlstmResult memory = mlstm(heads(q), heads(k), heads(v), i, f, state[1], state[2], lengths);
    state = {c.state, memory.s, memory.m};
    const Variable ones(Tensor::full(Shape{inner_ / heads_}, 1));
    const Variable h = scale_columns(reshape(layer_norm(memory.y, ones, {}, eps_), u.shape()), norm_);
    return down_(multiply(add(h, scale_columns(c.y, skip_)), silu(z)));
  }

 private:
  Index heads_, inner_;
  double eps_;
  Linear up_, down_;
  Weight conv_weight_, conv_bias_, q_, k_, v_, input_weight_, input_bias_, forget_weight_, forget_bias_, norm_, skip_;
};

}  // namespace

void MlstmKind::own_fields(Fields& f) {
  f("heads", heads, "heads, each with a memory of its own", positive_up_to(4096));
  f("expand", expand, "inner channels for each of d_model", positive_up_to(64));
  f("d_conv", d_conv, "taps of the causal convolution", positive_up_to(4096));
  f("qkv_block", block, "channels of a block of the maps to q, k and v", positive_up_to(1e6));
  f("gate_norm_eps", norm_eps, "added under the root of the norm of each head", positive());
}

std::unique_ptr<Mixer> MlstmKind::build(const MixerPlace& place) const {
  const Index inner = expand * place.d_model;
  if (inner % heads != 0)
    throw ConfigError(str("model.heads: must divide the inner channels ", inner, ", got ", heads));
  if (inner % block != 0)
    throw ConfigError(str("model.qkv_block: must divide the inner channels ", inner, ", got ", block));
  return std::make_unique<MlstmMixer>(*this, place.d_model);
}

std::unique_ptr<MixerKind> make_mlstm() { return std::make_unique<MlstmKind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
