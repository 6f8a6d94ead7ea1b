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
    if (pass.states[i].of_stem) continue;  // wait_for_frame has its own
    const Tensor &before = pass.states[i].before, &others = other.states[i].before;
    const std::string name = fresh_name("state_" + identifier(pass.states[i].name));
    extents_[name] = str(before.size());
    if (!(before.shape() == others.shape())) {
      growing_.insert(key_of(before));
      grows_ = true;
      extents_[name] = str(kCContext, " * ", before.size() / before.dim(1));
    }
    values_[key_of(before)] = {-1, 0, "m->" + name};
    states_.push_back(name);
  }
  for (const Trace::Node& node : pass.nodes)
    for (const Tensor& input : node.values.in)
      if (input.defined()) ++readers_[key_of(input)];
  for (const Trace::Node& node : pass.nodes) {
    if (pass.is_head(node)) pool(model.pooling());
    write(node);
  }
  for (std::size_t i = 0; i < pass.states.size(); ++i) {
    if (pass.states[i].of_stem) continue;
    const Operand& after = values_.at(key_of(pass.states[i].after));
    const std::string state = "m->" + states_[i];
    if (after.text != state) call("memcpy", {{-1, 0, state}, after, {-1, 0, "sizeof " + state}});
  }
  logits_ = values_.at(key_of(pass.logits));
  name_arrays();
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
  extents_["pooled_so_far"] = str(width);
  call("pool_" + pooling, {pooled,
                           {-1, 0, "m->pooled_so_far"},
                           values_.at(key_of(pass_.features)),
                           {-1, 0, "m->position"},
                           {-1, 0, str(width)}});
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
  return {-1, 0, "w->" + name};
}

CStep::Operand CStep::working_memory(Index size) {
  arrays_.push_back(size);
  return {static_cast<int>(arrays_.size()) - 1, 0, {}};
}

CStep::Operand CStep::working_memory(const std::string& name, const std::string& extent) {
  extents_[name] = extent;
  return {-1, 0, "m->" + name};
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

void CStep::wait_for_frame(std::size_t o, const Operand& step, Index size, Index stride, Index width) {
  const std::string frame = fresh_name("frame"), count = frame + "_steps";
  states_.push_back(frame);
  counts_.push_back(count);
  extents_[frame] = str(size * width);
  const auto text = [](const auto& words) { return Operand{-1, 0, str(words)}; };
  call("next_frame", {text("m->" + frame), text("&m->" + count), step, text(size), text(stride), text(width)});
  calls_.back().waits = true;
  bind(o, text("m->" + frame));
}

CStep::Operand CStep::table(const std::string& name, const std::vector<double>& values) {
  Tensor table(Shape{static_cast<Index>(values.size())});
  std::copy(values.begin(), values.end(), table.data());
  names_[key_of(table)] = fresh_name(name);
  return constant(table);
}

std::string CStep::fresh_name(const std::string& wish) {
  std::string name = wish;
  for (int i = 2; !taken_.insert(name).second; ++i) name = str(wish, "_", i);
  return name;
}

/// Gives each array its name in C; arrays with disjoint lifetimes share one.
void CStep::name_arrays() {
  std::vector<std::size_t> last(arrays_.size(), 0);
  for (std::size_t i = 0; i < calls_.size(); ++i)
    for (const Operand& operand : calls_[i].operands)
      if (operand.array >= 0) last[static_cast<std::size_t>(operand.array)] = i;
  array_names_.resize(arrays_.size());
  std::map<Index, std::vector<std::string>> free;  // by size
  int count = 0;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    for (const Operand& operand : calls_[i].operands) {
      if (operand.array < 0) continue;
      std::string& name = array_names_[static_cast<std::size_t>(operand.array)];
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
      free[arrays_[static_cast<std::size_t>(array)]].push_back(array_names_[static_cast<std::size_t>(array)]);
  }
}

std::string CStep::text_of(const Operand& operand) const {
  if (operand.array < 0) return operand.text;
  const std::string& array = array_names_[static_cast<std::size_t>(operand.array)];
  const std::string name = operand.array == logits_.array ? array : "m->" + array;
  return operand.offset == 0 ? name : str(name, " + ", operand.offset);
}

std::string CStep::weight_members() const {
  std::string text;
  for (const auto& [name, tensor] : weights_)
    text += str("  float ", name, "[", tensor.size(), "]; /* ", tensor.shape(), " */\n");
  return text;
}

std::string CStep::state_members() const {
  std::string text;
  for (const std::string& state : states_) text += str("  float ", state, "[", extents_.at(state), "];\n");
  for (const std::string& count : counts_) text += str("  int ", count, ";\n");
  return text;
}

std::string CStep::memory_members() const {
  std::string text;
  for (const auto& [name, extent] : extents_)
    if (std::find(states_.begin(), states_.end(), name) == states_.end())
      text += str("  float ", name, "[", extent, "];\n");
  std::set<std::string> declared{"logits"};
  for (std::size_t i = 0; i < arrays_.size(); ++i)
    if (declared.insert(array_names_[i]).second) text += str("  float ", array_names_[i], "[", arrays_[i], "];\n");
  return text;
}

std::string CStep::reset() const {
  std::string text;
  for (const std::string& state : states_) text += str("  memset(m->", state, ", 0, sizeof m->", state, ");\n");
  for (const std::string& count : counts_) text += str("  m->", count, " = 0;\n");
  return text;
}

std::string CStep::body() const {
  std::string text;
  for (const Call& one : calls_) {
    text += (one.waits ? "  if (!" : "  ") + one.function + "(";
    for (std::size_t i = 0; i < one.operands.size(); ++i) text += (i ? ", " : "") + text_of(one.operands[i]);
    text += one.waits ? ")) return 1;\n" : ");\n";
  }
  return text;
}

}  // namespace seqtape
