#include "models/mixers/mamba.h"

#include <cmath>

#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// A_log[d, n] = log(n + 1): S4D-Real, the official initialisation.
void log_arange(const Tensor& a_log, Random&) {
  const Index states = a_log.dim(1);
  for (Index i = 0; i < a_log.size(); ++i)
    a_log.data()[i] = static_cast<Real>(std::log(static_cast<double>(i % states + 1)));
}

/// softplus(delta + bias) of a scan, [B, L, E]: the step sizes.
Tensor step_sizes(const SelectiveScanArguments& scan) {
  Tensor biased(scan.delta.shape());
  const Index channels = scan.delta_bias.size();
  for (Index i = 0; i < biased.size(); ++i)
    biased.data()[i] = scan.delta.data()[i] + scan.delta_bias.data()[i % channels];
  return softplus(Variable(biased)).value();
}

class Mamba final : public Mixer {
 public:
  Mamba(const MambaKind& kind, const MixerPlace& place)
      : inner_(kind.inner(place.d_model)),
        rank_(kind.rank(place.d_model)),
        states_(kind.d_state),
        in_proj_(place.d_model, 2 * inner_, kind.proj_bias, weight_init(kind, place.d_model)),
        x_proj_(inner_, rank_ + 2 * states_, false, weight_init(kind, inner_)),
        dt_proj_(rank_, inner_, false, init::torch_default(rank_)),
        out_proj_(inner_, place.d_model, kind.proj_bias, out_init(kind, place)) {
    part("in_proj", in_proj_);
    conv_weight_ = parameter("conv.weight", {inner_, kind.d_conv}, init::torch_default(kind.d_conv));
    if (kind.conv_bias)
      conv_bias_ =
          parameter("conv.bias", {inner_}, kind.variant == "hf" ? init::zeros() : init::torch_default(kind.d_conv));
    part("x_proj", x_proj_);
    part("dt_proj", dt_proj_);
    dt_bias_ = parameter("dt_proj.bias", {inner_}, init::step_sizes(kind.dt_min, kind.dt_max, kind.dt_floor));
    a_log_ = parameter("a_log", {inner_, states_}, log_arange, {.weight_decay = false});
    skip_ = parameter("d", {inner_}, init::ones());
    part("out_proj", out_proj_);
  }

  /// The state is {window [B, K-1, E], h [B, E, N]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) override {
    state.resize(2);
    // in_proj's rows are the conv branch, then the gate: two products into contiguous tensors, no split.
    const auto project = [&](Index begin) {
      const Variable& bias = in_proj_.bias;
      return linear(x, slice_first(in_proj_.weight, begin, begin + inner_),
                    bias.defined() ? slice_first(bias, begin, begin + inner_) : Variable());
    };
    const ScanResult u = causal_conv1d(project(0), conv_weight_, conv_bias_, true, state[0], lengths);
    const Variable gate = project(inner_);
    const Variable dt_b_c = x_proj_(u.y);
    SelectiveScanArguments scan;
    scan.x = u.y;
    scan.delta = dt_proj_(slice_last(dt_b_c, 0, rank_));
    scan.a = negative_exp(a_log_);
    scan.b = slice_last(dt_b_c, rank_, states_);
    scan.c = slice_last(dt_b_c, rank_ + states_, states_);
    scan.skip = skip_;
    scan.gate = gate;
    scan.delta_bias = dt_bias_;
    scan.h0 = state[1];
    scan.lengths = lengths;
    // Delta [B, L, E]: near 0 a step is ignored, a large one replaces the state by the step's input.
    if (mode.probe) mode.probe->add("delta", step_sizes(scan));
    const ScanResult h = selective_scan(scan);
    state = {u.state, h.state};
    return out_proj_(h.y);
  }

 private:
  /// hf: N(0, 0.1), the default initializer_range of transformers' MambaConfig; otherwise PyTorch's default.
  static Initializer weight_init(const MambaKind& kind, Index fan_in) {
    return kind.variant == "hf" ? init::normal(0.1) : init::torch_default(fan_in);
  }
  /// official: scaled by 1/sqrt(layers), as GPT-2 scales each residual branch.
  static Initializer out_init(const MambaKind& kind, const MixerPlace& place) {
    const Index inner = kind.inner(place.d_model);
    return init::torch_default(kind.variant == "official" ? inner * place.layers : inner);
  }

  Index inner_, rank_, states_;
  Linear in_proj_, x_proj_, dt_proj_, out_proj_;
  Weight conv_weight_, conv_bias_, dt_bias_, a_log_, skip_;
};

}  // namespace

void MambaKind::own_fields(Fields& f) {
  f("d_state", d_state, "states of each channel (N)", positive_up_to(4096));
  f("d_conv", d_conv, "taps of the causal convolution (K)", positive_up_to(4096));
  f("expand", expand, "inner channels for each of d_model", positive_up_to(64));
  f("d_inner", d_inner, "inner channels; 0: expand * d_model", between(0, 1e9));
  f("dt_rank", dt_rank, "rank of the step size's projection; 0: ceil(d_model / 16)", between(0, 1e9));
  f("conv_bias", conv_bias, "bias of the convolution");
  f("proj_bias", proj_bias, "biases of in_proj and out_proj");
  f("dt_min", dt_min, "least initial step size", positive());
  f("dt_max", dt_max, "largest initial step size", positive());
  f("dt_floor", dt_floor, "initial step sizes are at least this", positive());
  f("variant", variant,
    "initialisation; torch: PyTorch's defaults; official: out_proj also divided by sqrt(layers); hf: as transformers",
    one_of({"torch", "official", "hf"}));
}

std::unique_ptr<Mixer> MambaKind::build(const MixerPlace& place) const {
  if (dt_min > dt_max) throw ConfigError(str("model.dt_min: must be <= dt_max, got ", dt_min, " > ", dt_max));
  return std::make_unique<Mamba>(*this, place);
}

std::unique_ptr<MixerKind> make_mamba() { return std::make_unique<MambaKind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
