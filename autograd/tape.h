#pragma once
// The tape: the recorded ops, in execution order. Backward is one loop over it in reverse.

#include <string>
#include <vector>

#include "autograd/op.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// The gradients of an op's inputs, as its backward fills them. Everything ADDS.
class Gradients {
 public:
  explicit Gradients(const std::vector<std::shared_ptr<GradSlot>>& slots) : slots_(slots) {}

  bool wanted(std::size_t input) const { return slots_[input] != nullptr; }
  /// Nothing has been added to it yet.
  bool fresh(std::size_t input) const { return !slots_[input]->grad.defined(); }
  /// The gradient of input i to add to (zeros at first), or null when it is not wanted.
  Real* operator[](std::size_t input);
  /// Adds a tensor of the input's size; the first one is shared instead of copied.
  void add(std::size_t input, const Tensor& gradient);
  /// For kernels that can overwrite (a product): the memory, and whether to add (1) or overwrite (0).
  struct Target {
    Real* data;
    Real beta;
  };
  Target target(std::size_t input);
  /// For kernels that fill every gradient: spare zeros where input i, of this shape, wants none. No model has that.
  Real* or_spare(std::size_t input, const Shape& shape);

 private:
  const std::vector<std::shared_ptr<GradSlot>>& slots_;
  std::vector<Tensor> spares_;
};

/// While it lives, ops on variables that require gradients are recorded on it; of nested tapes of a thread, on the
/// innermost.
class Tape {
 public:
  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// The active tape of this thread, or null.
  static Tape* current();

  /// Adds the gradient of `loss` with respect to every leaf to the leaf's slot. Consumes the tape. Throws ShapeError
  /// when `loss` has more than one element.
  void backward(const Variable& loss);
  /// The same for several outputs, each with the gradient of the loss with respect to it.
  void backward(const std::vector<std::pair<Variable, Tensor>>& outputs);

  /// Every op's outputs and gradients are checked; the first NaN or infinity throws NumericalError with the op's name.
  void check_numbers(bool on) { check_numbers_ = on; }
  bool checks_numbers() const { return check_numbers_; }

  struct Node {
    AnyOp op;
    Operands values;  ///< those that the op keeps; of the others only the shapes
    std::vector<std::shared_ptr<GradSlot>> inputs, outputs;
  };
  void push(Node node) { nodes_.push_back(std::move(node)); }
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  std::vector<Node> nodes_;
  Tape* outer_;
  bool check_numbers_ = false;
};

/// Throws NumericalError "op: what of shape [..] holds nan" for the first NaN or infinity.
void require_finite(const std::vector<Tensor>& tensors, const char* op, const char* what);

}  // namespace seqtape::inline SEQTAPE_PRECISION
