// A model's forward pass is traced and each op is lowered to ONNX (ops.cpp, attention.cpp, recurrences.cpp). What no
// input reaches, such as discretised matrices, is a constant. Everything is traced twice, with different batches and
// lengths: the two graphs must be equal, or something in them would hold for one length only.
#include <algorithm>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "models/export/export.h"
#include "models/export/onnx/graph.h"
#include "models/export/traced_pass.h"

namespace seqtape {
namespace {

using Dimension = OnnxGraph::Dimension;

/// The mean, first or last of the features over all steps read, in `graph`; returns its name. "pooled" [B, D]
/// and "pooled_steps" [B, 1] are carried.
std::string write_pooling(OnnxGraph& graph, const std::string& pooling, const std::string& features, Index width) {
  const std::vector<Dimension> wide{{-1, "batch"}, {width}}, one{{-1, "batch"}, {1}};
  const bool step = graph.one_step();
  const std::string steps_here = graph.node(
      "Expand", {graph.node("Cast", {graph.extent(features, 1)}, {OnnxGraph::number("to", onnx::TensorProto::FLOAT)}),
                 graph.concat({graph.extent(features, 0), graph.integers({1})}, 0)});
  std::string kept, steps = steps_here, answer;
  if (step) {
    graph.input("pooled", false, wide);
    graph.input("pooled_steps", false, one);
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

/// The graph of a pass. `other`: a pass with other extents, which shows what is fixed.
void write_graph(OnnxGraph& graph, const SequenceModel& model, const TracedPass& pass, const TracedPass& other) {
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
  const Dimension batch{-1, "batch"}, length = step ? Dimension{1} : Dimension{-1, "length"};
  const std::string input = model.shape().vocabulary ? "tokens" : "values";
  if (model.shape().vocabulary) {
    graph.input(input, true, {batch, length});
  } else {
    graph.input(input, false, {batch, length, {model.shape().features}});
    names[key_of(pass.input.values)] = input;
  }
  std::string past;
  for (std::size_t i = 0; step && i < pass.states.size(); ++i) {
    const NamedState &mine = pass.states[i], &others = other.states[i];
    const std::string name = "state." + mine.name;
    graph.input(name, false, dimensions(mine.before, others.before, "past"));
    names[key_of(mine.before)] = name;
    if (past.empty() && mine.before.shape().rank() > 1 && mine.before.dim(1) != others.before.dim(1))
      past = graph.extent(name, 1);  // a cache's
  }
  const auto write = [&](const Trace::Node& node) {
    if (!depends_on(node, names)) return;  // a constant
    const auto bind = [&](std::size_t i, std::string name) { names[key_of(node.values.out[i])] = std::move(name); };
    const OnnxOp at{graph, node.values, name_of, bind, input, pass.input.tokens, past, step ? pass.extents.past : 0};
    onnx_lowerings().lower(node.op, at);
  };
  for (const Trace::Node& node : pass.nodes) {
    if (pass.is_head(node))
      names[key_of(pass.pooled)] =
          write_pooling(graph, model.pooling(), names.at(key_of(pass.features)), pass.features.dim(2));
    write(node);
  }
  std::vector<Dimension> answer{batch, length, {model.shape().outputs}};
  if (model.shape().pooled) answer.erase(answer.begin() + 1);
  graph.output(names.at(key_of(pass.logits)), "logits", answer);
  for (std::size_t i = 0; i < pass.states.size(); ++i)
    graph.output(name_of(pass.states[i].after), "next_state." + pass.states[i].name,
                 dimensions(pass.states[i].after, other.states[i].after, step ? "past_and_this" : "length"));
}

std::string graph_bytes(SequenceModel& model, bool step, const std::string& title) {
  const TracedPass one(model, step, {2, 5, 7}), two(model, step, {3, 9, 11});
  OnnxGraph graph(step), again(step);
  write_graph(graph, model, one, two);
  write_graph(again, model, two, one);
  const auto &a = graph.proto(), &b = again.proto();
  for (int i = 0; i < std::min(a.node_size(), b.node_size()); ++i)
    if (a.node(i).SerializeAsString() != b.node(i).SerializeAsString())
      throw ConfigError(
          str("onnx: the ", a.node(i).op_type(), " at node ", i, " depends on the length of the sequence"));
  std::string bytes = graph.serialize(title);
  if (bytes != again.serialize(title)) throw ConfigError("onnx: a constant depends on the length of the sequence");
  return bytes;
}

}  // namespace

void write_onnx(SequenceModel& model, const std::string& architecture, const std::filesystem::path& folder,
                const std::string& title) {
  if (!model.streams())
    throw ConfigError("onnx: needs a model that can run in steps; this one looks at later steps of the sequence");
  const std::string whole = graph_bytes(model, false, title), step = graph_bytes(model, true, title);
  std::filesystem::create_directories(folder);
  write_file(folder / "model.onnx", whole);
  write_file(folder / "step.onnx", step);
  const SequenceShape& shape = model.shape();
  const std::string input = shape.vocabulary ? "`tokens`, int64 [batch, length]"
                                             : str("`values`, float [batch, length, ", shape.features, "]");
  write_file(
      folder / "README.md",
      str("# ", title, "\n\nA ", architecture,
          " model trained by seqtape, as two ONNX graphs (opset 17).\n\n"
          "- `model.onnx` reads whole sequences: ",
          input,
          ", all of one length.\n- `step.onnx` reads one step more: the same input of length 1 and every `state.*`",
          shape.pooled ? ", `pooled` and `pooled_steps`" : "", ".\n\nBoth give `logits` [batch, ",
          shape.pooled ? "" : "length, ", shape.outputs, "]", shape.pooled ? " over all steps so far" : "",
          " and the `next_*` of each state: give them back under their names without `next_`.\n"));
}

}  // namespace seqtape
