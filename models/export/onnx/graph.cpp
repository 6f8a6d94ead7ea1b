#include "models/export/onnx/graph.h"

#include <utility>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {

std::string OnnxGraph::fresh(const char* op) { return str(op, "_", count_++); }

std::string OnnxGraph::node(const char* op, const Values& inputs, const std::vector<Attribute>& attributes,
                            std::size_t unread) {
  onnx::NodeProto& node = *current_->add_node();
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  for (const Attribute& given : attributes) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(given.name);
    attribute.set_type(given.list ? onnx::AttributeProto::INTS : onnx::AttributeProto::INT);
    if (given.list)
      for (const Index value : given.numbers) attribute.add_ints(value);
    else
      attribute.set_i(given.numbers[0]);
  }
  const std::string name = fresh(op);
  node.add_output(name);
  for (std::size_t i = 0; i < unread; ++i) node.add_output(fresh(op));
  return name;
}

std::string OnnxGraph::named_constant(const std::string& key, const std::function<void(onnx::TensorProto&)>& fill) {
  std::string& name = constants_[key];
  if (!name.empty()) return name;
  name = fresh("constant");
  onnx::TensorProto& tensor = *graph_.add_initializer();
  tensor.set_name(name);
  fill(tensor);
  return name;
}

std::string OnnxGraph::constant(const Tensor& tensor, const Shape& shape) {
  kept_.push_back(tensor);
  return named_constant(str("tensor ", static_cast<const void*>(tensor.data()), " ", shape),
                        [&](onnx::TensorProto& proto) {
                          for (const Index extent : shape) proto.add_dims(extent);
                          proto.set_data_type(onnx::TensorProto::FLOAT);
                          proto.set_raw_data(tensor.data(), static_cast<std::size_t>(tensor.size()) * sizeof(float));
                        });
}

std::string OnnxGraph::scalar(double value) {
  return named_constant(str("scalar ", value), [&](onnx::TensorProto& proto) {
    proto.set_data_type(onnx::TensorProto::FLOAT);
    proto.add_float_data(static_cast<float>(value));
  });
}

std::string OnnxGraph::doubles(const std::vector<double>& values) {
  std::string key = "doubles";
  for (const double value : values) key += format(" %.17g", value);
  return named_constant(key, [&](onnx::TensorProto& proto) {
    proto.add_dims(static_cast<Index>(values.size()));
    proto.set_data_type(onnx::TensorProto::DOUBLE);
    for (const double value : values) proto.add_double_data(value);
  });
}

std::string OnnxGraph::integers(const std::vector<Index>& values) {
  std::string key = "integers";
  for (const Index value : values) key += str(" ", value);
  return named_constant(key, [&](onnx::TensorProto& proto) {
    proto.add_dims(static_cast<Index>(values.size()));
    proto.set_data_type(onnx::TensorProto::INT64);
    for (const Index value : values) proto.add_int64_data(value);
  });
}

Values OnnxGraph::over_time(const Values& states, const Values& sequences, std::size_t outputs, const Body& body) {
  if (one_step_) {
    Values steps;
    for (const std::string& sequence : sequences) steps.push_back(squeeze(sequence, 1));
    Values results = body(states, steps);
    for (std::size_t i = states.size(); i < results.size(); ++i) results[i] = unsqueeze(results[i], 1);
    return results;
  }
  onnx::GraphProto loop;
  loop.set_name(fresh("loop"));
  const auto inputs = [&](const Values& of, const char* what) {
    Values names;
    for (std::size_t i = 0; i < of.size(); ++i) {
      names.push_back(fresh(what));
      onnx::ValueInfoProto& info = *loop.add_input();
      info.set_name(names.back());
      info.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    }
    return names;
  };
  const Values state_names = inputs(states, "state"), step_names = inputs(sequences, "step");
  onnx::GraphProto* const outer = std::exchange(current_, &loop);
  for (const std::string& result : body(state_names, step_names)) {
    onnx::ValueInfoProto& info = *loop.add_output();
    info.set_name(node("Identity", {result}));  // a loop's output must not be its input
    info.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  }
  current_ = outer;
  Values all = states;
  all.insert(all.end(), sequences.begin(), sequences.end());
  node("Scan", all,
       {number("num_scan_inputs", static_cast<Index>(sequences.size())),
        numbers("scan_input_axes", std::vector<Index>(sequences.size(), 1)),
        numbers("scan_output_axes", std::vector<Index>(outputs, 1))});
  onnx::NodeProto& scan = *current_->mutable_node(current_->node_size() - 1);
  onnx::AttributeProto& attribute = *scan.add_attribute();
  attribute.set_name("body");
  attribute.set_type(onnx::AttributeProto::GRAPH);
  *attribute.mutable_g() = loop;
  scan.clear_output();
  Values results;
  for (std::size_t i = 0; i < states.size() + outputs; ++i) {
    results.push_back(fresh("Scan"));
    scan.add_output(results.back());
  }
  return results;
}

std::string OnnxGraph::sum(const std::string& x, Index axis, bool keep) {
  return node("ReduceSum", {x, integers({axis})}, {number("keepdims", keep)});
}

std::string OnnxGraph::slice(const std::string& x, Index axis, Index begin, Index end) {
  return node("Slice", {x, integers({begin}), integers({end}), integers({axis})});
}

std::string OnnxGraph::element(const std::string& x, Index i) { return squeeze(slice(x, -1, i, i + 1), -1); }

std::string OnnxGraph::zeros(const std::string& x, const std::vector<Index>& inner) {
  return node("ConstantOfShape", {concat({extent(x, 0), integers(inner)}, 0)});
}

std::string OnnxGraph::positions(const std::string& x, const std::string& offset) {
  const std::string length = extent(x, 1), begin = offset.empty() ? integers({0}) : offset;
  const std::string end = node("Add", {begin, length});
  return node("Range", {squeeze(begin, 0), squeeze(end, 0), squeeze(integers({1}), 0)});
}

void OnnxGraph::describe(onnx::ValueInfoProto& info, const std::string& name, onnx::TensorProto::DataType type_of,
                         const std::vector<Dimension>& shape) {
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(type_of);
  for (const Dimension& dimension : shape) {
    auto& extent = *type.mutable_shape()->add_dim();
    if (dimension.number >= 0)
      extent.set_dim_value(dimension.number);
    else if (!dimension.name.empty())
      extent.set_dim_param(dimension.name);
  }
}

void OnnxGraph::input(const std::string& name, onnx::TensorProto::DataType type, const std::vector<Dimension>& shape) {
  describe(*graph_.add_input(), name, type, shape);
}

void OnnxGraph::output(const std::string& value, const std::string& name, const std::vector<Dimension>& shape,
                       onnx::TensorProto::DataType type) {
  onnx::NodeProto& node = *graph_.add_node();
  node.set_op_type("Identity");
  node.add_input(value);
  node.add_output(name);
  describe(*graph_.add_output(), name, type, shape);
}

std::string OnnxGraph::serialize(const std::string& title, const Json& metadata) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("seqtape");
  model.add_opset_import()->set_version(17);
  for (const auto& [key, value] : metadata.items()) {
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value.is_string() ? value.get<std::string>() : value.dump());
  }
  graph_.set_name(title);
  *model.mutable_graph() = graph_;
  if (model.ByteSizeLong() > (std::size_t{2} << 30) - 1)
    throw Error("ONNX files end at 2 GB, and the model's weights do not fit");
  return model.SerializeAsString();
}

OnnxComplex multiply(OnnxGraph& g, const OnnxComplex& a, const OnnxComplex& b) {
  return {g.subtract(g.multiply(a.re, b.re), g.multiply(a.im, b.im)),
          g.add(g.multiply(a.re, b.im), g.multiply(a.im, b.re))};
}

}  // namespace seqtape
