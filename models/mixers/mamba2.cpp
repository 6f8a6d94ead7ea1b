#include "models/mixers/mamba2.h"

#include <cmath>

#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// A[h] uniform in [1, 16): the authors' A_init_range.
void log_uniform_rates(const Tensor& a_log, Random& random) {
  for (Index i = 0; i < a_log.size(); ++i) a_log.data()[i] = static_cast<Real>(std::log(random.uniform(1, 16)));
}

class Mamba2 final : public Mixer {
 public:
  Mamba2(const Mamba2Kind& kind, Index width)
      : inner_(kind.inner(width)),
        states_(kind.d_state),
        head_(kind.head(width)),
        groups_(kind.n_groups),
        norm_eps_(kind.norm_eps),
        in_proj_(width, 2 * inner_ + 2 * groups_ * states_ + heads(), kind.proj_bias),
        out_proj_(inner_, width, kind.proj_bias) {
    const Index mixed = inner_ + 2 * groups_ * states_;
    part("in_proj", in_proj_);
    conv_weight_ = parameter("conv.weight", {mixed, kind.d_conv}, init::torch_default(kind.d_conv));
    if (kind.conv_bias) conv_bias_ = parameter("conv.bias", {mixed}, init::torch_default(kind.d_conv));
    const ParameterRule free{.weight_decay = false};
    dt_bias_ = parameter("dt_bias", {heads()}, init::step_sizes(kind.dt_min, kind.dt_max, kind.dt_floor), free);
    a_log_ = parameter("a_log", {heads()}, log_uniform_rates, free);
    skip_ = parameter("d", {heads()}, init::ones(), free);
    norm_ = parameter("norm.weight", {inner_}, init::ones());
    part("out_proj", out_proj_);
  }

  /// The state is {window [B, K-1, E + 2 G N], h [B, E, N]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) override {
    state.resize(2);
    const Index mixed = inner_ + 2 * groups_ * states_;
    const auto project = [&](Index begin, Index count, const Variable& more_bias) {
      const Variable& bias = in_proj_.bias;
      Variable here = bias.defined() ? slice_first(bias, begin, begin + count) : Variable();
      if (more_bias.defined()) here = here.defined() ? add(here, more_bias) : more_bias;
      return linear(x, slice_first(in_proj_.weight, begin, begin + count), here);
    };
    const ScanResult u = causal_conv1d(project(inner_, mixed, {}), conv_weight_, conv_bias_, true, state[0], lengths);
    SsdArguments layer;
    layer.x = slice_last(u.y, 0, inner_);
    layer.delta = softplus(project(inner_ + mixed, heads(), dt_bias_));
    layer.a = negative_exp(a_log_);
    layer.b = slice_last(u.y, inner_, groups_ * states_);
    layer.c = slice_last(u.y, inner_ + groups_ * states_, groups_ * states_);
    layer.skip = skip_;
    layer.h0 = state[1];
    layer.groups = groups_;
    layer.lengths = lengths;
    if (mode.probe) mode.probe->add("delta", layer.delta.value());
    const ScanResult h = ssd(layer);
    state = {u.state, h.state};
    const Variable gate = project(0, inner_, {});  // not earlier: its gradient would be kept until there
    // Gate, then norm: transformers' MambaRMSNormGated, over all of E.
    return out_proj_(gated_norm({.x = h.y, .z = gate, .weight = norm_, .eps = norm_eps_, .gate_first = true}));
  }

 private:
  Index heads() const { return inner_ / head_; }

  Index inner_, states_, head_, groups_;
  double norm_eps_;
  Linear in_proj_, out_proj_;
  Weight conv_weight_, conv_bias_, dt_bias_, a_log_, skip_, norm_;
};

}  // namespace

void Mamba2Kind::own_fields(Fields& f) {
  f("d_state", d_state, "states of each channel (N)", positive_up_to(4096));
  f("d_conv", d_conv, "taps of the causal convolution (K)", positive_up_to(4096));
  f("expand", expand, "inner channels for each of d_model", positive_up_to(64));
  f("head_dim", head_dim, "channels of a head; 0: 64, or all the inner channels where they are fewer", between(0, 1e6));
  f("n_groups", n_groups, "groups of heads that share B and C", positive_up_to(4096));
  f("conv_bias", conv_bias, "bias of the convolution");
  f("proj_bias", proj_bias, "biases of in_proj and out_proj");
  f("dt_min", dt_min, "least initial step size", positive());
  f("dt_max", dt_max, "largest initial step size", positive());
  f("dt_floor", dt_floor, "initial step sizes are at least this", positive());
  f("gate_norm_eps", norm_eps, "added under the root of the norm after the gate", positive());
}

std::unique_ptr<Mixer> Mamba2Kind::build(const MixerPlace& place) const {
  if (dt_min > dt_max) throw ConfigError(str("model.dt_min: must be <= dt_max, got ", dt_min, " > ", dt_max));
  const Index channels = inner(place.d_model), width = head(place.d_model);
  if (channels % width != 0)
    throw ConfigError(str("model.head_dim: must divide the inner channels ", channels, ", got ", width));
  if (channels / width % n_groups != 0)
    throw ConfigError(str("model.n_groups: must divide the ", channels / width, " heads, got ", n_groups));
  return std::make_unique<Mamba2>(*this, place.d_model);
}

std::unique_ptr<MixerKind> make_mamba2() { return std::make_unique<Mamba2Kind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
