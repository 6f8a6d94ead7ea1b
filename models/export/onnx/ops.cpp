// Ops as ONNX nodes. The formulas are explained at the kernels (core/kernels/*.h).
#include "autograd/ops/ops.h"

#include <cmath>

#include "models/export/onnx/graph.h"
#include "models/export/refused.h"

namespace seqtape {
namespace {

using Graph = OnnxGraph;

void embedding(const ops::Embedding& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const IndexTensor& ids = op.ids;
  if (at.tokens.defined() && ids.data() == at.tokens.data())
    return at.bind(0, g.node("Gather", {at.in(op.table), at.input}));
  // Learned positions: the ids count on from the steps before.
  for (Index i = 0; i < ids.size(); ++i)
    if (ids.data()[i] != at.past_steps + i % ids.dim(1))
      throw ConfigError("onnx: an embedding of anything but tokens and positions is not supported");
  at.bind(0, g.unsqueeze(g.node("Gather", {at.in(op.table), g.positions(at.input, at.past)}), 0));
}

void linear(const ops::Linear& op, const OnnxOp& at) {
  const std::string bias = at.in(op.bias), weight = at.in(op.weight), x = at.in(op.x);
  const std::string y = at.graph.node("MatMul", {x, at.graph.permute(weight, {1, 0})});
  at.bind(0, bias.empty() ? y : at.graph.add(y, bias));
}

std::string gelu(Graph& g, const std::string& x) {
  const std::string root = g.scalar(std::sqrt(0.5)), half = g.scalar(0.5);
  const std::string phi = g.multiply(half, g.add(g.scalar(1), g.node("Erf", {g.multiply(x, root)})));
  return g.multiply(x, phi);
}

void activation(const ops::Activate& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const std::string x = at.in(op.x);
  const auto value = [&]() -> std::string {
    switch (op.f) {
      case Activation::silu:
        return g.silu(x);
      case Activation::sigmoid:
        return g.sigmoid(x);
      case Activation::tanh:
        return g.node("Tanh", {x});
      case Activation::relu:
        return g.node("Relu", {x});
      case Activation::gelu:
        return gelu(g, x);
      case Activation::softplus:
        return g.node("Softplus", {x});
      case Activation::exp:
        return g.node("Exp", {x});
      case Activation::negative_exp:
        return g.node("Neg", {g.node("Exp", {x})});
      case Activation::gelu_tanh:
        break;
    }
    throw ConfigError(str("onnx: \"", op.name(), "\" is not supported: no model uses it"));
  };
  at.bind(0, value());
}

void scale(const ops::Scale& op, const OnnxOp& at) {
  at.bind(0, at.graph.multiply(at.in(op.x), at.graph.scalar(op.factor)));
}
void add(const ops::Add& op, const OnnxOp& at) { at.bind(0, at.graph.add(at.in(op.a), at.in(op.b))); }
void multiply(const ops::Multiply& op, const OnnxOp& at) { at.bind(0, at.graph.multiply(at.in(op.a), at.in(op.b))); }
void scale_columns(const ops::ScaleColumns& op, const OnnxOp& at) {
  at.bind(0, at.graph.multiply(at.in(op.x), at.in(op.weight)));
}

void glu(const ops::Glu& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index n = at.values.out[0].shape().back();
  at.bind(0, g.multiply(g.slice(at.in(op.x), -1, 0, n), g.sigmoid(g.slice(at.in(op.x), -1, n, 2 * n))));
}

/// Each block of channels [.., G, 1, I] times its own matrix [G, I, O].
void block_linear(const ops::BlockLinear& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index blocks = at.shape(op.weight)[0], outputs = at.shape(op.weight)[1], inputs = at.shape(op.weight)[2];
  const std::string x = g.node("Reshape", {at.in(op.x), g.integers({0, 0, blocks, 1, inputs})});
  const std::string product = g.node("MatMul", {x, g.permute(at.in(op.weight), {0, 2, 1})});
  const std::string y = g.node("Reshape", {product, g.integers({0, 0, blocks * outputs})});
  at.bind(0, at.has(op.bias) ? g.add(y, at.in(op.bias)) : y);
}

void softmax(const ops::Softmax& op, const OnnxOp& at) {
  at.bind(0, at.graph.node("Softmax", {at.in(op.x)}, {Graph::number("axis", -1)}));
}

/// (x - m) / sqrt(mean((x - m)^2) + eps) over the last axis, with its mean for m where it is centred.
std::string normalised(Graph& g, const std::string& x, bool centred, double eps) {
  const auto mean = [&](const std::string& of) {
    return g.node("ReduceMean", {of}, {Graph::numbers("axes", {-1}), Graph::number("keepdims", 1)});
  };
  const std::string from = centred ? g.subtract(x, mean(x)) : x;
  return g.node("Div", {from, g.node("Sqrt", {g.add(mean(g.multiply(from, from)), g.scalar(eps))})});
}

void rms_norm(const ops::RmsNorm& op, const OnnxOp& at) {
  at.bind(0, at.graph.multiply(normalised(at.graph, at.in(op.x), false, op.eps), at.in(op.weight)));
}

void layer_norm(const ops::LayerNorm& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const std::string y = g.multiply(normalised(g, at.in(op.x), true, op.eps), at.in(op.weight));
  at.bind(0, at.has(op.bias) ? g.add(y, at.in(op.bias)) : y);
}

void gated_norm(const ops::GatedNorm& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index channels = at.shape(op.z).back(), width = channels / op.groups;
  const auto shaped = [&](const std::string& value, const std::vector<Index>& last) {
    std::vector<Index> extents(static_cast<std::size_t>(at.shape(op.z).rank() - 1), 0);  // 0: as it is
    extents.insert(extents.end(), last.begin(), last.end());
    return g.node("Reshape", {value, g.integers(extents)});
  };
  const std::string gate = g.silu(at.in(op.z));
  std::string x = at.in(op.x);
  if (op.gate_first) x = g.multiply(shaped(x, {channels}), gate);
  std::string y = normalised(g, shaped(x, {op.groups, width}), op.centred, op.eps);
  if (at.shape(op.weight)[0] == channels)
    y = g.multiply(shaped(y, {channels}), at.in(op.weight));
  else
    y = shaped(g.multiply(y, at.in(op.weight)), {channels});
  if (at.has(op.c)) y = g.add(y, g.multiply(at.in(op.c), at.in(op.skip)));
  at.bind(0, op.gate_first ? y : g.multiply(y, gate));
}

void reshape(const ops::Reshape& op, const OnnxOp& at) {
  const Shape &from = at.shape(op.x), &to = at.values.out[0].shape();
  std::vector<Index> extents;
  for (int i = 0; i < to.rank(); ++i)
    extents.push_back(i < from.rank() && from[i] == to[i] ? 0 : to[i]);  // 0: as it is
  at.bind(0, at.graph.node("Reshape", {at.in(op.x), at.graph.integers(extents)}));
}

void slice_last(const ops::SliceLast& op, const OnnxOp& at) {
  at.bind(0, at.graph.slice(at.in(op.x), -1, op.begin, op.begin + op.size));
}

/// Sequences of any length; what is carried is that of a whole number of frames.
void frames(const ops::Frames& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index width = at.shape(op.x)[2], least = op.size - op.stride;
  if (at.has(op.before) && at.shape(op.before)[1] != least)
    throw ConfigError("onnx: frames that begin within a stride are not supported");
  std::string x = at.in(op.x);
  const std::string count = g.node("Div", {g.extent(x, 1), g.integers({op.stride})});
  if (least > 0) x = g.concat({at.has(op.before) ? at.in(op.before) : g.zeros(x, {least, width}), x}, 1);
  const auto scalar = [&](const std::string& value) { return g.squeeze(value, 0); };
  const std::string begins = g.node(
      "Range",
      {scalar(g.integers({0})), scalar(g.multiply(count, g.integers({op.stride}))), scalar(g.integers({op.stride}))});
  std::vector<Index> steps(static_cast<std::size_t>(op.size));
  for (std::size_t k = 0; k < steps.size(); ++k) steps[k] = static_cast<Index>(k);
  const std::string taken =
      g.node("Gather", {x, g.add(g.unsqueeze(begins, 1), g.integers(steps))}, {Graph::number("axis", 1)});
  at.bind(op.y, g.node("Reshape", {taken, g.integers({0, 0, op.size * width})}));
  if (least == 0) return;
  const std::string end = g.multiply(count, g.integers({op.stride}));
  at.bind(op.after, g.node("Slice", {x, end, g.add(end, g.integers({least})), g.integers({1})}));
}

/// The transform as two products, of the frequencies that lie in a band alone.
void log_mel(const ops::LogMel& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const std::vector<double> window = hann_window(op.bands), positions = mel_positions(op.bands);
  const Index points = spectrum_points(op.bands);
  std::vector<Index> used;
  for (std::size_t k = 0; k < positions.size(); ++k)
    if (positions[k] > 0) used.push_back(static_cast<Index>(k));
  const auto count = static_cast<Index>(used.size());
  Tensor cosine(Shape{op.bands.window, count}), sine(cosine.shape());
  Tensor triangles = Tensor::zeros(Shape{count, op.bands.bands});
  for (Index i = 0; i < count; ++i) {
    const Index k = used[static_cast<std::size_t>(i)];
    for (Index t = 0; t < op.bands.window; ++t) {
      const double angle =
          2 * 3.14159265358979323846 * static_cast<double>(k * t % points) / static_cast<double>(points);
      cosine.data()[t * count + i] = static_cast<Real>(window[static_cast<std::size_t>(t)] * std::cos(angle));
      sine.data()[t * count + i] = static_cast<Real>(window[static_cast<std::size_t>(t)] * std::sin(angle));
    }
    const double position = positions[static_cast<std::size_t>(k)];
    const auto band = static_cast<Index>(position);
    const double share = position - static_cast<double>(band);
    if (band > 0) triangles.data()[i * op.bands.bands + band - 1] = static_cast<Real>(1 - share);
    if (band < op.bands.bands) triangles.data()[i * op.bands.bands + band] = static_cast<Real>(share);
  }
  const auto squared = [&](const Tensor& table) {
    const std::string part = g.node("MatMul", {at.in(op.x), g.constant(table)});
    return g.multiply(part, part);
  };
  const std::string power = g.node("MatMul", {g.add(squared(cosine), squared(sine)), g.constant(triangles)});
  const std::string heard = g.node("Log", {g.node("Max", {power, g.scalar(kSilentPower)})});
  at.bind(0, g.multiply(heard, g.scalar(1 / std::log(10.0))));
}

void concat_time(const ops::ConcatTime& op, const OnnxOp& at) {
  at.bind(0, at.graph.concat({at.in(op.a), at.in(op.b)}, 1));
}

}  // namespace

const OnnxLowerings& onnx_lowerings() {
  static const OnnxLowerings all = [] {
    OnnxLowerings forms("onnx");
    forms.add(embedding);
    forms.add(linear);
    forms.add(block_linear);
    forms.add(activation);
    forms.add(scale);
    forms.add(add);
    forms.add(multiply);
    forms.add(scale_columns);
    forms.add(glu);
    forms.add(softmax);
    forms.add(rms_norm);
    forms.add(layer_norm);
    forms.add(gated_norm);
    forms.add(reshape);
    forms.add(slice_last);
    forms.add(frames);
    forms.add(log_mel);
    forms.add(concat_time);
    add_recurrences(forms);
    add_matrix_recurrences(forms);
    add_attention(forms);
    refuse_shared(forms);
    return forms;
  }();
  return all;
}

}  // namespace seqtape
