#pragma once
// An ONNX graph, written node by node. Values are strings: their names in the graph.

#include <onnx/onnx_pb.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/io/json.h"
#include "models/export/lowering.h"

namespace seqtape {

using Values = std::vector<std::string>;

class OnnxGraph {
 public:
  struct Attribute {
    std::string name;
    std::vector<Index> numbers;  ///< one: an int
    bool list = false;
  };
  static Attribute number(const char* name, Index value) { return {name, {value}}; }
  static Attribute numbers(const char* name, std::vector<Index> values) { return {name, std::move(values), true}; }

  /// `one_step`: sequences have one step, so ops over time need no loop.
  explicit OnnxGraph(bool one_step) : one_step_(one_step), current_(&graph_) {}
  OnnxGraph(const OnnxGraph&) = delete;
  OnnxGraph& operator=(const OnnxGraph&) = delete;

  bool one_step() const { return one_step_; }
  /// Adds a node and returns its first output; it has as many more that nothing reads.
  std::string node(const char* op, const Values& inputs, const std::vector<Attribute>& attributes = {},
                   std::size_t unread = 0);
  /// Constants; the same tensor is stored once. They belong to the main graph, also inside a loop.
  std::string constant(const Tensor& tensor, const Shape& shape);
  std::string constant(const Tensor& tensor) { return constant(tensor, tensor.shape()); }
  std::string scalar(double value);
  /// A constant row of doubles.
  std::string doubles(const std::vector<double>& values);
  std::string integers(const std::vector<Index>& values);

  /// Runs `body` for each step of `sequences` [B, L, ...] with `states` [B, ...]: it gets the states and a step's
  /// values [B, ...], and gives the new states, then `outputs` values [B, ...]. Returns the last states and the outputs
  /// [B, L, ...]. A Scan, or for one step no loop at all.
  using Body = std::function<Values(const Values& states, const Values& steps)>;
  Values over_time(const Values& states, const Values& sequences, std::size_t outputs, const Body& body);

  // Building blocks of many ops.
  std::string add(const std::string& a, const std::string& b) { return node("Add", {a, b}); }
  std::string subtract(const std::string& a, const std::string& b) { return node("Sub", {a, b}); }
  std::string multiply(const std::string& a, const std::string& b) { return node("Mul", {a, b}); }
  std::string sum(const std::string& x, Index axis, bool keep = false);
  std::string slice(const std::string& x, Index axis, Index begin, Index end);
  std::string concat(const Values& parts, Index axis) { return node("Concat", parts, {number("axis", axis)}); }
  std::string unsqueeze(const std::string& x, Index axis) { return node("Unsqueeze", {x, integers({axis})}); }
  std::string squeeze(const std::string& x, Index axis) { return node("Squeeze", {x, integers({axis})}); }
  /// Element i of the last axis, which is removed.
  std::string element(const std::string& x, Index i);
  std::string permute(const std::string& x, const std::vector<Index>& order) {
    return node("Transpose", {x}, {numbers("perm", order)});
  }
  std::string sigmoid(const std::string& x) { return node("Sigmoid", {x}); }
  std::string silu(const std::string& x) { return multiply(x, sigmoid(x)); }
  /// Extent `axis` of x, an integer tensor [1].
  std::string extent(const std::string& x, Index axis) {
    return node("Shape", {x}, {number("start", axis), number("end", axis + 1)});
  }
  /// Zeros [B, inner...], with the batch size B of x.
  std::string zeros(const std::string& x, const std::vector<Index>& inner);
  /// The positions of the steps of x [B, L, ...]: offset .. offset + L - 1, an integer tensor [L]; `offset`: [1] or ""
  /// (0).
  std::string positions(const std::string& x, const std::string& offset);

  /// A dimension: a fixed number, or a symbolic name; with neither, unknown.
  struct Dimension {
    Index number = -1;
    std::string name{};
  };
  void input(const std::string& name, onnx::TensorProto::DataType, const std::vector<Dimension>& shape);
  /// Gives `value` this name and makes it an output.
  void output(const std::string& value, const std::string& name, const std::vector<Dimension>& shape,
              onnx::TensorProto::DataType = onnx::TensorProto::FLOAT);
  /// A value as another type.
  std::string cast(const std::string& value, onnx::TensorProto::DataType type) {
    return node("Cast", {value}, {number("to", type)});
  }

  const onnx::GraphProto& proto() const { return graph_; }
  /// Bytes of a model file with `metadata`, whose values are text or JSON: opset 17, IR version 8. Throws Error beyond
  /// protobuf's 2 GB.
  std::string serialize(const std::string& title, const Json& metadata);

 private:
  std::string fresh(const char* op);
  std::string named_constant(const std::string& key, const std::function<void(onnx::TensorProto&)>& fill);
  static void describe(onnx::ValueInfoProto&, const std::string& name, onnx::TensorProto::DataType,
                       const std::vector<Dimension>&);

  bool one_step_;
  onnx::GraphProto graph_;
  onnx::GraphProto* current_;  // the loop's body while one is written
  Index count_ = 0;
  std::map<std::string, std::string> constants_;  // by content or address
  std::vector<Tensor> kept_;                      // keeps addresses unique
};

/// A traced op with the names of its values in the graph: what a lowering reads and writes.
struct OnnxOp {
  OnnxGraph& graph;
  const Operands& values;
  std::function<std::string(const Tensor&)> name_of;          ///< "" for an undefined tensor
  std::function<void(std::size_t output, std::string)> bind;  ///< sets the name of an output of the op
  std::string input;                                          ///< "tokens"; of numbers, the steps that blocks read
  const IndexTensor& tokens;                                  ///< its tokens, or undefined
  std::string past;                                           ///< [1]: steps before this chunk, or "" at the start
  Index past_steps;                                           ///< their number in this trace

  std::string in(std::size_t i) const { return name_of(values.in[i]); }
  bool has(std::size_t i) const { return values.in[i].defined(); }
  const Shape& shape(std::size_t i) const { return values.in[i].shape(); }
};
using OnnxLowerings = Lowerings<const OnnxOp>;

/// Every op's form in ONNX, or why there is none.
const OnnxLowerings& onnx_lowerings();
void add_recurrences(OnnxLowerings&);
void add_matrix_recurrences(OnnxLowerings&);
void add_attention(OnnxLowerings&);

/// A complex number as two values.
struct OnnxComplex {
  std::string re, im;
};
OnnxComplex multiply(OnnxGraph&, const OnnxComplex& a, const OnnxComplex& b);

}  // namespace seqtape
