// How each golden op maps to ours.
#include <algorithm>
#include <cmath>

#include "autograd/optim/optimizer.h"
#include "core/error.h"
#include "core/io/json.h"
#include "models/mixers/hippo.h"
#include "tests/golden/golden.h"

namespace seqtape::golden {
namespace {

using Outputs = std::vector<std::pair<std::string, Variable>>;

/// A case whose op maps inputs straight to outputs.
template <Outputs (*op)(Case&)>
void run(Case& c) {
  Tape tape;
  c.finish(tape, op(c));
}

template <Activation f>
Outputs pointwise(Case& c) {
  return {{"y", activation(f, c.in("x"))}};
}

Outputs scan(Case& c) {
  SelectiveScanArguments args;
  args.x = c.in("u");
  args.delta = c.in("delta");
  args.a = c.in("A");
  args.b = c.in("B");
  args.c = c.in("C");
  args.skip = c.in("D");
  args.gate = c.in("z");
  args.delta_bias = c.in("delta_bias");
  args.h0 = c.in("h0");
  args.delta_softplus = c.attribute("delta_softplus") == "true";
  const ScanResult out = selective_scan(args);
  return {{"y", out.y}, {"h_last", out.state}};
}

Outputs ssd_case(Case& c) {
  const Variable x = c.in("x"), b = c.in("B"), h0 = c.in("h0");
  const Index batch = x.dim(0), length = x.dim(1), channels = x.dim(2) * x.dim(3), groups = b.dim(2), states = b.dim(3);
  const auto rows = [&](const Variable& v) { return reshape(v, Shape{batch, length, groups * states}); };
  SsdArguments args;
  args.x = reshape(x, Shape{batch, length, channels});
  args.delta = c.in("delta");
  args.a = c.in("A");
  args.b = rows(b);
  args.c = rows(c.in("C"));
  args.skip = c.in("D");
  if (h0.defined()) args.h0 = reshape(h0, Shape{batch, channels, states});
  args.groups = groups;
  const ScanResult out = ssd(args);
  return {{"y", reshape(out.y, x.shape())}, {"h_last", reshape(out.state, Shape{batch, x.dim(2), x.dim(3), states})}};
}

Outputs matrix_case(Case& c) {
  MatrixRecurrenceArguments args;
  args.q = c.in("q");
  args.k = c.in("k");
  args.v = c.in("v");
  args.a = c.in("a");
  args.b = c.in("b");
  args.beta = c.in("beta");
  args.g = c.in("g");
  args.s0 = c.in("s0");
  args.scale = c.number("scale");
  const ScanResult out = matrix_recurrence(args);
  return {{"y", out.y}, {"s_last", out.state}};
}

Outputs mlstm_case(Case& c) { return {{"y", mlstm(c.in("q"), c.in("k"), c.in("v"), c.in("i"), c.in("f")).y}}; }

Outputs conv(Case& c) {
  return {{"y", causal_conv1d(c.in("x"), c.in("weight"), c.in("bias"), c.attribute("activation") == "silu").y}};
}

Outputs discretize(Case& c) {
  static const std::map<std::string, Discretization> methods{
      {"zoh", Discretization::zoh}, {"bilinear", Discretization::bilinear}, {"euler", Discretization::euler}};
  const auto out =
      ssm_discretize(methods.at(c.attribute("method")), c.in("log_dt"), c.in("A_log_real"), c.in("A_imag"), c.in("B"));
  return {{"A_bar", out[0]}, {"B_bar", out[1]}};
}

/// Ops over "the last axis where none is named": any other axis is not one of ours.
void last_axis_only(Case& c) {
  const auto& metadata = c.file().metadata();
  if (const auto found = metadata.find("dim"); found != metadata.end()) {
    const int dim = std::stoi(found->second), rank = c.file().entry("in.x").shape.rank();
    if (dim != -1 && dim != rank - 1) throw DataError("only the last axis is supported, got dim " + found->second);
  }
}

Outputs softmax_case(Case& c) {
  last_axis_only(c);
  return {{"y", softmax(c.in("x"))}};
}
Outputs glu_case(Case& c) {
  last_axis_only(c);
  return {{"y", glu(c.in("x"))}};
}
Outputs pool_case(Case& c) {
  if (c.number("dim") != 1) throw DataError("mean_pool: only dim 1 is supported");
  return {{"y", mean_pool(c.in("x"))}};
}
Outputs linear_case(Case& c) { return {{"y", linear(c.in("x"), c.in("weight"), c.in("bias"))}}; }
Outputs layer_norm_case(Case& c) {
  return {{"y", layer_norm(c.in("x"), c.in("weight"), c.in("bias"), c.number("eps"))}};
}
Outputs rms_norm_case(Case& c) { return {{"y", rms_norm(c.in("x"), c.in("weight"), c.number("eps"))}}; }
Outputs embedding_case(Case& c) { return {{"y", embedding(c.ids("ids"), c.in("weight"))}}; }
Outputs mse_case(Case& c) { return {{"loss", mse_loss(c.in("x"), c.in("target"))}}; }
Outputs cross_entropy_case(Case& c) {
  if (c.number("ignore_index") != kIgnore) throw DataError("cross_entropy: ignore_index must be -100");
  return {{"loss", cross_entropy(c.in("logits"), c.ids("target"), c.number("label_smoothing"))}};
}

Outputs long_conv_case(Case& c) { return {{"y", long_conv(c.in("u"), transpose(c.in("k")), c.in("D"))}}; }

/// N conjugate pairs with B = 1, ZOH; the kernel [L, H] is the file's [H, L].
Outputs s4d_kernel_case(Case& c) {
  const Variable re = c.in("A_log_real");
  Tensor ones = Tensor::zeros(Shape{re.dim(0), re.dim(1), 2});
  for (Index i = 0; i < ones.size(); i += 2) ones.data()[i] = 1;
  const auto bar = ssm_discretize(Discretization::zoh, c.in("log_dt"), re, c.in("A_imag"), Variable(ones));
  return {
      {"K", transpose(ssm_kernel({bar[0], bar[1], {}, {}, {}}, c.in("C"), static_cast<Index>(c.number("length"))))}};
}
Outputs s4_kernel_case(Case& c) {
  const SsmCoefficients step =
      dplr_discretize(c.in("log_dt"), c.in("A_log_real"), c.in("A_imag"), c.in("P"), c.in("B"));
  return {{"K", transpose(ssm_kernel(step, c.in("C"), static_cast<Index>(c.number("length"))))}};
}

template <Cell cell>
Outputs recurrent_case(Case& c) {
  const Variable gx = linear(c.in("x"), c.in("weight_ih"), c.in("bias_ih"));
  const RecurrenceResult out = recurrence(cell, gx, c.in("weight_hh"), c.in("bias_hh"), c.in("h0"), c.in("c0"));
  Outputs outputs{{"y", out.y}, {"h_last", out.h}};
  if (out.c.defined()) outputs.emplace_back("c_last", out.c);
  return outputs;
}

Outputs attention_case(Case& c) {
  const ops::Attention how{.causal = c.attribute("causal") == "true", .scale = c.number("scale")};
  return {{"y", attention(c.in("q"), c.in("k"), c.in("v"), how)}};
}

void hippo_case(Case& c) {
  const HippoLegs legs = hippo_legs(static_cast<Index>(c.number("N")));
  std::vector<Real> re, im, p, b, pb;
  for (std::size_t i = 0; i < legs.lambda.size(); ++i) {
    re.push_back(static_cast<Real>(legs.lambda[i].real()));
    im.push_back(static_cast<Real>(legs.lambda[i].imag()));
    p.push_back(static_cast<Real>(std::abs(legs.p[i])));
    b.push_back(static_cast<Real>(std::abs(legs.b[i])));
    pb.push_back(static_cast<Real>((legs.p[i] * std::conj(legs.b[i])).real()));
  }
  const Shape shape{static_cast<Index>(re.size())};
  c.compare("out.lambda_real", re.data(), shape);
  c.compare("out.lambda_imag", im.data(), shape);
  c.compare("out.P_abs", p.data(), shape);
  c.compare("out.B_abs", b.data(), shape);
  c.compare("out.PB_re", pb.data(), shape);
}

void optimizer_case(Case& c) {
  const std::string name = c.attribute("op").substr(6);  // "optim_adamw"
  auto optimizer = optimizers().find(name)->make();
  Json settings = {{"lr", c.number("lr")}, {"weight_decay", c.number("weight_decay")}, {"clip_norm", c.number("clip")}};
  if (name == "sgd") {
    settings["momentum"] = c.number("momentum");
  } else {
    settings["betas"] = Json::parse(c.attribute("betas"));
    settings["eps"] = c.number("eps");
  }
  read_fields([&](Fields& f) { optimizer->fields(f); }, settings, "optimizer");
  const Tensor start = c.in("p0").value(), gradients = c.in("grads").value();
  const Index n = start.size(), steps = gradients.dim(0);
  Parameter p;
  p.path = "p";
  p.shape = Shape{n, 1};  // rank 2: the case's decay applies
  p.variable = Variable(start.reshape(p.shape), true);
  optimizer->attach({&p});
  std::vector<Real> params, norms;
  for (Index step = 0; step < steps; ++step) {
    p.variable.slot()->grad = gradients.slice(step, step + 1).reshape(p.shape).clone();
    const double norm = optimizer->gradient_norm();
    optimizer->step(1, norm);
    norms.push_back(static_cast<Real>(norm));
    params.insert(params.end(), p.variable.data(), p.variable.data() + n);
  }
  c.compare("out.params", params.data(), Shape{steps, n});
  if (c.file().contains("out.grad_norm")) c.compare("out.grad_norm", norms.data(), Shape{steps});
}

bool one_step(const Case& c) {
  for (const char* name : {"in.q", "in.u", "in.x"})
    if (c.file().contains(name)) return c.file().entry(name).shape[1] == 1;
  return false;
}
/// A step whose only key is its own is over 30 % of them.
bool steps_alone(const Case& c) { return c.file().entry("in.q").shape[1] <= (c.attribute("causal") == "true" ? 3 : 1); }
bool some_ignored(const Case& c) {
  const std::vector<std::int64_t> targets = c.file().integers("in.target");
  return std::count(targets.begin(), targets.end(), kIgnore) > 0;
}
bool one_step_from_zero(const Case& c) { return one_step(c) && !c.file().contains("in.h0"); }
bool one_step_from_no_state(const Case& c) { return one_step(c) && !c.file().contains("in.s0"); }
bool shorter_than_taps(const Case& c) { return c.file().entry("in.x").shape[1] < c.file().entry("in.weight").shape[1]; }

}  // namespace

const std::vector<RightZeros>& right_zeros() {
  static const std::vector<RightZeros> table{
      {"relu", "out.y", nullptr, "what is below 0 becomes 0"},
      {"relu", "grad_in.x", nullptr, "what is below 0 has no slope"},
      {"embedding", "grad_in.weight", nullptr, "rows that no id names"},
      {"hf_mamba", "grad_param.backbone.embeddings.weight", nullptr, "rows that no id names, with a head of its own"},
      {"hf_mamba2", "grad_param.backbone.embeddings.weight", nullptr, "rows that no id names, with a head of its own"},
      {"cross_entropy", "grad_in.logits", some_ignored, "steps whose target is ignored"},
      {"attention", "grad_in.q", steps_alone, "the weight of an only key is 1 whatever q is"},
      {"attention", "grad_in.k", one_step, "the weight of an only key is 1 whatever it is"},
      {"selective_scan", "grad_in.A", one_step_from_zero, "a state of zeros does not decay"},
      {"ssd", "grad_in.A", one_step_from_zero, "a state of zeros does not decay"},
      {"delta_rule", "grad_in.g", one_step_from_no_state, "a state of zeros does not decay"},
      {"gated_linear_attention", "grad_in.g", one_step_from_no_state, "a state of zeros does not decay"},
      {"dplr_delta_rule", "grad_in.g", one_step_from_no_state, "a state of zeros does not decay"},
      {"dplr_delta_rule", "grad_in.a", one_step_from_no_state, "nothing is read of a state of zeros"},
      {"dplr_delta_rule", "grad_in.b", one_step_from_no_state, "nothing is read of a state of zeros"},
      {"mlstm", "grad_in.f", one_step, "a memory of zeros is not forgotten"},
      {"causal_conv1d", "grad_in.weight", shorter_than_taps, "taps that reach before the first step"},
      {"rnn", "grad_in.weight_hh", one_step_from_zero, "the state before the only step is zeros"},
      {"lstm", "grad_in.weight_hh", one_step_from_zero, "the state before the only step is zeros"},
      {"gru", "grad_in.weight_hh", one_step_from_zero, "the state before the only step is zeros"},
      {"hippo_legs", "out.lambda_real", nullptr, "every eigenvalue has the real part -1/2"},
  };
  return table;
}

const std::map<std::string, Run>& ops() {
  static const std::map<std::string, Run> table{
      {"selective_scan", run<scan>},
      {"ssd", run<ssd_case>},
      {"delta_rule", run<matrix_case>},
      {"gated_linear_attention", run<matrix_case>},
      {"dplr_delta_rule", run<matrix_case>},
      {"mlstm", run<mlstm_case>},
      {"gated_deltanet_layer", gated_deltanet_layer},
      {"gated_delta_product_layer", gated_deltanet_layer},
      {"causal_conv1d", run<conv>},
      {"ssm_discretize", run<discretize>},
      {"linear", run<linear_case>},
      {"linear_nobias", run<linear_case>},
      {"layer_norm", run<layer_norm_case>},
      {"rms_norm", run<rms_norm_case>},
      {"embedding", run<embedding_case>},
      {"softmax", run<softmax_case>},
      {"glu", run<glu_case>},
      {"mean_pool", run<pool_case>},
      {"cross_entropy", run<cross_entropy_case>},
      {"mse_loss", run<mse_case>},
      {"gelu", run<pointwise<Activation::gelu>>},
      {"gelu_tanh", run<pointwise<Activation::gelu_tanh>>},
      {"silu", run<pointwise<Activation::silu>>},
      {"sigmoid", run<pointwise<Activation::sigmoid>>},
      {"tanh", run<pointwise<Activation::tanh>>},
      {"relu", run<pointwise<Activation::relu>>},
      {"softplus", run<pointwise<Activation::softplus>>},
      {"exp", run<pointwise<Activation::exp>>},
      {"long_conv", run<long_conv_case>},
      {"s4d_kernel", run<s4d_kernel_case>},
      {"s4_kernel", run<s4_kernel_case>},
      {"rnn", run<recurrent_case<Cell::rnn_tanh>>},
      {"lstm", run<recurrent_case<Cell::lstm>>},
      {"gru", run<recurrent_case<Cell::gru>>},
      {"attention", run<attention_case>},
      {"hippo_legs", hippo_case},
      {"optim_adam", optimizer_case},
      {"optim_adamw", optimizer_case},
      {"optim_sgd", optimizer_case},
  };
  return table;
}

}  // namespace seqtape::golden
