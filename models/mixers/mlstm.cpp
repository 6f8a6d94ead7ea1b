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
    const Variable u = up(0);
    const ScanResult c = causal_conv1d(u, conv_weight_, conv_bias_, true, state[0], lengths);
    const Variable q = block_linear(c.y, q_), k = block_linear(c.y, k_), v = block_linear(u, v_);
    const Variable gates = add(linear(c.y, add(gates_of(0, q_), gates_of(1, k_)), gate_biases()),
                               linear(u, gates_of(2, v_))),
                   i = slice_last(gates, 0, heads_), f = slice_last(gates, heads_, heads_);
    if (mode.probe) {
      mode.probe->add("input_gate", i.value());
      mode.probe->add("forget_gate", activation(Activation::sigmoid, f.detach()).value());
    }
    const auto heads = [&](const Variable& part) {
      return reshape(part, Shape{x.dim(0), x.dim(1), heads_, inner_ / heads_});
    };
    const MlstmResult memory = mlstm(heads(q), heads(k), heads(v), i, f, state[1], state[2], lengths);
    state = {c.state, memory.s, memory.m};
    return down_(gated_norm({.x = memory.y,
                             .z = up(1),  // not earlier: its gradient would be kept until there
                             .weight = norm_,
                             .c = c.y,
                             .skip = skip_,
                             .groups = heads_,
                             .eps = eps_,
                             .centred = true}));
  }

 private:
  /// The gates read q, k and v, which are maps of c and u: W_i q = (W_i blocks_q) c. One product with c and one with u
  /// take the place of six with narrow results, which were a tenth of a training step.
  Variable gates_of(Index part, const Variable& blocks) const {
    const auto rows = [&](const Variable& weight) {
      return slice_last(reshape(weight, Shape{1, heads_, 3 * inner_}), part * inner_, inner_);
    };
    const Variable both = concat_time(rows(input_weight_), rows(forget_weight_));
    return block_linear(reshape(both, Shape{2 * heads_, inner_}), transpose(blocks));
  }
  Variable gate_biases() const {
    const Shape one{1, heads_};
    return reshape(concat_time(reshape(input_bias_, one), reshape(forget_bias_, one)), Shape{2 * heads_});
  }

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
