#include "models/mamba2.h"

#include <cmath>

#include "core/error.h"
#include "models/mamba.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// A[h] uniform in [1, 16): the authors' A_init_range.
void log_uniform_rates(const Tensor& a_log, Random& random) {
  for (Index i = 0; i < a_log.size(); ++i) a_log.data()[i] = static_cast<Real>(std::log(random.uniform(1, 16)));
}

/// One number a head drives all its channels, so Mamba-1's scan computes it, with A, step size and skip given to every
/// channel of the head. (The paper's form by chunks of matrix products has the same result; see docs/models.md.)
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

  /// The state is {window [B, K-1, E + 2 G N], a group's h [B, E / G, N] for each group}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) override {
    state.resize(static_cast<std::size_t>(1 + groups_));
    const Index mixed = inner_ + 2 * groups_ * states_, group = inner_ / groups_, group_heads = heads() / groups_;
    const auto project = [&](Index begin, Index count) {
      const Variable& bias = in_proj_.bias;
      return linear(x, rows(in_proj_.weight, begin, begin + count),
                    bias.defined() ? rows(bias, begin, begin + count) : Variable());
    };
    const Variable gate = project(0, inner_), delta = project(inner_ + mixed, heads());
    const Carried u = causal_conv1d(project(inner_, mixed), conv_weight_, conv_bias_, true, state[0], lengths);
    state[0] = u.state;
    Variable y;
    for (Index g = 0; g < groups_; ++g) {
      const Index first = g * group_heads;
      const auto of_group = [&](const Variable& per_head) {
        return groups_ == 1 ? per_head : rows(per_head, first, first + group_heads);
      };
      ScanArguments scan;
      scan.x = columns(u.y, g * group, group);
      scan.delta = to_channels(groups_ == 1 ? delta : columns(delta, first, group_heads));
      scan.a = to_states(to_channels(of_group(negative_exp(a_log_))));
      scan.b = columns(u.y, inner_ + g * states_, states_);
      scan.c = columns(u.y, inner_ + (groups_ + g) * states_, states_);
      scan.skip = to_channels(of_group(skip_));
      scan.gate = groups_ == 1 ? gate : columns(gate, g * group, group);
      scan.delta_bias = to_channels(of_group(dt_bias_));
      scan.h0 = state[static_cast<std::size_t>(1 + g)];
      scan.lengths = lengths;
      if (mode.inside) mode.inside->add("delta", step_sizes(scan));
      const Carried h = selective_scan(scan);
      state[static_cast<std::size_t>(1 + g)] = h.state;
      if (groups_ == 1)
        y = h.y;
      else
        y = y.defined() ? add(y, placed(h.y, g)) : placed(h.y, g);
    }
    // Gate, then norm: transformers' MambaRMSNormGated, over all of E.
    return out_proj_(rms_norm(y, norm_, norm_eps_));
  }

 private:
  Index heads() const { return inner_ / head_; }

  /// [..., heads] -> [..., heads P]: each head's number for all its channels, as a product with a matrix of 0 and 1.
  Variable to_channels(const Variable& per_head) const {
    const Index count = per_head.shape().back();
    Tensor spread = Tensor::zeros(Shape{count * head_, count});
    for (Index i = 0; i < count * head_; ++i) spread.data()[i * count + i / head_] = 1;
    const Variable matrix(spread);
    if (per_head.shape().rank() > 1) return linear(per_head, matrix);
    return reshape(linear(reshape(per_head, Shape{1, count}), matrix), Shape{count * head_});
  }
  /// [D] -> [D, N]
  Variable to_states(const Variable& rates) const {
    return linear(reshape(rates, Shape{rates.size(), 1}), Variable(Tensor::full(Shape{states_, 1}, 1)));
  }
  /// [B, L, E / G] -> [B, L, E], zeros in the other groups' columns.
  Variable placed(const Variable& y, Index g) const {
    const Index group = inner_ / groups_;
    Tensor place = Tensor::zeros(Shape{inner_, group});
    for (Index i = 0; i < group; ++i) place.data()[(g * group + i) * group + i] = 1;
    return linear(y, Variable(place));
  }
  Index inner_, states_, head_, groups_;
  double norm_eps_;
  Linear in_proj_, out_proj_;
  Weight conv_weight_, conv_bias_, dt_bias_, a_log_, skip_, norm_;
};

}  // namespace

void Mamba2Kind::fields(Fields& f) {
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
  f("gate_norm_eps", norm_eps, "added under the root of the norm behind the gate", positive());
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

}  // namespace seqtape::inline SEQTAPE_PRECISION
