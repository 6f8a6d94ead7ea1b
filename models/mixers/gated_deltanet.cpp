#include <cmath>

#include "models/mixers/gated_heads.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// Gated DeltaNet (Yang, Kautz & Hatamizadeh 2024, arXiv 2412.06464) and its relatives. Per head, with q, k, v from
/// projections and short convolutions, q and k of unit length:
///   beta = sigmoid(W_b x),   g = -exp(a_log) softplus(W_a x + dt_bias)
///   S = e^g S;   S = S + beta k (v - S^T k)^T;   y = S^T q / sqrt(K)
///   out = W_o (RMSNorm(y) silu(W_g x))
/// decay "channel": g for each channel of a key, from a projection of rank value_dim (Kimi Delta Attention, arXiv
/// 2510.26692; its gate is as here). decay "none": DeltaNet (Yang et al. 2024, 2406.06484). negative_eigenvalues: beta
/// up to 2 (Grazzi et al. 2024, 2411.12537). householder n: n keys, values and betas a step, the decay before the first
/// (DeltaProduct, Siems et al. 2025, 2502.10297).
struct GatedDeltaNetKind final : MixerKind {
  HeadSettings heads{.norm_eps = 1e-6};
  Index d_conv = 4, householder = 1;
  std::string decay = "head";
  bool negative_eigenvalues = false;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

/// a_log of a head: A uniform in (0, 16].
void head_rates(const Tensor& a_log, Random& random) {
  for (Index i = 0; i < a_log.size(); ++i) a_log.data()[i] = static_cast<Real>(std::log(16 - random.uniform(0, 16)));
}

class GatedDeltaNet final : public GatedHeads {
 public:
  GatedDeltaNet(const GatedDeltaNetKind& kind, const HeadSettings& heads, Index width)
      : GatedHeads(heads, width),
        updates_(kind.householder),
        reach_(kind.negative_eigenvalues ? 2 : 1),
        q_(width, heads.heads * heads.key_dim, kind.d_conv),
        k_(width, updates_ * heads.heads * heads.key_dim, kind.d_conv),
        v_(width, updates_ * heads.heads * heads.value_dim, kind.d_conv),
        beta_(width, updates_ * heads.heads, false) {
    part("q", q_);
    part("k", k_);
    part("v", v_);
    part("b_proj", beta_);
    if (kind.decay == "none") return;
    const bool channels = kind.decay == "channel";
    if (channels) {
      rank_ = std::make_unique<Linear>(width, heads.value_dim, false);
      part("a_rank", *rank_);
    }
    const Index rates = heads.heads * (channels ? heads.key_dim : 1);
    rate_ = std::make_unique<Linear>(channels ? heads.value_dim : width, rates, false);
    part("a_proj", *rate_);
    const ParameterRule free{.weight_decay = false};
    a_log_ = parameter("a_log", {heads.heads}, head_rates, free);
    dt_bias_ = parameter("dt_bias", {rates}, init::step_sizes(1e-3, 0.1, 1e-4), free);
  }

  /// The state is {windows of q, k and v [B, taps - 1, channels], S [B, H, K, V]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) override {
    state.resize(4);
    MatrixRecurrenceArguments layer;
    layer.q = unit_norm(split_keys(q_(x, state[0], lengths)), kUnitEps);
    layer.k = unit_norm(split_keys(k_(x, state[1], lengths)), kUnitEps);
    layer.v = split_values(v_(x, state[2], lengths));
    layer.beta = scale(activation(Activation::sigmoid, beta_(x)), reach_);
    layer.g = decay(x);
    layer.s0 = state[3];
    layer.scale = query_scale();
    layer.updates = updates_;
    layer.lengths = lengths;
    if (mode.probe) {
      mode.probe->add("beta", layer.beta.value());
      if (layer.g.defined()) mode.probe->add("decay", activation(Activation::exp, layer.g.detach()).value());
    }
    const ScanResult s = matrix_recurrence(layer);
    state[3] = s.state;
    return read_out(s.y, x);
  }

 private:
  static constexpr double kUnitEps = 1e-6;

  /// A projection, a short convolution and SiLU.
  struct Short : Module {
    Short(Index in, Index out, Index taps) : proj(in, out, false) {
      part("proj", proj);
      conv = parameter("conv", {out, taps}, init::torch_default(taps));
    }
    Variable operator()(const Variable& x, Variable& window, const IndexTensor& lengths) const {
      const ScanResult u = causal_conv1d(proj(x), conv, {}, true, window, lengths);
      window = u.state;
      return u.y;
    }
    Linear proj;
    Weight conv;
  };

  /// The logarithm of the decay, [B, L, H] or [B, L, H, K], or undefined.
  Variable decay(const Variable& x) const {
    if (!rate_) return {};
    const Variable dt = softplus(linear(rank_ ? (*rank_)(x) : x, rate_->weight, dt_bias_)), a = negative_exp(a_log_);
    if (!rank_) return scale_columns(dt, a);
    const Index channels = heads_.heads * heads_.key_dim;
    IndexTensor head(Shape{channels});  // of each channel
    for (Index i = 0; i < channels; ++i) head.data()[i] = static_cast<std::int32_t>(i / heads_.key_dim);
    const Variable of_channels = reshape(embedding(head, reshape(a, Shape{heads_.heads, 1})), Shape{channels});
    return split_keys(scale_columns(dt, of_channels));
  }

  Index updates_;
  double reach_;  // of beta
  Short q_, k_, v_;
  Linear beta_;
  std::unique_ptr<Linear> rank_, rate_;
  Weight a_log_, dt_bias_;
};

}  // namespace

void GatedDeltaNetKind::own_fields(Fields& f) {
  heads.fields(f, "channels of a head's keys (K); 0: d_model / heads",
               "channels of a head's values (V); 0: d_model / heads");
  f("d_conv", d_conv, "taps of the causal convolutions of q, k and v", positive_up_to(4096));
  f("decay", decay, "of the state: one a head, one a channel (Kimi Delta Attention), or none (DeltaNet)",
    one_of({"head", "channel", "none"}));
  f("negative_eigenvalues", negative_eigenvalues, "beta up to 2, so that a step can turn the state round");
  f("householder", householder, "updates of the state a step (DeltaProduct)", positive_up_to(64));
}

std::unique_ptr<Mixer> GatedDeltaNetKind::build(const MixerPlace& place) const {
  return std::make_unique<GatedDeltaNet>(*this, heads.within(place.d_model, 1, 1), place.d_model);
}

std::unique_ptr<MixerKind> make_gated_deltanet() { return std::make_unique<GatedDeltaNetKind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
