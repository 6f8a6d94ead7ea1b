#pragma once
// A trace: what a forward pass computed, op by op, with the values. Other forms of a model (ONNX) are written from it.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// Numbers that an op's result depends on beside its inputs: {"eps", 1e-5}.
using OpNumbers = std::initializer_list<std::pair<const char*, double>>;

/// While it lives, every op on this thread is noted in it, with or without a tape.
class Trace {
 public:
  struct Node {
    std::string op;
    std::vector<Variable> inputs, outputs;  ///< inputs may be undefined
    std::map<std::string, double> numbers;
    IndexTensor ids;  ///< of an embedding
    /// Fills the outputs anew from what the inputs hold by then; empty where they share the inputs' memory.
    std::function<void()> compute;
  };

  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  static Trace* current();
  /// Notes no further op.
  void end();
  const std::vector<Node>& nodes() const { return nodes_; }

  void add(const char* op, std::initializer_list<Variable> inputs, const std::vector<Variable>& outputs,
           OpNumbers numbers);
  /// Of the op that is noted next.
  void ids_of_next(const IndexTensor& ids) { ids_ = ids; }
  void compute_of_next(std::function<void()> compute) { compute_ = std::move(compute); }

 private:
  std::vector<Node> nodes_;
  IndexTensor ids_;
  std::function<void()> compute_;
  Trace* outer_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
