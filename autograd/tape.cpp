#include "autograd/tape.h"

#include <cmath>

#include "core/error.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

thread_local Tape* current_tape = nullptr;

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

Real* Gradients::or_spare(std::size_t input, const Shape& shape) {
  if (wanted(input)) return (*this)[input];
  return spares_.emplace_back(Tensor::zeros(shape)).data();
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
    run_guarded(node.op, node.values, [&] {
      node.op.backward(node.values, output_grads, into);
      for (const auto& slot : node.inputs)
        if (slot) slot->grad.check_sentinels();
    });
    if (check_numbers_)
      for (const auto& slot : node.inputs)
        if (slot && slot->grad.defined()) require_finite({slot->grad}, node.op.name(), "a gradient");
  }
}

void require_finite(const std::vector<Tensor>& tensors, const char* op, const char* what) {
  for (const Tensor& tensor : tensors)
    for (Index i = 0; i < tensor.size(); ++i)
      if (!std::isfinite(tensor.data()[i]))
        throw NumericalError(str(op, ": ", what, " of shape ", tensor.shape(), " holds ", tensor.data()[i]));
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
