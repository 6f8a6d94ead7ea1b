#include <cmath>

#include "core/error.h"
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// The linear recurrent unit (Orvieto et al. 2023, arXiv 2303.06349) with S4D's output: GELU, gated projection.
struct LruKind final : MixerKind {
  Index d_state = 64;
  double r_min = 0.9, r_max = 0.999, max_phase = 6.283185307179586, ssm_lr = 1e-3;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

/// lambda = exp(-exp(nu_log) + i exp(theta_log)),  h[t] = lambda h[t-1] + exp(gamma_log) B x[t],  y = Re(C h) + d x
class Lru final : public Mixer {
 public:
  Lru(const LruKind& kind, Index width) : states_(kind.d_state), out_(width, 2 * width, true) {
    const ParameterRule slow{.weight_decay = false, .max_lr = kind.ssm_lr};
    // |lambda|^2 uniform in [r_min^2, r_max^2], the phase uniform in [0, max_phase] (section 3.2.2). gamma_log,
    // declared later and so initialised later, starts at log sqrt(1 - |lambda|^2) of the same draw (eq. 7).
    const auto squares = std::make_shared<std::vector<double>>();
    nu_log_ = parameter(
        "nu_log", {1, states_},
        [=](const Tensor& nu, Random& random) {
          squares->clear();
          for (Index i = 0; i < nu.size(); ++i) {
            squares->push_back(random.uniform(kind.r_min * kind.r_min, kind.r_max * kind.r_max));
            nu.data()[i] = static_cast<Real>(std::log(-0.5 * std::log(squares->back())));
          }
        },
        slow);
    theta_log_ = parameter(
        "theta_log", {1, states_},
        [kind](const Tensor& theta, Random& random) {
          for (Index i = 0; i < theta.size(); ++i)
            theta.data()[i] = static_cast<Real>(std::log(random.uniform(1e-4, std::max(kind.max_phase, 2e-4))));
        },
        slow);
    gamma_log_ = parameter(
        "gamma_log", {1, states_},
        [=](const Tensor& gamma, Random&) {
          for (Index i = 0; i < gamma.size(); ++i)
            gamma.data()[i] = static_cast<Real>(0.5 * std::log(1 - (*squares)[static_cast<std::size_t>(i)]));
        },
        slow);
    b_ = parameter("b", {2 * states_, width}, init::normal(1 / std::sqrt(2.0 * static_cast<double>(width))));
    // Re(C h) is a real product with (Re C, -Im C); the sign is C's own.
    c_ = parameter("c", {width, 2 * states_}, init::normal(1 / std::sqrt(static_cast<double>(states_))));
    skip_ = parameter("d", {width}, init::normal(1));
    part("out", out_);
  }

  /// The state is {h [B, 2 N]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode&) override {
    state.resize(1);
    // lambda = exp(dt A) with dt = 1 and A = -exp(nu_log) + i exp(theta_log).
    const Variable zero(Tensor::zeros(Shape{1})), unused(Tensor::zeros(Shape{1, states_, 2}));
    const Variable lambda =
        ssm_discretize(Discretization::zoh, zero, nu_log_, activation(Activation::exp, theta_log_), unused)[0];
    const Variable gamma = activation(Activation::exp, gamma_log_);
    const Variable both = reshape(concat_time(gamma, gamma), Shape{2 * states_});
    const Variable input = scale_columns(linear(x, b_), both);
    const ScanResult h =
        complex_diagonal_recurrence(transpose(reshape(lambda, Shape{states_, 2})), input, state[0], lengths);
    state[0] = h.state;
    const Variable y = add(linear(h.y, c_), scale_columns(x, skip_));
    return zero_padding(glu(out_(gelu(y))), lengths);
  }

 private:
  Index states_;
  Linear out_;
  Weight nu_log_, theta_log_, gamma_log_, b_, c_, skip_;
};

}  // namespace

void LruKind::own_fields(Fields& f) {
  f("d_state", d_state, "complex states (N)", positive_up_to(65536));
  f("r_min", r_min, "least initial |lambda|", between(0, 1));
  f("r_max", r_max, "largest initial |lambda|", {.least = 0, .most = 1, .open_most = true});
  f("max_phase", max_phase, "largest initial phase of lambda", between(0, 6.283185307179587));
  f("ssm_lr", ssm_lr, "highest learning rate of lambda and gamma", positive());
}

std::unique_ptr<Mixer> LruKind::build(const MixerPlace& place) const {
  if (!(r_min < r_max)) throw ConfigError(str("model.r_min: must be < r_max, got ", r_min, " >= ", r_max));
  return std::make_unique<Lru>(*this, place.d_model);
}

std::unique_ptr<MixerKind> make_lru() { return std::make_unique<LruKind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
