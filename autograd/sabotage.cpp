#include "autograd/sabotage.h"

#include <cmath>
#include <cstdlib>
#include <optional>

#include "autograd/tape.h"
#include "core/config.h"
#include "core/strings.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

using Pass = Sabotage::Pass;
using Fault = Sabotage::Fault;

constexpr const char* kPasses[] = {"forward", "backward", "both"};
constexpr const char* kFaults[] = {"zeros",      "first_input", "last_lane",  "last_row", "chunk_border",
                                   "other_sign", "no_state",    "no_lengths", "no_starts"};

template <class Word, std::size_t n>
Word word_of(const char* const (&words)[n], const std::string& word, const std::string& text) {
  for (std::size_t i = 0; i < n; ++i)
    if (word == words[i]) return static_cast<Word>(i);
  std::vector<std::string> known(words, words + n);
  throw ConfigError(str("SEQTAPE_SABOTAGE=", text, ": \"", word, "\" is none of ", join(known, ", ")));
}

struct Active {
  std::optional<Sabotage> sabotage;
  bool struck = false;
};

Active& active() {
  static Active now = [] {
    const char* const text = std::getenv("SEQTAPE_SABOTAGE");
    return Active{text && *text ? std::optional(Sabotage::parse(text)) : std::nullopt, false};
  }();
  return now;
}

/// The sabotage of this op in this pass, or null.
const Sabotage* sabotage_of(const AnyOp& op, Pass pass) {
  const auto& now = active().sabotage;
  return now && now->op == op.name() && (now->pass == pass || now->pass == Pass::both) ? &*now : nullptr;
}

std::string name_of(const char* operand) {
  const std::string name = operand;
  return name.ends_with('?') ? name.substr(0, name.size() - 1) : name;
}

bool has_border(const Shape& shape, Index chunk) { return chunk > 0 && shape.rank() >= 3 && shape[1] > chunk; }

void write(Real& x, Real value) {
  if (!(std::fabs(value - x) <= 1e-3 * std::fabs(x))) active().struck = true;
  x = value;
}

/// Never the right number, whatever that is.
void make_wrong(Real* x, Index count, Index distance = 1) {
  for (Index i = 0; i < count; ++i)
    write(x[i * distance], x[i * distance] + std::fabs(x[i * distance]) / 2 + Real{0.25});
}

void spoil(const Tensor& x, Fault fault, const Tensor& first, Index chunk) {
  const Shape& shape = x.shape();
  Real* const data = x.data();
  const Index width = shape.rank() ? shape.back() : 1, rows = width ? shape.size() / width : 0;
  if (rows == 0) return;
  switch (fault) {
    case Fault::zeros:
      for (Index i = 0; i < shape.size(); ++i) write(data[i], 0);
      break;
    case Fault::other_sign:
      for (Index i = 0; i < shape.size(); ++i) write(data[i], -data[i]);
      break;
    case Fault::first_input:
      if (first.defined() && first.size() == x.size())
        for (Index i = 0; i < shape.size(); ++i) write(data[i], first.data()[i]);
      break;
    case Fault::last_lane:
      make_wrong(data + width - 1, rows, width);
      break;
    case Fault::last_row:
      make_wrong(data + (rows - 1) * width, width);
      break;
    case Fault::chunk_border:
      if (has_border(shape, chunk)) {
        const Index sequence = shape.size() / shape[0], step = sequence / shape[1];
        for (Index b = 0; b < shape[0]; ++b) make_wrong(data + b * sequence + chunk * step, step);
      }
      break;
    case Fault::no_state:
    case Fault::no_lengths:
    case Fault::no_starts:
      break;
  }
}

Operands without_states(const OpSchema& schema, Operands values) {
  for (std::size_t i = 0; i < values.in.size(); ++i)
    if (schema.states.contains(i) && values.in[i].defined()) {
      values.in[i] = values.in[i].shape_only();
      active().struck = true;
    }
  return values;
}

}  // namespace

std::string Sabotage::text() const {
  std::string where = str(op, ".", kPasses[static_cast<int>(pass)]);
  if (!operand.empty()) where += "." + operand;
  return str(where, ":", kFaults[static_cast<int>(fault)]);
}

Sabotage Sabotage::parse(const std::string& text) {
  const std::size_t colon = text.find(':'), dot = text.find('.'), second = text.find('.', dot + 1);
  if (colon == std::string::npos || dot > colon)
    throw ConfigError(str("SEQTAPE_SABOTAGE=", text, ": must be OP.PASS:FAULT or OP.PASS.OPERAND:FAULT"));
  const std::size_t pass_end = std::min(second, colon);
  return {text.substr(0, dot), word_of<Pass>(kPasses, text.substr(dot + 1, pass_end - dot - 1), text),
          second < colon ? text.substr(second + 1, colon - second - 1) : "",
          word_of<Fault>(kFaults, text.substr(colon + 1), text)};
}

std::vector<Sabotage> sabotages_of(const AnyOp& op, const Operands& call) {
  const OpSchema& schema = op.schema();
  std::vector<Sabotage> all;
  const auto add = [&](Pass pass, const std::string& operand, Fault fault) {
    all.push_back({op.name(), pass, operand, fault});
  };
  const auto tensors = [&](Pass pass, const char* const* names, const std::vector<Tensor>& operands) {
    const Shape& first = (pass == Pass::forward ? call.in : call.out)[0].shape();
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (!operands[i].defined() || operands[i].size() == 0) continue;
      std::vector<Fault> faults{Fault::zeros, Fault::last_lane, Fault::last_row};
      if (first.size() == operands[i].size()) faults.push_back(Fault::first_input);
      if (has_border(operands[i].shape(), schema.chunk)) faults.push_back(Fault::chunk_border);
      if (pass == Pass::backward) faults.push_back(Fault::other_sign);
      for (const Fault fault : faults) add(pass, name_of(names[i]), fault);
    }
  };
  tensors(Pass::forward, schema.outputs, call.out);
  tensors(Pass::backward, schema.inputs, call.in);
  // Wrong in the same way in both passes, an op still is a function with its gradient: only what its numbers must be
  // tells.
  add(Pass::both, "", Fault::zeros);
  for (const Pass pass : {Pass::forward, Pass::backward, Pass::both}) {
    for (std::size_t i = 0; i < call.in.size(); ++i)
      if (schema.states.contains(i) && call.in[i].defined() && call.in[i].size() > 0 &&
          (pass != Pass::backward || schema.keeps.contains(i))) {
        add(pass, "", Fault::no_state);
        break;
      }
    if (op.has_lengths()) add(pass, "", Fault::no_lengths);
    if (op.has_starts()) add(pass, "", Fault::no_starts);
  }
  return all;
}

void set_sabotage(const Sabotage* sabotage) { active() = {sabotage ? std::optional(*sabotage) : std::nullopt, false}; }
bool sabotage_struck() { return active().struck; }

std::vector<Tensor> AnyOp::outputs(const Inputs& in) const {
  std::vector<Tensor> all = op_->outputs(in);
  if (const Sabotage* const wrong = op_->is_view() ? sabotage_of(*this, Pass::forward) : nullptr) {
    all[0] = all[0].clone();
    spoil(all[0], wrong->fault, in[0], schema().chunk);
  }
  return all;
}

void AnyOp::forward(const Operands& values) const {
  const Sabotage* const wrong = op_->is_view() ? nullptr : sabotage_of(*this, Pass::forward);
  if (!wrong) return op_->forward(values);
  if (const auto other = op_->without(wrong->fault == Fault::no_lengths, wrong->fault == Fault::no_starts)) {
    active().struck = true;
    return other->forward(values);
  }
  op_->forward(wrong->fault == Fault::no_state ? without_states(schema(), values) : values);
  for (std::size_t i = 0; i < values.out.size(); ++i)
    if (wrong->operand.empty() || wrong->operand == name_of(schema().outputs[i]))
      spoil(values.out[i], wrong->fault, values.in[0], schema().chunk);
}

void AnyOp::backward(const Operands& values, const OutputGrads& dy, Gradients& into) const {
  const Sabotage* const wrong = sabotage_of(*this, Pass::backward);
  if (!wrong) return op_->backward(values, dy, into);
  if (const auto other = op_->without(wrong->fault == Fault::no_lengths, wrong->fault == Fault::no_starts)) {
    active().struck = true;
    return other->backward(values, dy, into);
  }
  std::vector<std::shared_ptr<GradSlot>> slots;  // gradients of this op alone
  for (std::size_t i = 0; i < values.in.size(); ++i)
    slots.push_back(into.wanted(i) ? std::make_shared<GradSlot>(GradSlot{values.in[i].shape(), {}}) : nullptr);
  Gradients own(slots);
  op_->backward(wrong->fault == Fault::no_state ? without_states(schema(), values) : values, dy, own);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (!slots[i] || !slots[i]->grad.defined()) continue;
    const Tensor gradient = slots[i]->grad.clone();
    if (wrong->operand.empty() || wrong->operand == name_of(schema().inputs[i]))
      spoil(gradient, wrong->fault, dy[0], schema().chunk);
    into.add(i, gradient);
  }
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
