// Each op in ONNX's words: the formulas are those of the kernels (core/kernels/*.h), where they are explained.
#include <cmath>

#include "apps/exchange/onnx_graph.h"
#include "autograd/ops/ops.h"
#include "core/error.h"

namespace seqtape {
namespace {

using Graph = OnnxGraph;
using Op = const OpWriter&;

/// x weight^T + bias
std::string product(Graph& g, const std::string& x, const std::string& weight, const std::string& bias) {
  const std::string y = g.node("MatMul", {x, g.permute(weight, {1, 0})});
  return bias.empty() ? y : g.add(y, bias);
}

std::string softplus(Graph& g, const std::string& x) { return g.node("Softplus", {x}); }
std::string negated_exp(Graph& g, const std::string& x) { return g.node("Neg", {g.node("Exp", {x})}); }

void embedding(Op op) {
  Graph& g = op.graph;
  const IndexTensor& ids = op.node.ids;
  if (op.tokens.defined() && ids.data() == op.tokens.data()) return op.bind(0, g.node("Gather", {op.in(0), op.input}));
  // Learned positions: the ids count on from the steps before.
  for (Index i = 0; i < ids.size(); ++i)
    if (ids.data()[i] != op.past_steps + i % ids.dim(1))
      throw ConfigError("onnx: an embedding of something else than tokens and positions cannot be said");
  op.bind(0, g.unsqueeze(g.node("Gather", {op.in(0), g.positions(op.input, op.past)}), 0));
}

void gelu(Op op) {
  Graph& g = op.graph;
  const std::string x = op.in(0), root = g.scalar(std::sqrt(0.5)), half = g.scalar(0.5);
  const std::string phi = g.multiply(half, g.add(g.scalar(1), g.node("Erf", {g.multiply(x, root)})));
  op.bind(0, g.multiply(x, phi));
}

void rms_norm(Op op) {
  Graph& g = op.graph;
  const std::string x = op.in(0);
  const std::string squares =
      g.node("ReduceMean", {g.multiply(x, x)}, {Graph::numbers("axes", {-1}), Graph::number("keepdims", 1)});
  const std::string root = g.node("Sqrt", {g.add(squares, g.scalar(op.number("eps")))});
  op.bind(0, g.multiply(g.node("Div", {x, root}), op.in(1)));
}

void layer_norm(Op op) {
  Graph& g = op.graph;
  const auto mean = [&](const std::string& x) {
    return g.node("ReduceMean", {x}, {Graph::numbers("axes", {-1}), Graph::number("keepdims", 1)});
  };
  const std::string centred = g.subtract(op.in(0), mean(op.in(0)));
  const std::string variance = mean(g.multiply(centred, centred));
  const std::string root = g.node("Sqrt", {g.add(variance, g.scalar(op.number("eps")))});
  const std::string y = g.multiply(g.node("Div", {centred, root}), op.in(1));
  op.bind(0, op.has(2) ? g.add(y, op.in(2)) : y);
}

void reshape(Op op) {
  const Shape &from = op.node.inputs[0].shape(), &to = op.node.outputs[0].shape();
  std::vector<Index> extents;
  for (int i = 0; i < to.rank(); ++i)
    extents.push_back(i < from.rank() && from[i] == to[i] ? 0 : to[i]);  // 0: as it is
  op.bind(0, op.graph.node("Reshape", {op.in(0), op.graph.integers(extents)}));
}

void columns(Op op) {
  const auto begin = static_cast<Index>(op.number("begin"));
  op.bind(0, op.graph.slice(op.in(0), -1, begin, begin + op.node.outputs[0].shape().back()));
}

void glu(Op op) {
  Graph& g = op.graph;
  const Index n = op.node.outputs[0].shape().back();
  op.bind(0, g.multiply(g.slice(op.in(0), -1, 0, n), g.sigmoid(g.slice(op.in(0), -1, n, 2 * n))));
}

void causal_conv1d(Op op) {
  Graph& g = op.graph;
  const Tensor& weight = op.node.inputs[1].value();
  const Index channels = weight.dim(0), taps = weight.dim(1);
  std::string x = op.in(0);
  if (taps > 1) x = g.concat({op.has(3) ? op.in(3) : g.zeros(x, {taps - 1, channels}), x}, 1);
  Values inputs{g.permute(x, {0, 2, 1}), g.constant(weight, Shape{channels, 1, taps})};
  if (op.has(2)) inputs.push_back(op.in(2));
  const std::string y = g.permute(g.node("Conv", inputs, {Graph::number("group", channels)}), {0, 2, 1});
  op.bind(0, op.number("silu") != 0 ? g.silu(y) : y);
  if (taps > 1)  // the last K - 1 steps
    op.bind(1, g.node("Slice", {x, g.integers({1 - taps}), g.integers({INT64_MAX}), g.integers({1})}));
}

void selective_scan(Op op) {
  Graph& g = op.graph;
  enum { kX, kDelta, kA, kB, kC, kSkip, kGate, kDeltaBias, kH0 };
  const Shape& a = op.node.inputs[kA].shape();
  const std::string x = op.in(kX), rates = op.in(kA);
  std::string delta = op.in(kDelta);
  if (op.has(kDeltaBias)) delta = g.add(delta, op.in(kDeltaBias));
  if (op.number("softplus") != 0) delta = softplus(g, delta);
  const std::string h0 = op.has(kH0) ? op.in(kH0) : g.zeros(x, {a[0], a[1]});
  const Values sequences{delta, g.multiply(delta, x), op.in(kB), op.in(kC)};
  const Values out = g.over_time({h0}, sequences, 1, [&](const Values& states, const Values& t) {
    // h = exp(delta A) h + delta x B,  y = C h
    const std::string decay = g.node("Exp", {g.multiply(g.unsqueeze(t[0], 2), rates)});
    const std::string input = g.multiply(g.unsqueeze(t[1], 2), g.unsqueeze(t[2], 1));
    const std::string h = g.add(g.multiply(decay, states[0]), input);
    return Values{h, g.sum(g.multiply(h, g.unsqueeze(t[3], 1)), 2)};
  });
  std::string y = out[1];
  if (op.has(kSkip)) y = g.add(y, g.multiply(x, op.in(kSkip)));
  if (op.has(kGate)) y = g.multiply(y, g.silu(op.in(kGate)));
  op.bind(0, y);
  op.bind(1, out[0]);
}

void ssd(Op op) {
  Graph& g = op.graph;
  enum { kX, kDelta, kA, kB, kC, kSkip, kH0 };
  const auto groups = static_cast<Index>(op.number("groups"));
  const Index channels = op.node.inputs[kX].dim(2), heads = op.node.inputs[kA].dim(0), width = channels / heads,
              states = op.node.inputs[kB].dim(2) / groups;
  const auto shaped = [&](const std::string& x, const std::vector<Index>& extents) {  // 0: as it is
    return g.node("Reshape", {x, g.integers(extents)});
  };
  const std::string x = op.in(kX), delta = op.in(kDelta);
  const std::string h0 = op.has(kH0) ? op.in(kH0) : g.zeros(x, {channels, states});
  const std::string per_head = shaped(x, {0, 0, heads, width});
  const Values sequences{g.multiply(delta, op.in(kA)), g.multiply(g.unsqueeze(delta, 3), per_head), op.in(kB),
                         op.in(kC)};
  // In the loop: [B, groups, heads of one, P, N]
  const std::vector<Index> split{0, groups, heads / groups, width, states};
  const Values out = g.over_time({shaped(h0, split)}, sequences, 1, [&](const Values& before, const Values& t) {
    const std::string decay = g.node("Exp", {shaped(t[0], {0, groups, heads / groups, 1, 1})});
    const auto of_group = [&](const std::string& b) { return shaped(b, {0, groups, 1, 1, states}); };
    const std::string input = g.multiply(shaped(t[1], {0, groups, heads / groups, width, 1}), of_group(t[2]));
    const std::string h = g.add(g.multiply(decay, before[0]), input);
    return Values{h, shaped(g.sum(g.multiply(h, of_group(t[3])), 4), {0, heads, width})};
  });
  std::string y = out[1];
  if (op.has(kSkip)) y = g.add(y, g.multiply(per_head, g.unsqueeze(op.in(kSkip), 1)));
  op.bind(0, shaped(y, {0, 0, channels}));
  op.bind(1, shaped(out[0], {0, channels, states}));
}

void recurrence(Op op) {
  Graph& g = op.graph;
  enum { kGx, kWeight, kBias, kH0, kC0 };
  const auto cell = static_cast<Cell>(static_cast<int>(op.number("cell")));
  const Index n = op.node.inputs[kWeight].dim(1);
  const std::string gx = op.in(kGx), bias = op.in(kBias), weight = g.permute(op.in(kWeight), {1, 0});
  Values states{op.has(kH0) ? op.in(kH0) : g.zeros(gx, {n})};
  if (cell == Cell::lstm) states.push_back(op.has(kC0) ? op.in(kC0) : g.zeros(gx, {n}));
  const Values out = g.over_time(states, {gx}, 1, [&](const Values& before, const Values& t) -> Values {
    std::string w = g.node("MatMul", {before[0], weight});
    if (!bias.empty()) w = g.add(w, bias);
    const auto part = [&](const std::string& of, Index gate) { return g.slice(of, 1, gate * n, (gate + 1) * n); };
    if (cell == Cell::gru) {
      const std::string r = g.sigmoid(g.add(part(t[0], 0), part(w, 0))),
                        u = g.sigmoid(g.add(part(t[0], 1), part(w, 1)));
      const std::string candidate = g.node("Tanh", {g.add(part(t[0], 2), g.multiply(r, part(w, 2)))});
      const std::string h = g.add(candidate, g.multiply(u, g.subtract(before[0], candidate)));
      return {h, h};
    }
    const std::string z = g.add(t[0], w);
    if (cell != Cell::lstm) {
      const std::string h = g.node(cell == Cell::rnn_tanh ? "Tanh" : "Relu", {z});
      return {h, h};
    }
    const std::string kept = g.multiply(g.sigmoid(part(z, 1)), before[1]);
    const std::string c = g.add(kept, g.multiply(g.sigmoid(part(z, 0)), g.node("Tanh", {part(z, 2)})));
    const std::string h = g.multiply(g.sigmoid(part(z, 3)), g.node("Tanh", {c}));
    return {h, c, h};
  });
  op.bind(0, out.back());
  for (std::size_t i = 0; i < states.size(); ++i) op.bind(1 + i, out[i]);
}

void gated_scan(Op op) {
  Graph& g = op.graph;
  const std::string h0 = op.has(2) ? op.in(2) : g.zeros(op.in(1), {op.node.inputs[1].shape().back()});
  const Values out = g.over_time({h0}, {op.in(0), op.in(1)}, 1, [&](const Values& states, const Values& t) {
    const std::string h = g.add(g.multiply(t[0], states[0]), t[1]);
    return Values{h, h};
  });
  op.bind(0, out[1]);
  op.bind(1, out[0]);
}

/// A complex number as two values.
struct Complex {
  std::string re, im;
};

Complex times(Graph& g, const Complex& a, const Complex& b) {
  return {g.subtract(g.multiply(a.re, b.re), g.multiply(a.im, b.im)),
          g.add(g.multiply(a.re, b.im), g.multiply(a.im, b.re))};
}
Complex plus(Graph& g, const Complex& a, const Complex& b) { return {g.add(a.re, b.re), g.add(a.im, b.im)}; }
Complex minus(Graph& g, const Complex& a, const Complex& b) { return {g.subtract(a.re, b.re), g.subtract(a.im, b.im)}; }
Complex times_real(Graph& g, const Complex& a, const std::string& x) {
  return {g.multiply(a.re, x), g.multiply(a.im, x)};
}

void rotating_scan(Op op) {
  Graph& g = op.graph;
  const Index n = op.node.inputs[0].dim(1);
  const std::string h0 = op.has(2) ? op.in(2) : g.zeros(op.in(1), {2 * n});
  const auto halves = [&](const std::string& x) { return Complex{g.slice(x, -1, 0, n), g.slice(x, -1, n, 2 * n)}; };
  const Tensor& lambda = op.node.inputs[0].value();
  const Complex a{g.constant(lambda.rows(0, 1).reshape(Shape{n})), g.constant(lambda.rows(1, 2).reshape(Shape{n}))};
  const Values out = g.over_time({h0}, {op.in(1)}, 1, [&](const Values& states, const Values& t) {
    const Complex h = plus(g, times(g, a, halves(states[0])), halves(t[0]));
    const std::string both = g.concat({h.re, h.im}, -1);
    return Values{both, both};
  });
  op.bind(0, out[1]);
  op.bind(1, out[0]);
}

void ssm_scan(Op op) {
  Graph& g = op.graph;
  enum { kU, kA, kB, kC, kP, kQ, kR, kS0 };
  const Index heads = op.node.inputs[kA].dim(0), states = op.node.inputs[kA].dim(1);
  const auto coefficient = [&](std::size_t i) {  // [H, N, 2] as two of [H, N]
    Tensor parts[2] = {Tensor(Shape{heads, states}), Tensor(Shape{heads, states})};
    for (Index k = 0; k < 2 * heads * states; ++k) parts[k % 2].data()[k / 2] = op.node.inputs[i].data()[k];
    return Complex{g.constant(parts[0]), g.constant(parts[1])};
  };
  const auto twice_real = [&](const Complex& x) {  // 2 Re sum_n
    return g.multiply(g.scalar(2), g.sum(x.re, 2, true));
  };
  const bool low_rank = op.has(kP);
  const Complex a = coefficient(kA), b = coefficient(kB), c = coefficient(kC);
  Complex p, q, r;
  if (low_rank) {
    p = coefficient(kP), q = coefficient(kQ), r = coefficient(kR);
    p.im = g.node("Neg", {p.im});  // <p, s> has the conjugate
  }
  const std::string s0 = op.has(kS0) ? op.in(kS0) : g.zeros(op.in(kU), {heads, states, 2});
  const Values begin{g.element(s0, 0), g.element(s0, 1)};
  const Values out = g.over_time(begin, {op.in(kU)}, 1, [&](const Values& before, const Values& t) {
    const Complex s{before[0], before[1]};
    Complex next = plus(g, times(g, a, s), times_real(g, b, g.unsqueeze(t[0], 2)));
    if (low_rank) {
      next = minus(g, next, times_real(g, q, twice_real(times(g, p, s))));
      next = minus(g, next, times_real(g, r, twice_real(times(g, p, next))));
    }
    return Values{next.re, next.im, g.squeeze(twice_real(times(g, c, next)), 2)};
  });
  op.bind(0, out[2]);
  op.bind(1, g.concat({g.unsqueeze(out[0], 3), g.unsqueeze(out[1], 3)}, 3));
}

void attention(Op op) {
  Graph& g = op.graph;
  const Index heads = op.node.inputs[0].dim(2);
  const std::string q = g.permute(op.in(0), {0, 2, 1, 3}), k = g.permute(op.in(1), {0, 2, 3, 1}),
                    v = g.permute(op.in(2), {0, 2, 1, 3});
  std::string scores = g.multiply(g.node("MatMul", {q, k}), g.scalar(op.number("scale")));
  // How far behind the query a key lies, [Q, K]: negative for later ones.
  const std::string keys = g.positions(op.in(1), ""),
                    before = g.node("Sub", {g.extent(op.in(1), 1), g.extent(op.in(0), 1)});
  const std::string distance = g.node("Sub", {g.unsqueeze(g.positions(op.in(0), before), 1), g.unsqueeze(keys, 0)});
  if (op.number("alibi") != 0) {
    Tensor slopes(Shape{heads, 1, 1});
    for (Index h = 0; h < heads; ++h)
      slopes.data()[h] = static_cast<Real>(std::exp2(-8.0 * static_cast<double>(h + 1) / static_cast<double>(heads)));
    const std::string far =
        g.node("Cast", {g.node("Abs", {distance})}, {Graph::number("to", onnx::TensorProto::FLOAT)});
    scores = g.subtract(scores, g.multiply(g.constant(slopes), far));
  }
  if (op.number("causal") != 0)
    scores = g.node("Where", {g.node("Less", {distance, g.integers({0})}), g.scalar(-INFINITY), scores});
  const std::string weights = g.node("Softmax", {scores}, {Graph::number("axis", -1)});
  op.bind(0, g.permute(g.node("MatMul", {weights, v}), {0, 2, 1, 3}));
}

void rotary(Op op) {
  Graph& g = op.graph;
  const Index dim = op.node.inputs[0].shape().back(), half = dim / 2;
  if (static_cast<Index>(op.number("offset")) != op.past_steps)
    throw ConfigError("onnx: rotary positions that do not go on from the steps before cannot be said");
  Tensor frequency(Shape{half});
  for (Index i = 0; i < half; ++i)
    frequency.data()[i] =
        static_cast<Real>(std::pow(op.number("base"), -2.0 * static_cast<double>(i) / static_cast<double>(dim)));
  const std::string position =
      g.node("Cast", {g.positions(op.in(0), op.past)}, {Graph::number("to", onnx::TensorProto::FLOAT)});
  const std::string angle =
      g.multiply(g.unsqueeze(g.unsqueeze(position, 1), 2), g.constant(frequency));  // [L, 1, half]
  const Complex turn{g.node("Cos", {angle}), g.node("Sin", {angle})};
  const Complex x{g.slice(op.in(0), -1, 0, half), g.slice(op.in(0), -1, half, dim)};
  const Complex y = times(g, x, turn);
  op.bind(0, g.concat({y.re, y.im}, -1));
}

const std::map<std::string, void (*)(Op)>& forms() {
  static const std::map<std::string, void (*)(Op)> all{
      {"embedding", embedding},
      {"linear", [](Op op) { op.bind(0, product(op.graph, op.in(0), op.in(1), op.in(2))); }},
      {"silu", [](Op op) { op.bind(0, op.graph.silu(op.in(0))); }},
      {"sigmoid", [](Op op) { op.bind(0, op.graph.sigmoid(op.in(0))); }},
      {"tanh", [](Op op) { op.bind(0, op.graph.node("Tanh", {op.in(0)})); }},
      {"relu", [](Op op) { op.bind(0, op.graph.node("Relu", {op.in(0)})); }},
      {"gelu", gelu},
      {"softplus", [](Op op) { op.bind(0, softplus(op.graph, op.in(0))); }},
      {"exp", [](Op op) { op.bind(0, op.graph.node("Exp", {op.in(0)})); }},
      {"negative_exp", [](Op op) { op.bind(0, negated_exp(op.graph, op.in(0))); }},
      {"scale", [](Op op) { op.bind(0, op.graph.multiply(op.in(0), op.graph.scalar(op.number("factor")))); }},
      {"add", [](Op op) { op.bind(0, op.graph.add(op.in(0), op.in(1))); }},
      {"multiply", [](Op op) { op.bind(0, op.graph.multiply(op.in(0), op.in(1))); }},
      {"scale_columns", [](Op op) { op.bind(0, op.graph.multiply(op.in(0), op.in(1))); }},
      {"glu", glu},
      {"reshape", reshape},
      {"columns", columns},
      {"concat_time",
       [](Op op) {
         op.bind(0, op.graph.concat({op.in(0), op.in(1)}, 1));
       }},
      {"rms_norm", rms_norm},
      {"layer_norm", layer_norm},
      {"causal_conv1d", causal_conv1d},
      {"selective_scan", selective_scan},
      {"ssd", ssd},
      {"recurrence", recurrence},
      {"gated_scan", gated_scan},
      {"rotating_scan", rotating_scan},
      {"ssm_scan", ssm_scan},
      {"attention", attention},
      {"rotary", rotary}};
  return all;
}

}  // namespace

void OpWriter::write() const {
  const auto form = forms().find(node.op);
  if (form == forms().end()) throw ConfigError(str("onnx: the op \"", node.op, "\" has no form in ONNX here"));
  form->second(*this);
}

}  // namespace seqtape
