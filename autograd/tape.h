#pragma once
// The tape: what was computed, in order. Backward is one loop over it in reverse.

#include <functional>
#include <string>
#include <vector>

#include "autograd/trace.h"

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
  /// Adds a whole tensor: the first one is shared instead of copied.
  void add(std::size_t input, const Tensor& gradient);
  /// For kernels that can overwrite (a product): the memory, and whether to add (1) or overwrite (0).
  struct Target {
    Real* data;
    Real beta;
  };
  Target target(std::size_t input);

 private:
  const std::vector<std::shared_ptr<GradSlot>>& slots_;
};

/// While it lives, ops on variables that require gradients are recorded on it; the innermost tape of the thread
/// records.
class Tape {
 public:
  /// Called with the gradients of the op's outputs (undefined where none arrived; at least one did).
  using Backward = std::function<void(const std::vector<Tensor>& output_grads, Gradients& into)>;

  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  static Tape* current();

  /// Gradients of `loss` (one element) with respect to every leaf are added to the leaves' slots. Consumes the tape.
  void backward(const Variable& loss);
  /// The same for several outputs with given cotangents.
  void backward(const std::vector<std::pair<Variable, Tensor>>& outputs);

  /// Every op's outputs and gradients are checked; the first NaN or infinity throws NumericalError with the op's name.
  void check_numbers(bool on) { check_numbers_ = on; }
  bool checks_numbers() const { return check_numbers_; }

  std::size_t size() const { return nodes_.size(); }
  /// Names of the ops recorded, each once.
  std::vector<std::string> op_names() const;

  struct Node {
    const char* op;
    std::vector<std::shared_ptr<GradSlot>> inputs, outputs;
    Backward backward;
  };
  void push(Node node) { nodes_.push_back(std::move(node)); }

 private:
  std::vector<Node> nodes_;
  Tape* outer_;
  bool check_numbers_ = false;
};

/// Runs what fills an op's outputs. A trace keeps it, to run it again on other values in the same memory.
template <class Compute>
void compute(Compute fill) {
  fill();
  if (Trace* const trace = Trace::current()) trace->compute_of_next(std::move(fill));
}

/// Puts an op's outputs on the current tape, if there is one and an input requires a gradient; what the closure
/// captures is what is kept for the backward. Returns the outputs as variables. `numbers`: what the outputs depend on
/// beside the inputs, for a trace.
std::vector<Variable> record(const char* op, std::initializer_list<Variable> inputs, std::vector<Tensor> outputs,
                             Tape::Backward backward, OpNumbers numbers = {});

/// The same for one output.
template <class Backward>
Variable record(const char* op, std::initializer_list<Variable> inputs, Tensor output, Backward backward,
                OpNumbers numbers = {}) {
  return record(
      op, inputs, std::vector<Tensor>{std::move(output)},
      [backward = std::move(backward)](const std::vector<Tensor>& dy, Gradients& into) { backward(dy[0], into); },
      numbers)[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
