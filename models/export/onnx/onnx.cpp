// A model's forward pass is traced and each op is lowered to ONNX (ops.cpp, attention.cpp, recurrences.cpp). What no
// input reaches, such as discretised matrices, is a constant. Everything is traced twice, with different batches and
// lengths: the two graphs must be equal, or something in them would hold for one length only.
#include <algorithm>

#include "autograd/ops/frames.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "models/export/export.h"
#include "models/export/onnx/graph.h"
#include "models/export/traced_pass.h"

namespace seqtape {
namespace {

using Dimension = OnnxGraph::Dimension;
using Type = onnx::TensorProto;

/// The mean, first or last of the features over all steps read, in `graph`; returns its name. "pooled" [B, D]
/// and "pooled_steps" [B, 1] are carried.
std::string write_pooling(OnnxGraph& graph, const std::string& pooling, const std::string& features, Index width) {
  const std::vector<Dimension> wide{{-1, "batch"}, {width}}, one{{-1, "batch"}, {1}};
  const bool step = graph.one_step();
  const std::string steps_here =
      graph.node("Expand", {graph.cast(graph.extent(features, 1), Type::FLOAT),
                            graph.concat({graph.extent(features, 0), graph.integers({1})}, 0)});
  std::string kept, steps = steps_here, answer;
  if (step) {
    graph.input("pooled", Type::FLOAT, wide);
    graph.input("pooled_steps", Type::FLOAT, one);
    steps = graph.add("pooled_steps", steps_here);
  }
  const auto at = [&](Index begin, Index end) { return graph.squeeze(graph.slice(features, 1, begin, end), 1); };
  if (pooling == "mean") {
    kept = graph.sum(features, 1);
    if (step) kept = graph.add("pooled", kept);
    answer = graph.node("Div", {kept, steps});
  } else if (pooling == "first") {
    kept = at(0, 1);
    if (step) kept = graph.node("Where", {graph.node("Greater", {"pooled_steps", graph.scalar(0)}), "pooled", kept});
    answer = kept;
  } else {
    answer = kept = at(-1, INT64_MAX);
  }
  graph.output(kept, "next_pooled", wide);
  graph.output(steps, "next_pooled_steps", one);
  return answer;
}

/// Numbers in the data's units, `input` [B, L, features], as the model reads them: in double until the means are off.
std::string scaled(OnnxGraph& graph, const std::string& input, const Signature& signature) {
  std::vector<double> means, scales;
  for (const Signature::Column& feature : signature.features()) {
    means.push_back(feature.mean);
    scales.push_back(feature.scale);
  }
  const std::string centred = graph.subtract(input, graph.doubles(means));
  const std::string values = graph.cast(graph.node("Div", {centred, graph.doubles(scales)}), Type::FLOAT);
  if (!signature.masks) return values;
  return graph.node("Where", {graph.node("IsNaN", {values}), graph.scalar(0), values});  // missing
}

/// The mean and deviation of the features in the steps that are read, [B, 1, F], doubles.
struct WindowScale {
  std::string mean, deviation;
};

/// Values [B, L, F] as they are read by their window's scale, which is found; in a step of a sequence it is given,
/// as "window_mean" and "window_deviation".
std::string by_window(OnnxGraph& graph, const std::string& values, const Signature& signature, WindowScale& scale) {
  const auto features = signature.features();
  const auto count = static_cast<Index>(features.size());
  std::vector<double> windowed, rest;
  std::vector<Index> known_at;  // of each feature, the one that says whether it is known
  for (Index f = 0; f < count; ++f) {
    const bool is = features[static_cast<std::size_t>(f)].window;
    windowed.push_back(is);
    rest.push_back(!is);
    known_at.push_back(is && signature.masks ? f + 1 : f);
  }
  const std::string x = graph.cast(values, Type::DOUBLE);
  const auto constant = [&](double value) { return graph.doubles({value}); };
  // Where a feature is known: 1, else 0; of those that keep their scale any.
  const std::string known = signature.masks
                                ? graph.node("Gather", {x, graph.integers(known_at)}, {OnnxGraph::number("axis", 2)})
                                : graph.node("Expand", {constant(1), graph.node("Shape", {x})});
  if (graph.one_step()) {
    const std::vector<Dimension> shape{{-1, "batch"}, {count}};
    graph.input("window_mean", Type::DOUBLE, shape);
    graph.input("window_deviation", Type::DOUBLE, shape);
    scale = {graph.unsqueeze("window_mean", 1), graph.unsqueeze("window_deviation", 1)};
  } else {
    const std::string n = graph.node("Max", {graph.sum(known, 1, true), constant(1)});
    scale.mean = graph.node("Div", {graph.sum(graph.multiply(x, known), 1, true), n});
    const std::string off = graph.multiply(graph.subtract(x, scale.mean), known);
    const std::string variance = graph.node("Div", {graph.sum(graph.multiply(off, off), 1, true), n});
    const std::string deviation =
        graph.node("Max", {graph.node("Sqrt", {variance}), constant(Signature::kLeastDeviation)});
    scale.deviation = graph.node("Where", {graph.node("Equal", {variance, constant(0)}), constant(1), deviation});
  }
  const std::string scaled = graph.multiply(graph.node("Div", {graph.subtract(x, scale.mean), scale.deviation}), known);
  return graph.cast(graph.add(graph.multiply(scaled, graph.doubles(windowed)), graph.multiply(x, graph.doubles(rest))),
                    Type::FLOAT);
}

/// What is told of numbers, [B, steps, numbers, 1 + levels], from their outputs [B, steps, numbers, width], doubles.
std::string told_of(OnnxGraph& graph, const std::string& outputs, const ToldNumbers& told, Index steps, Index numbers) {
  const auto levels = static_cast<Index>(told.levels.size());
  const auto part = [&](Index i) { return graph.slice(outputs, 3, i, i + 1); };
  if (levels == 0) return outputs;
  if (!told.offsets.empty()) {
    const std::string offsets =
        graph.node("Reshape", {graph.doubles(told.offsets), graph.integers({steps, numbers, levels})});
    return graph.concat({outputs, graph.add(outputs, offsets)}, 3);
  }
  if (told.distribution.kind == Distribution::Kind::quantiles) {
    const std::string sorted =
        graph.node("TopK", {outputs, graph.integers({levels})},
                   {OnnxGraph::number("axis", 3), OnnxGraph::number("largest", 0)}, 1);  // and their places
    const std::string weighed = graph.multiply(sorted, graph.doubles(told.distribution.median_weights()));
    return graph.concat({graph.sum(weighed, 3, true), sorted}, 3);
  }
  const std::string r = part(1), zero = graph.doubles({0});
  const std::string decay = graph.node("Exp", {graph.subtract(zero, graph.node("Abs", {r}))});
  const std::string softplus =
      graph.add(graph.node("Max", {r, zero}), graph.node("Log", {graph.add(decay, graph.doubles({1}))}));
  const std::string scale = graph.add(softplus, graph.doubles({Distribution::kLeastScale}));
  const std::string spread = graph.multiply(scale, graph.doubles(told.distribution.standard_quantiles()));
  return graph.concat({part(0), graph.add(part(0), spread)}, 3);
}

/// As many of `values` [B, L, features] as make steps of `stride`, so that all states are those after the last one.
std::string whole_steps(OnnxGraph& graph, const std::string& values, Index stride) {
  const std::string of = graph.integers({stride}), count = graph.node("Div", {graph.extent(values, 1), of});
  return graph.node("Slice", {values, graph.integers({0}), graph.multiply(count, of), graph.integers({1})});
}

/// The answer that the logits stand for, an output with its own name. `rows`: their extents before the last; `window`:
/// of the features, where there is such a scale.
void write_answer(OnnxGraph& graph, const Signature& signature, std::vector<Dimension> rows, const std::string& logits,
                  const WindowScale& window) {
  const std::string name = onnx_answer(signature);
  const Index outputs = signature.shape.outputs;
  if (signature.classifies()) {
    rows.push_back({outputs});
    graph.output(graph.node("Softmax", {logits}, {OnnxGraph::number("axis", -1)}), name, rows);
  } else if (signature.answers_labels()) {
    rows.push_back({outputs});
    graph.output(graph.node("Sigmoid", {logits}), name, rows);
  } else if (signature.answers_numbers() && signature.numbers.empty()) {
    rows.push_back({outputs});
    graph.output(logits, name, rows);
  } else if (signature.answers_numbers()) {
    std::vector<double> means, scales;
    std::vector<Index> of;  // the feature of each number
    const auto features = signature.features();
    for (const Signature::Column& number : signature.numbers) {
      means.push_back(number.mean);
      scales.push_back(number.scale);
      for (std::size_t f = 0; f < features.size() && number.window; ++f)
        if (features[f].name == number.name) of.push_back(static_cast<Index>(f));
    }
    const auto count = static_cast<Index>(means.size()), steps = signature.horizon(),
               each = 1 + static_cast<Index>(signature.told.levels.size());
    if (!signature.forecasts()) {
      rows.push_back({count});
      const std::string units = graph.multiply(graph.cast(logits, Type::DOUBLE), graph.doubles(scales));
      return graph.output(graph.add(units, graph.doubles(means)), name, rows, Type::DOUBLE);
    }
    const std::string table = graph.node(
        "Reshape",
        {graph.cast(logits, Type::DOUBLE), graph.integers({0, steps, count, signature.told.distribution.width()})});
    std::string told = told_of(graph, table, signature.told, steps, count);
    const auto per_number = [&](const std::vector<double>& values) {
      return graph.node("Reshape", {graph.doubles(values), graph.integers({count, 1})});
    };
    if (!of.empty()) {
      const auto gathered = [&](const std::string& scale) {
        return graph.unsqueeze(graph.node("Gather", {scale, graph.integers(of)}, {OnnxGraph::number("axis", 2)}), 3);
      };
      told = graph.add(gathered(window.mean), graph.multiply(gathered(window.deviation), told));
    }
    told = graph.add(graph.multiply(told, per_number(scales)), per_number(means));
    rows.insert(rows.end(), {{steps}, {count * each}});
    graph.output(graph.node("Reshape", {told, graph.integers({0, steps, count * each})}), name, rows, Type::DOUBLE);
  }
}

/// The graph of a pass. `other`: a pass with other extents, which shows what is fixed.
void write_graph(OnnxGraph& graph, const SequenceModel& model, const Signature& signature, const TracedPass& pass,
                 const TracedPass& other) {
  std::map<ValueKey, std::string> names;
  const auto name_of = [&](const Tensor& x) -> std::string {
    if (!x.defined()) return "";
    const auto known = names.find(key_of(x));
    return known == names.end() ? graph.constant(x) : known->second;
  };
  const auto dimensions = [&](const Tensor& mine, const Tensor& others, const char* changing) {
    std::vector<Dimension> all{{-1, "batch"}};
    for (int i = 1; i < mine.shape().rank(); ++i)
      all.push_back(mine.dim(i) == others.dim(i) ? Dimension{mine.dim(i)} : Dimension{-1, changing});
    return all;
  };
  const bool step = graph.one_step();
  const Dimension batch{-1, "batch"}, length = step ? Dimension{model.stride()} : Dimension{-1, "length"};
  const std::string input = model.shape().vocabulary ? "tokens" : "values";
  WindowScale window;
  if (model.shape().vocabulary) {
    graph.input(input, Type::INT64, {batch, length});
  } else {
    const bool scales = signature.scales();
    graph.input(input, scales ? Type::DOUBLE : Type::FLOAT, {batch, length, {model.shape().features}});
    std::string values = scales ? scaled(graph, input, signature) : input;
    if (signature.by_window()) values = by_window(graph, values, signature, window);
    if (!step && model.stride() > 1) values = whole_steps(graph, values, model.stride());
    names[key_of(pass.input.values)] = values;
  }
  std::string steps = input;  // whose extent 1 is that of the blocks' steps
  std::string past;
  for (std::size_t i = 0; step && i < pass.states.size(); ++i) {
    const NamedState &mine = pass.states[i], &others = other.states[i];
    const std::string name = "state." + mine.name;
    graph.input(name, Type::FLOAT, dimensions(mine.before, others.before, "past"));
    names[key_of(mine.before)] = name;
    if (past.empty() && mine.before.shape().rank() > 1 && mine.before.dim(1) != others.before.dim(1))
      past = graph.extent(name, 1);  // a cache's
  }
  const auto write = [&](const Trace::Node& node) {
    if (!depends_on(node, names)) return;  // a constant
    const auto bind = [&](std::size_t i, std::string name) { names[key_of(node.values.out[i])] = std::move(name); };
    const OnnxOp at{graph, node.values, name_of, bind, steps, pass.input.tokens, past, step ? pass.extents.past : 0};
    onnx_lowerings().lower(node.op, at);
    if (node.op.as<ops::Frames>()) steps = names.at(key_of(node.values.out[ops::Frames::y]));
  };
  for (const Trace::Node& node : pass.nodes) {
    if (pass.is_head(node))
      names[key_of(pass.pooled)] =
          write_pooling(graph, model.pooling(), names.at(key_of(pass.features)), pass.features.dim(2));
    write(node);
  }
  std::vector<Dimension> rows{batch, length};
  if (model.shape().pooled) rows.pop_back();
  std::vector<Dimension> answer = rows;
  answer.push_back({model.shape().outputs});
  const std::string logits = names.at(key_of(pass.logits));
  graph.output(logits, "logits", answer);
  write_answer(graph, signature, rows, logits, window);
  for (std::size_t i = 0; i < pass.states.size(); ++i)
    graph.output(name_of(pass.states[i].after), "next_state." + pass.states[i].name,
                 dimensions(pass.states[i].after, other.states[i].after, step ? "past_and_this" : "length"));
}

std::string graph_bytes(SequenceModel& model, const Signature& signature, bool step, const std::string& title) {
  const TracedPass one(model, step, {2, 5, 7}), two(model, step, {3, 9, 11});
  OnnxGraph graph(step), again(step);
  write_graph(graph, model, signature, one, two);
  write_graph(again, model, signature, two, one);
  const auto &a = graph.proto(), &b = again.proto();
  for (int i = 0; i < std::min(a.node_size(), b.node_size()); ++i)
    if (a.node(i).SerializeAsString() != b.node(i).SerializeAsString())
      throw ConfigError(
          str("onnx: the ", a.node(i).op_type(), " at node ", i, " depends on the length of the sequence"));
  const Json metadata = to_json(signature);
  std::string bytes = graph.serialize(title, metadata);
  if (bytes != again.serialize(title, metadata))
    throw ConfigError("onnx: a constant depends on the length of the sequence");
  return bytes;
}

}  // namespace

std::string onnx_answer(const Signature& signature) {
  if (signature.classifies() || signature.answers_labels()) return "probabilities";
  return signature.forecasts() ? "forecast" : signature.answers_numbers() ? "numbers" : "";
}

void write_onnx(SequenceModel& model, const Signature& signature, const std::filesystem::path& folder,
                const std::string& title) {
  refuse_unless_streaming(model, "onnx");
  const std::string whole = graph_bytes(model, signature, false, title),
                    step = graph_bytes(model, signature, true, title);
  std::filesystem::create_directories(folder);
  write_file(folder / "model.onnx", whole);
  write_file(folder / "step.onnx", step);
}

}  // namespace seqtape
