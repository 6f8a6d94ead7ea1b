// A value that no input of the step reaches is a constant: a weight, or what depends on weights alone, such as
// discretised matrices, which is stored computed. Arrays are reused once nothing reads them any more.
#include "models/export/c/step.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// A valid C identifier.
std::string identifier(std::string text) {
  for (char& c : text)
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')) c = '_';
  return text;
}

}  // namespace

std::string c_number(double value) {
  std::string text = format("%.9g", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text + "f";
}

CStep::CStep(const SequenceModel& model, const TracedPass& pass, const TracedPass& other) : pass_(pass) {
  for (const Parameter* parameter : model.parameters())
    names_[key_of(parameter->variable.value())] = fresh_name(identifier(parameter->path));
  if (pass.input.values.defined()) values_[key_of(pass.input.values)] = {-1, 0, "input"};
  for (std::size_t i = 0; i < pass.states.size(); ++i) {
    const Tensor &before = pass.states[i].before, &others = other.states[i].before;
    const std::string name = fresh_name("state_" + identifier(pass.states[i].name));
    std::string extent = str(before.size());
    if (!(before.shape() == others.shape())) {
      growing_.insert(key_of(before));
      grows_ = true;
      extent = str("CONTEXT * ", before.size() / before.dim(1));
    }
    values_[key_of(before)] = {-1, 0, name};
    states_.push_back(name);
    state_declarations_.push_back(str("static float ", name, "[", extent, "];\n"));
  }
  for (const Trace::Node& node : pass.nodes)
    for (const Tensor& input : node.values.in)
      if (input.defined()) ++readers_[key_of(input)];
  for (const Trace::Node& node : pass.nodes) {
    if (pass.is_head(node)) pool(model.pooling());
    write(node);
  }
  for (std::size_t i = 0; i < pass.states.size(); ++i) {
    const Operand& after = values_.at(key_of(pass.states[i].after));
    if (after.text != states_[i]) call("memcpy", {{-1, 0, states_[i]}, after, {-1, 0, "sizeof " + states_[i]}});
  }
  logits_ = values_.at(key_of(pass.logits));
}

void CStep::write(const Trace::Node& node) {
  if (depends_on(node, values_)) {
    node_ = &node;
    return c_lowerings().lower(node.op, *this);
  }
  // A constant: named after the first constant it is made of.
  std::string of = "constant";
  for (const Tensor& input : node.values.in)
    if (input.defined() && names_.contains(key_of(input))) {
      of = names_.at(key_of(input));
      break;
    }
  for (const Tensor& output : node.values.out)
    if (!names_.contains(key_of(output))) names_[key_of(output)] = fresh_name(of + "_" + identifier(node.op.name()));
}

/// The mean, first or last of the features over all steps read.
void CStep::pool(const std::string& pooling) {
  const Index width = pass_.features.dim(2);
  const Operand pooled = working_memory(width);
  states_.emplace_back("pooled_so_far");
  state_declarations_.push_back(str("static float pooled_so_far[", width, "];\n"));
  call(
      "pool_" + pooling,
      {pooled, {-1, 0, "pooled_so_far"}, values_.at(key_of(pass_.features)), {-1, 0, "position"}, {-1, 0, str(width)}});
  values_[key_of(pass_.pooled)] = pooled;
}

CStep::Operand CStep::in(std::size_t i) {
  const Tensor& x = node_->values.in[i];
  if (!x.defined()) return {-1, 0, "NULL"};
  const auto known = values_.find(key_of(x));
  return known == values_.end() ? constant(x) : known->second;
}

CStep::Operand CStep::constant(const Tensor& x) {
  std::string& name = names_[key_of(x)];
  if (name.empty()) name = fresh_name("constant");  // of a mixer, and no parameter
  if (listed_.insert(name).second) weights_.emplace_back(name, x);
  return {-1, 0, name};
}

CStep::Operand CStep::working_memory(Index size) {
  arrays_.push_back(size);
  return {static_cast<int>(arrays_.size()) - 1, 0, {}};
}

CStep::Operand CStep::out(std::size_t i) {
  const Operand array = working_memory(node_->values.out[i].size());
  bind(i, array);
  return array;
}

CStep::Operand CStep::state(std::size_t i, std::size_t o) {
  if (!has(i) || readers_.at(key_of(node_->values.in[i])) != 1)
    throw ConfigError(str("c: the state of \"", node_->op.name(), "\" is read by another op too: not supported"));
  const Operand operand = in(i);
  bind(o, operand);
  return operand;
}

void CStep::call(const std::string& function, std::vector<Operand> operands) {
  if (function != "memcpy") functions_.insert(function);
  calls_.push_back({function, std::move(operands)});
}

std::string CStep::fresh_name(const std::string& wish) {
  std::string name = wish;
  for (int i = 2; !taken_.insert(name).second; ++i) name = str(wish, "_", i);
  return name;
}

/// The C name of each array; arrays with disjoint lifetimes share one.
std::vector<std::string> CStep::assign_arrays() const {
  std::vector<std::size_t> last(arrays_.size(), 0);
  for (std::size_t i = 0; i < calls_.size(); ++i)
    for (const Operand& operand : calls_[i].operands)
      if (operand.array >= 0) last[static_cast<std::size_t>(operand.array)] = i;
  std::vector<std::string> names(arrays_.size());
  std::map<Index, std::vector<std::string>> free;  // by size
  int count = 0;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    for (const Operand& operand : calls_[i].operands) {
      if (operand.array < 0) continue;
      std::string& name = names[static_cast<std::size_t>(operand.array)];
      if (!name.empty()) continue;
      if (operand.array == logits_.array) {
        name = "logits";
        continue;
      }
      auto& same = free[arrays_[static_cast<std::size_t>(operand.array)]];
      name = same.empty() ? str("v", ++count) : same.back();
      if (!same.empty()) same.pop_back();
    }
    std::set<int> ending;
    for (const Operand& operand : calls_[i].operands)
      if (operand.array >= 0 && operand.array != logits_.array && last[static_cast<std::size_t>(operand.array)] == i)
        ending.insert(operand.array);
    for (const int array : ending)
      free[arrays_[static_cast<std::size_t>(array)]].push_back(names[static_cast<std::size_t>(array)]);
  }
  return names;
}

std::string CStep::text_of(const Operand& operand, const std::vector<std::string>& arrays) const {
  if (operand.array < 0) return operand.text;
  const std::string& name = arrays[static_cast<std::size_t>(operand.array)];
  return operand.offset == 0 ? name : str(name, " + ", operand.offset);
}

std::string CStep::declarations() const {
  std::string text =
      "/* The weights, in the order in which model.bin has them; matrices are [out, in], row by row. */\n";
  for (const auto& [name, tensor] : weights_)
    text += str("static float ", name, "[", tensor.size(), "]; /* ", tensor.shape(), " */\n");
  text += str("\nstatic const struct {\n  float *to;\n  size_t count;\n} weights[] = {\n");
  for (const auto& [name, tensor] : weights_) text += str("    {", name, ", ", tensor.size(), "},\n");
  text += "};\n\n/* What is carried from step to step. */\nstatic int position; /* steps so far */\n";
  for (const std::string& declaration : state_declarations_) text += declaration;
  return text;
}

std::string CStep::body(const std::string& first) const {
  const std::vector<std::string> arrays = assign_arrays();
  std::string text;
  std::set<std::string> declared{"logits"};
  for (std::size_t i = 0; i < arrays.size(); ++i)
    if (declared.insert(arrays[i]).second) text += str("  static float ", arrays[i], "[", arrays_[i], "];\n");
  text += first;
  for (const Call& one : calls_) {
    text += "  " + one.function + "(";
    for (std::size_t i = 0; i < one.operands.size(); ++i) text += (i ? ", " : "") + text_of(one.operands[i], arrays);
    text += ");\n";
  }
  return text;
}

}  // namespace seqtape
