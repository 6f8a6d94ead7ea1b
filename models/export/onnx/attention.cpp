// Attention and rotary positions as ONNX nodes.
#include "autograd/ops/attention.h"

#include <cmath>

#include "autograd/ops/rotary.h"
#include "autograd/ops/rotary_scan.h"
#include "models/export/onnx/graph.h"

namespace seqtape {
namespace {

using Graph = OnnxGraph;

void attention(const ops::Attention& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index heads = at.shape(op.q)[2];
  const std::string q = g.permute(at.in(op.q), {0, 2, 1, 3}), k = g.permute(at.in(op.k), {0, 2, 3, 1}),
                    v = g.permute(at.in(op.v), {0, 2, 1, 3});
  std::string scores = g.multiply(g.node("MatMul", {q, k}), g.scalar(op.scale));
  // Distance from the query back to the key, [Q, K]: negative for later keys.
  const std::string keys = g.positions(at.in(op.k), ""),
                    before = g.node("Sub", {g.extent(at.in(op.k), 1), g.extent(at.in(op.q), 1)});
  const std::string distance = g.node("Sub", {g.unsqueeze(g.positions(at.in(op.q), before), 1), g.unsqueeze(keys, 0)});
  if (op.alibi) {
    Tensor slopes(Shape{heads, 1, 1});
    for (Index h = 0; h < heads; ++h)
      slopes.data()[h] = static_cast<Real>(std::exp2(-8.0 * static_cast<double>(h + 1) / static_cast<double>(heads)));
    const std::string far =
        g.node("Cast", {g.node("Abs", {distance})}, {Graph::number("to", onnx::TensorProto::FLOAT)});
    scores = g.subtract(scores, g.multiply(g.constant(slopes), far));
  }
  if (op.causal) scores = g.node("Where", {g.node("Less", {distance, g.integers({0})}), g.scalar(-INFINITY), scores});
  const std::string weights = g.node("Softmax", {scores}, {Graph::number("axis", -1)});
  at.bind(0, g.permute(g.node("MatMul", {weights, v}), {0, 2, 1, 3}));
}

/// The frequencies of a head's pairs.
std::string frequencies(Graph& g, Index dim, double base) {
  Tensor frequency(Shape{dim / 2});
  for (Index i = 0; i < dim / 2; ++i)
    frequency.data()[i] = static_cast<Real>(std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dim)));
  return g.constant(frequency);
}
/// x turned by an angle: the first half of its channels is the real part.
std::string turned(Graph& g, const std::string& x, const std::string& angle, Index dim) {
  const OnnxComplex turn{g.node("Cos", {angle}), g.node("Sin", {angle})};
  const OnnxComplex y = multiply(g, {g.slice(x, -1, 0, dim / 2), g.slice(x, -1, dim / 2, dim)}, turn);
  return g.concat({y.re, y.im}, -1);
}
std::string as_float(Graph& g, const std::string& integers) {
  return g.node("Cast", {integers}, {Graph::number("to", onnx::TensorProto::FLOAT)});
}

void rotary(const ops::Rotary& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const std::string x = at.in(op.x);
  const Index dim = at.shape(op.x).back();
  if (op.offset != at.past_steps)
    throw ConfigError("onnx: rotary positions that do not go on from the steps before are not supported");
  const std::string frequency = frequencies(g, dim, op.base), position = as_float(g, g.positions(x, at.past));
  const std::string angle = g.multiply(g.unsqueeze(g.unsqueeze(position, 1), 2), frequency);  // [L, 1, half]
  at.bind(0, turned(g, x, angle, dim));
}

void rotary_scan(const ops::RotaryScan& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const std::string q = at.in(op.q), start = at.has(op.start) ? at.in(op.start) : g.zeros(q, {});
  const Index dim = at.shape(op.q).back();
  const std::string position = g.add(g.unsqueeze(start, 1), as_float(g, g.positions(q, "")));  // [B, L]
  const std::string angle =
      g.multiply(g.node("Unsqueeze", {position, g.integers({2, 3})}), frequencies(g, dim, op.base));
  at.bind(op.turned_q, turned(g, q, angle, dim));
  at.bind(op.turned_k, turned(g, at.in(op.k), angle, dim));
  at.bind(op.end, g.add(start, as_float(g, g.extent(q, 1))));
}

}  // namespace

void add_attention(OnnxLowerings& forms) {
  forms.add(attention);
  forms.add(rotary);
  forms.add(rotary_scan);
}

}  // namespace seqtape
