#pragma once
// A tensor on the tape: a value, and the slot in which its gradient accumulates.

#include <memory>

#include "core/tensor.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// Where the gradient of one variable accumulates; undefined until something is added.
struct GradSlot {
  Shape shape;
  Tensor grad;
};

/// A value and, if it requires a gradient, its slot. Copies share both. The tape holds only slots, so a value that no
/// backward needs is freed with its last handle.
class Variable {
 public:
  Variable() = default;
  /// A constant, or with `requires_grad` a leaf.
  explicit Variable(Tensor value, bool requires_grad = false) : value_(std::move(value)) {
    if (requires_grad) slot_ = std::make_shared<GradSlot>(GradSlot{value_.shape(), {}});
  }
  Variable(Tensor value, std::shared_ptr<GradSlot> slot) : value_(std::move(value)), slot_(std::move(slot)) {}

  bool defined() const { return value_.defined(); }
  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  Index dim(int i) const { return value_.dim(i); }
  Index size() const { return value_.size(); }
  Real* data() const { return value_.data(); }

  bool requires_grad() const { return slot_ != nullptr; }
  const std::shared_ptr<GradSlot>& slot() const { return slot_; }
  /// The accumulated gradient; undefined when there is none.
  const Tensor& grad() const;
  void clear_grad() const {
    if (slot_) slot_->grad = {};
  }
  /// The same value as a constant: gradients stop here.
  Variable detach() const { return Variable(value_); }

 private:
  Tensor value_;
  std::shared_ptr<GradSlot> slot_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
