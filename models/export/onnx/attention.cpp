// Attention and rotary positions as ONNX nodes.
#include "autograd/ops/attention.h"

#include <cmath>

#include "autograd/ops/rotary.h"
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

void rotary(const ops::Rotary& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const std::string x = at.in(op.x);
  const Index dim = at.shape(op.x).back(), half = dim / 2;
  if (op.offset != at.past_steps)
    throw ConfigError("onnx: rotary positions that do not go on from the steps before are not supported");
  Tensor frequency(Shape{half});
  for (Index i = 0; i < half; ++i)
    frequency.data()[i] =
        static_cast<Real>(std::pow(op.base, -2.0 * static_cast<double>(i) / static_cast<double>(dim)));
  const std::string position =
      g.node("Cast", {g.positions(x, at.past)}, {Graph::number("to", onnx::TensorProto::FLOAT)});
  const std::string angle =
      g.multiply(g.unsqueeze(g.unsqueeze(position, 1), 2), g.constant(frequency));  // [L, 1, half]
  const OnnxComplex turn{g.node("Cos", {angle}), g.node("Sin", {angle})};
  const OnnxComplex y = multiply(g, {g.slice(x, -1, 0, half), g.slice(x, -1, half, dim)}, turn);
  at.bind(0, g.concat({y.re, y.im}, -1));
}

}  // namespace

void add_attention(OnnxLowerings& forms) {
  forms.add(attention);
  forms.add(rotary);
}

}  // namespace seqtape
