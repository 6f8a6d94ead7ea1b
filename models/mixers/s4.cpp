#include <cmath>

#include "core/error.h"
#include "models/mixer.h"
#include "models/mixers/hippo.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// S4 (Gu et al. 2022, arXiv 2111.00396) and S4D (Gu et al. 2022, arXiv 2206.11893): a state space model for each
/// channel, a GELU, and a gated output projection.
struct S4Kind final : MixerKind {
  explicit S4Kind(bool diagonal_) : diagonal(diagonal_) {}
  bool diagonal;
  Index d_state = 64;
  double dt_min = 1e-3, dt_max = 0.1, ssm_lr = 1e-3;
  std::string mode = "auto", initialization = "lin", discretization = "zoh";
  bool train_b = false, bidirectional = false;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

/// The same values for every channel: row(n) over [H, N] or, by pairs, [H, N, 2].
Initializer each_channel(std::vector<double> row) {
  return [row = std::move(row)](const Tensor& tensor, Random&) {
    for (Index i = 0; i < tensor.size(); ++i)
      tensor.data()[i] = static_cast<Real>(row[static_cast<std::size_t>(i) % row.size()]);
  };
}

std::vector<double> pairs(const std::vector<std::complex<double>>& values) {
  std::vector<double> all;
  for (const auto& value : values) all.insert(all.end(), {value.real(), value.imag()});
  return all;
}

/// Imaginary parts of the diagonal's initialisations (S4D, section 4); their real parts are -1/2, for "real" -(n+1).
std::vector<double> imaginary_parts(const std::string& kind, Index pairs_count) {
  std::vector<double> parts;
  const double pi = 3.14159265358979323846, states = 2.0 * static_cast<double>(pairs_count);
  const HippoLegs legs = kind == "legs" ? hippo_legs(2 * pairs_count) : HippoLegs{};
  for (Index n = 0; n < pairs_count; ++n) {
    const auto index = static_cast<double>(n);
    if (kind == "lin") parts.push_back(pi * index);
    if (kind == "inv") parts.push_back(states / pi * (states / (2 * index + 1) - 1));
    if (kind == "legs") parts.push_back(legs.lambda[static_cast<std::size_t>(n)].imag());
    if (kind == "real") parts.push_back(0);
  }
  return parts;
}

class S4 final : public Mixer {
 public:
  S4(const S4Kind& kind, Index width) : kind_(kind), out_(width, 2 * width, true) {
    const Index n = kind.d_state / 2;
    const Shape matrix{width, n}, complex{width, n, 2};
    // The state space's own tensors move slowly and do not decay, as in the authors' recipes.
    const ParameterRule slow{.weight_decay = false, .max_lr = kind.ssm_lr};
    const double low = std::log(kind.dt_min), high = std::log(kind.dt_max);
    log_dt_ = parameter(
        "log_dt", {width},
        [=](const Tensor& log_dt, Random& random) {
          for (Index i = 0; i < log_dt.size(); ++i) log_dt.data()[i] = static_cast<Real>(random.uniform(low, high));
        },
        slow);
    std::vector<double> re(static_cast<std::size_t>(n), std::log(0.5)), im;
    std::vector<double> b(static_cast<std::size_t>(2 * n));
    for (std::size_t i = 0; i < b.size(); i += 2) b[i] = 1;
    if (kind.diagonal) {
      im = imaginary_parts(kind.initialization, n);
      if (kind.initialization == "real")
        for (std::size_t i = 0; i < re.size(); ++i) re[i] = std::log(static_cast<double>(i + 1));
    } else {
      const HippoLegs legs = hippo_legs(2 * n);
      for (const auto& lambda : legs.lambda) im.push_back(lambda.imag());
      b = pairs(legs.b);
      p_ = parameter("p", complex, each_channel(pairs(legs.p)), slow);
    }
    a_log_real_ = parameter("a_log_real", matrix, each_channel(re), slow);
    a_imag_ = parameter("a_imag", matrix, each_channel(im), slow);
    if (!kind.diagonal || kind.train_b) b_ = parameter("b", complex, each_channel(b), slow);
    // A standard complex normal: each part has variance 1/2.
    c_ = parameter("c", complex, init::normal(std::sqrt(0.5)));
    if (kind.bidirectional) c_back_ = parameter("c_back", complex, init::normal(std::sqrt(0.5)));
    skip_ = parameter("d", {width}, init::normal(1));
    part("out", out_);
  }

  /// The state is {s [B, H, N, 2]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) override {
    const bool fresh = state.empty() || !state[0].defined();
    // Measured at width 128, N 64, batch 8, two threads: a whole training step by convolution takes 19 ms against 26 by
    // scan at length 256, and 74 against 95 at 1024. The bound of 32 steps is a guess, not a measurement.
    const bool convolve = fresh && !mode.carry && kind_.mode != "scan" && (kind_.mode == "conv" || x.dim(1) > 32);
    const SsmCoefficients step = coefficients();
    // The kernel [L, H]: how much of an input reaches the output so many steps later.
    if (mode.probe) mode.probe->add("kernel", ssm_kernel(step, c_, x.dim(1)).value());
    Variable y;
    if (kind_.bidirectional) {
      if (mode.carry || !fresh)
        throw ConfigError(
            "model.bidirectional: a bidirectional model reads whole sequences; it cannot stream or generate");
      const Variable reversed = reverse_time(x, lengths);
      const Variable back = convolve ? long_conv(reversed, ssm_kernel(step, c_back_, x.dim(1)))
                                     : ssm_scan(reversed, step, c_back_, {}, lengths).y;
      y = reverse_time(back, lengths);
    }
    if (convolve) {
      const Variable ahead = long_conv(x, ssm_kernel(step, c_, x.dim(1)), skip_);
      y = y.defined() ? add(y, ahead) : ahead;
    } else {
      const ScanResult scan = ssm_scan(x, step, c_, fresh ? Variable() : state[0], lengths);
      const Variable ahead = add(scan.y, scale_columns(x, skip_));
      y = y.defined() ? add(y, ahead) : ahead;
      state = {scan.state};
    }
    return zero_padding(glu(out_(gelu(y))), lengths);
  }

  bool streams() const override { return !kind_.bidirectional; }

 private:
  SsmCoefficients coefficients() const {
    if (!kind_.diagonal) return dplr_discretize(log_dt_, a_log_real_, a_imag_, p_, b_);
    Variable b = b_;
    if (!b.defined()) {
      Tensor ones = Tensor::zeros((*c_).shape());
      for (Index i = 0; i < ones.size(); i += 2) ones.data()[i] = 1;
      b = Variable(ones);
    }
    const auto bar = ssm_discretize(kind_.discretization == "zoh" ? Discretization::zoh : Discretization::bilinear,
                                    log_dt_, a_log_real_, a_imag_, b);
    return {bar[0], bar[1], {}, {}, {}};
  }

  S4Kind kind_;
  Linear out_;
  Weight log_dt_, a_log_real_, a_imag_, p_, b_, c_, c_back_, skip_;
};

}  // namespace

void S4Kind::own_fields(Fields& f) {
  f("d_state", d_state, "states of each channel, in conjugate pairs: even", positive_up_to(4096));
  f("dt_min", dt_min, "least initial step size", positive());
  f("dt_max", dt_max, "largest initial step size", positive());
  f("ssm_lr", ssm_lr, "highest learning rate of log_dt, A, P and B", positive());
  f("mode", mode, "how whole sequences run: conv (FFT), scan, or auto: what is faster",
    one_of({"auto", "conv", "scan"}));
  f("bidirectional", bidirectional, "adds a model that reads backwards; cannot stream");
  if (!diagonal) return;
  f("initialization", initialization, "of A", one_of({"lin", "inv", "legs", "real"}));
  f("discretization", discretization, "of the continuous model", one_of({"zoh", "bilinear"}));
  f("train_b", train_b, "B is trained; otherwise it is 1");
}

std::unique_ptr<Mixer> S4Kind::build(const MixerPlace& place) const {
  if (d_state % 2 != 0)
    throw ConfigError(str("model.d_state: must be even, since states come in conjugate pairs, got ", d_state));
  if (dt_min > dt_max) throw ConfigError(str("model.dt_min: must be <= dt_max, got ", dt_min, " > ", dt_max));
  return std::make_unique<S4>(*this, place.d_model);
}

std::unique_ptr<MixerKind> make_s4() { return std::make_unique<S4Kind>(false); }
std::unique_ptr<MixerKind> make_s4d() { return std::make_unique<S4Kind>(true); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
