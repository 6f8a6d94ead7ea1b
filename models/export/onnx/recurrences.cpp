// Ops that run over time as ONNX nodes: a Scan, or one step of it.
#include "autograd/ops/ops.h"
#include "models/export/onnx/graph.h"

namespace seqtape {
namespace {

using Graph = OnnxGraph;
using Complex = OnnxComplex;

void causal_conv1d(const ops::CausalConv1d& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Tensor& weight = at.values.in[op.weight];
  const Index channels = weight.dim(0), taps = weight.dim(1);
  std::string x = at.in(op.x);
  if (taps > 1) x = g.concat({at.has(op.window) ? at.in(op.window) : g.zeros(x, {taps - 1, channels}), x}, 1);
  Values inputs{g.permute(x, {0, 2, 1}), g.constant(weight, Shape{channels, 1, taps})};
  if (at.has(op.bias)) inputs.push_back(at.in(op.bias));
  const std::string y = g.permute(g.node("Conv", inputs, {Graph::number("group", channels)}), {0, 2, 1});
  at.bind(0, op.silu ? g.silu(y) : y);
  if (taps > 1)  // the last K - 1 steps
    at.bind(1, g.node("Slice", {x, g.integers({1 - taps}), g.integers({INT64_MAX}), g.integers({1})}));
}

void selective_scan(const ops::SelectiveScan& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Shape& a = at.shape(op.a);
  const std::string x = at.in(op.x), rates = at.in(op.a);
  std::string delta = at.in(op.delta);
  if (at.has(op.delta_bias)) delta = g.add(delta, at.in(op.delta_bias));
  if (op.delta_softplus) delta = g.node("Softplus", {delta});
  const std::string h0 = at.has(op.h0) ? at.in(op.h0) : g.zeros(x, {a[0], a[1]});
  const Values sequences{delta, g.multiply(delta, x), at.in(op.b), at.in(op.c)};
  const Values out = g.over_time({h0}, sequences, 1, [&](const Values& states, const Values& t) {
    // h = exp(delta A) h + delta x B,  y = C h
    const std::string decay = g.node("Exp", {g.multiply(g.unsqueeze(t[0], 2), rates)});
    const std::string input = g.multiply(g.unsqueeze(t[1], 2), g.unsqueeze(t[2], 1));
    const std::string h = g.add(g.multiply(decay, states[0]), input);
    return Values{h, g.sum(g.multiply(h, g.unsqueeze(t[3], 1)), 2)};
  });
  std::string y = out[1];
  if (at.has(op.skip)) y = g.add(y, g.multiply(x, at.in(op.skip)));
  if (at.has(op.gate)) y = g.multiply(y, g.silu(at.in(op.gate)));
  at.bind(0, y);
  at.bind(1, out[0]);
}

void ssd(const ops::Ssd& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index groups = op.groups, channels = at.shape(op.x)[2], heads = at.shape(op.a)[0], width = channels / heads,
              states = at.shape(op.b)[2] / groups;
  const auto shaped = [&](const std::string& x, const std::vector<Index>& extents) {  // 0: as it is
    return g.node("Reshape", {x, g.integers(extents)});
  };
  const std::string x = at.in(op.x), delta = at.in(op.delta);
  const std::string h0 = at.has(op.h0) ? at.in(op.h0) : g.zeros(x, {channels, states});
  const std::string per_head = shaped(x, {0, 0, heads, width});
  const Values sequences{g.multiply(delta, at.in(op.a)), g.multiply(g.unsqueeze(delta, 3), per_head), at.in(op.b),
                         at.in(op.c)};
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
  if (at.has(op.skip)) y = g.add(y, g.multiply(per_head, g.unsqueeze(at.in(op.skip), 1)));
  at.bind(0, shaped(y, {0, 0, channels}));
  at.bind(1, shaped(out[0], {0, channels, states}));
}

void recurrence(const ops::Recurrence& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index n = at.shape(op.weight)[1];
  const std::string gx = at.in(op.gx), bias = at.in(op.bias), weight = g.permute(at.in(op.weight), {1, 0});
  Values states{at.has(op.h0) ? at.in(op.h0) : g.zeros(gx, {n})};
  if (op.cell == Cell::lstm) states.push_back(at.has(op.c0) ? at.in(op.c0) : g.zeros(gx, {n}));
  const Values out = g.over_time(states, {gx}, 1, [&](const Values& before, const Values& t) -> Values {
    std::string w = g.node("MatMul", {before[0], weight});
    if (!bias.empty()) w = g.add(w, bias);
    const auto part = [&](const std::string& of, Index gate) { return g.slice(of, 1, gate * n, (gate + 1) * n); };
    if (op.cell == Cell::gru) {
      const std::string r = g.sigmoid(g.add(part(t[0], 0), part(w, 0))),
                        u = g.sigmoid(g.add(part(t[0], 1), part(w, 1)));
      const std::string candidate = g.node("Tanh", {g.add(part(t[0], 2), g.multiply(r, part(w, 2)))});
      const std::string h = g.add(candidate, g.multiply(u, g.subtract(before[0], candidate)));
      return {h, h};
    }
    const std::string z = g.add(t[0], w);
    if (op.cell != Cell::lstm) {
      const std::string h = g.node(op.cell == Cell::rnn_tanh ? "Tanh" : "Relu", {z});
      return {h, h};
    }
    const std::string kept = g.multiply(g.sigmoid(part(z, 1)), before[1]);
    const std::string c = g.add(kept, g.multiply(g.sigmoid(part(z, 0)), g.node("Tanh", {part(z, 2)})));
    const std::string h = g.multiply(g.sigmoid(part(z, 3)), g.node("Tanh", {c}));
    return {h, c, h};
  });
  at.bind(0, out.back());
  for (std::size_t i = 0; i < states.size(); ++i) at.bind(1 + i, out[i]);
}

void diagonal_recurrence(const ops::DiagonalRecurrence& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const std::string h0 = at.has(op.h0) ? at.in(op.h0) : g.zeros(at.in(op.x), {at.shape(op.x).back()});
  const Values out = g.over_time({h0}, {at.in(op.a), at.in(op.x)}, 1, [&](const Values& states, const Values& t) {
    const std::string h = g.add(g.multiply(t[0], states[0]), t[1]);
    return Values{h, h};
  });
  at.bind(0, out[1]);
  at.bind(1, out[0]);
}

Complex plus(Graph& g, const Complex& a, const Complex& b) { return {g.add(a.re, b.re), g.add(a.im, b.im)}; }
Complex minus(Graph& g, const Complex& a, const Complex& b) { return {g.subtract(a.re, b.re), g.subtract(a.im, b.im)}; }
Complex times_real(Graph& g, const Complex& a, const std::string& x) {
  return {g.multiply(a.re, x), g.multiply(a.im, x)};
}

void complex_diagonal_recurrence(const ops::ComplexDiagonalRecurrence& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Tensor& lambda = at.values.in[op.a];
  const Index n = lambda.dim(1);
  const std::string h0 = at.has(op.h0) ? at.in(op.h0) : g.zeros(at.in(op.x), {2 * n});
  const auto halves = [&](const std::string& x) { return Complex{g.slice(x, -1, 0, n), g.slice(x, -1, n, 2 * n)}; };
  const Complex a{g.constant(lambda.slice(0, 1).reshape(Shape{n})), g.constant(lambda.slice(1, 2).reshape(Shape{n}))};
  const Values out = g.over_time({h0}, {at.in(op.x)}, 1, [&](const Values& states, const Values& t) {
    const Complex h = plus(g, multiply(g, a, halves(states[0])), halves(t[0]));
    const std::string both = g.concat({h.re, h.im}, -1);
    return Values{both, both};
  });
  at.bind(0, out[1]);
  at.bind(1, out[0]);
}

void ssm_scan(const ops::SsmScan& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index heads = at.shape(op.a)[0], states = at.shape(op.a)[1];
  const auto coefficient = [&](std::size_t i) {  // [H, N, 2] as two of [H, N]
    Tensor parts[2] = {Tensor(Shape{heads, states}), Tensor(Shape{heads, states})};
    for (Index k = 0; k < 2 * heads * states; ++k) parts[k % 2].data()[k / 2] = at.values.in[i].data()[k];
    return Complex{g.constant(parts[0]), g.constant(parts[1])};
  };
  const auto twice_real = [&](const Complex& x) {  // 2 Re sum_n
    return g.multiply(g.scalar(2), g.sum(x.re, 2, true));
  };
  const bool low_rank = at.has(op.p);
  const Complex a = coefficient(op.a), b = coefficient(op.b), c = coefficient(op.c);
  Complex p, q, r;
  if (low_rank) {
    p = coefficient(op.p), q = coefficient(op.q), r = coefficient(op.r);
    p.im = g.node("Neg", {p.im});  // <p, s> has the conjugate
  }
  const std::string s0 = at.has(op.s0) ? at.in(op.s0) : g.zeros(at.in(op.u), {heads, states, 2});
  const Values begin{g.element(s0, 0), g.element(s0, 1)};
  const Values out = g.over_time(begin, {at.in(op.u)}, 1, [&](const Values& before, const Values& t) {
    const Complex s{before[0], before[1]};
    Complex next = plus(g, multiply(g, a, s), times_real(g, b, g.unsqueeze(t[0], 2)));
    if (low_rank) {
      next = minus(g, next, times_real(g, q, twice_real(multiply(g, p, s))));
      next = minus(g, next, times_real(g, r, twice_real(multiply(g, p, next))));
    }
    return Values{next.re, next.im, g.squeeze(twice_real(multiply(g, c, next)), 2)};
  });
  at.bind(0, out[2]);
  at.bind(1, g.concat({g.unsqueeze(out[0], 3), g.unsqueeze(out[1], 3)}, 3));
}

}  // namespace

void add_recurrences(OnnxLowerings& forms) {
  forms.add(causal_conv1d);
  forms.add(selective_scan);
  forms.add(ssd);
  forms.add(recurrence);
  forms.add(diagonal_recurrence);
  forms.add(complex_diagonal_recurrence);
  forms.add(ssm_scan);
}

}  // namespace seqtape
