#include "autograd/tape.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

thread_local Tape* current_tape = nullptr;

void require_numbers(const Tensor& tensor, const char* op, const char* what) {
  for (Index i = 0; i < tensor.size(); ++i)
    if (!std::isfinite(tensor.data()[i]))
      throw NumericalError(str(op, ": ", what, " of shape ", tensor.shape(), " holds ", tensor.data()[i]));
}

}  // namespace

const Tensor& Variable::grad() const {
  static const Tensor none;
  return slot_ ? slot_->grad : none;
}

Real* Gradients::operator[](std::size_t input) {
  GradSlot* const slot = slots_[input].get();
  if (!slot) return nullptr;
  if (!slot->grad.defined())
    slot->grad = Tensor::zeros(slot->shape);
  else if (!slot->grad.unique())
    slot->grad = slot->grad.clone();
  return slot->grad.data();
}

Gradients::Target Gradients::target(std::size_t input) {
  GradSlot* const slot = slots_[input].get();
  if (slot && !slot->grad.defined()) {
    slot->grad = Tensor(slot->shape);
    return {slot->grad.data(), 0};
  }
  return {(*this)[input], 1};
}

void Gradients::add(std::size_t input, const Tensor& gradient) {
  GradSlot* const slot = slots_[input].get();
  if (!slot) return;
  if (!slot->grad.defined())
    slot->grad = gradient.reshape(slot->shape);
  else
    kernels::pointwise->accumulate(gradient.size(), 1, gradient.data(), (*this)[input]);
}

Tape::Tape() : outer_(current_tape) { current_tape = this; }
Tape::~Tape() { current_tape = outer_; }
Tape* Tape::current() { return current_tape; }

void Tape::backward(const Variable& loss) {
  if (loss.size() != 1) throw ShapeError(str("backward: the loss must have one element, got ", loss.shape()));
  backward({{loss, Tensor::full(loss.shape(), 1)}});
}

void Tape::backward(const std::vector<std::pair<Variable, Tensor>>& outputs) {
  for (const auto& [variable, cotangent] : outputs) {
    const std::vector<std::shared_ptr<GradSlot>> slots{variable.slot()};
    Gradients(slots).add(0, cotangent);
  }
  std::vector<Tensor> output_grads;
  while (!nodes_.empty()) {
    const Node node = std::move(nodes_.back());
    nodes_.pop_back();
    output_grads.clear();
    bool reached = false;
    for (const auto& slot : node.outputs) {
      output_grads.push_back(std::move(slot->grad));  // moved out: freed when this op is done
      reached = reached || output_grads.back().defined();
    }
    if (!reached) continue;
    Gradients into(node.inputs);
    node.backward(output_grads, into);
    if (check_numbers_)
      for (const auto& slot : node.inputs)
        if (slot && slot->grad.defined()) require_numbers(slot->grad, node.op, "a gradient");
  }
}

std::vector<std::string> Tape::op_names() const {
  std::vector<std::string> names;
  for (const Node& node : nodes_) names.emplace_back(node.op);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<Variable> record(const char* op, std::initializer_list<Variable> inputs, std::vector<Tensor> outputs,
                             Tape::Backward backward, OpNumbers numbers) {
  Tape* const tape = current_tape;
  if (tape && tape->checks_numbers())
    for (const Tensor& output : outputs) require_numbers(output, op, "the output");
  const bool wanted = tape && std::any_of(inputs.begin(), inputs.end(), [](auto& x) { return x.requires_grad(); });
  std::vector<Variable> variables;
  for (Tensor& output : outputs) variables.emplace_back(std::move(output), wanted);
  if (Trace* const trace = Trace::current()) trace->add(op, inputs, variables, numbers);
  if (!wanted) return variables;
  Tape::Node node{op, {}, {}, std::move(backward)};
  for (const Variable& input : inputs) node.inputs.push_back(input.slot());
  for (const Variable& output : variables) node.outputs.push_back(output.slot());
  tape->push(std::move(node));
  return variables;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
