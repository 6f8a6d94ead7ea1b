#pragma once
// One step of a model as C: a list of calls on arrays.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/export/lowering.h"
#include "models/export/traced_pass.h"

namespace seqtape {

/// A float literal of C: "0.1f", "2.0f".
std::string c_number(double value);
/// The text of these C functions and of those that they call, each before its first use.
std::string c_functions(const std::set<std::string>& names);

/// The number of steps that a model's caches of keys hold, in C.
inline constexpr const char* kCContext = "MODEL_CONTEXT";

/// The calls of a step, from a traced pass of one step of one sequence. `other`: a pass with another past, which shows
/// what grows with it. Throws ConfigError for an op that is not supported.
class CStep {
 public:
  /// An argument of a call: a temporary array, from element `offset` on, or an expression.
  struct Operand {
    int array = -1;
    Index offset = 0;
    std::string text{};
  };

  CStep(const SequenceModel& model, const TracedPass& pass, const TracedPass& other);

  // Members of the structs of a model and of its weights, a line each.
  std::string weight_members() const;  ///< in the order of `weights`
  std::string state_members() const;
  std::string memory_members() const;  ///< of a step alone
  /// Statements that set every state to zero, as it is at the start.
  std::string reset() const;
  /// The calls, with the model `m` and its weights `w`.
  std::string body() const;
  const std::vector<std::pair<std::string, Tensor>>& weights() const { return weights_; }
  const std::set<std::string>& functions() const { return functions_; }
  /// Some state grows with every step, so that the program ends after CONTEXT steps.
  bool grows() const { return grows_; }
  /// The number of learned positions; 0: any number of steps.
  Index most_steps() const { return most_steps_; }

  // For the lowerings (ops.cpp): the operands of the op that is being written.
  Operand in(std::size_t i);
  bool has(std::size_t i) const { return node_->values.in[i].defined(); }
  const Shape& shape(std::size_t input) const { return node_->values.in[input].shape(); }
  const Shape& out_shape() const { return node_->values.out[0].shape(); }
  /// A new array for output i of the op.
  Operand out(std::size_t i);
  /// Makes `value` output i of the op.
  void bind(std::size_t i, Operand value) { values_[key_of(node_->values.out[i])] = std::move(value); }
  /// The state that the op reads as input i and leaves as output o, changed in place.
  Operand state(std::size_t i, std::size_t o);
  void call(const std::string& function, std::vector<Operand> operands);
  /// Puts `step` behind the steps of a new frame, which becomes output `o`. What follows runs once the frame is whole.
  void wait_for_frame(std::size_t o, const Operand& step, Index size, Index stride, Index width);
  /// A weight that is no parameter.
  Operand table(const std::string& name, const std::vector<double>& values);
  /// Requires a C function that is passed to a call as an argument.
  void needs(const std::string& function) { functions_.insert(function); }
  Operand working_memory(Index size);
  /// Working memory of `extent` numbers, an expression of C, under a name of its own.
  Operand working_memory(const std::string& name, const std::string& extent);
  bool is_state_that_grows(std::size_t i) const { return growing_.contains(key_of(node_->values.in[i])); }
  void ends_after(Index steps) { most_steps_ = steps; }
  const TracedPass& pass() const { return pass_; }

 private:
  struct Call {
    std::string function;
    std::vector<Operand> operands;
    bool waits = false;  // the step ends where it gives 0
  };
  void write(const Trace::Node&);
  void pool(const std::string& pooling);
  Operand constant(const Tensor&);
  std::string fresh_name(const std::string& wish);
  std::string text_of(const Operand&) const;
  void name_arrays();

  const TracedPass& pass_;
  const Trace::Node* node_ = nullptr;
  std::map<ValueKey, Operand> values_;
  std::map<ValueKey, int> readers_;
  std::map<ValueKey, std::string> names_;             // names of constants
  std::set<std::string> taken_, functions_, listed_;  // listed_: names of weights_
  std::vector<std::pair<std::string, Tensor>> weights_;
  std::vector<std::string> states_;             // members of the model
  std::vector<std::string> counts_;             // the same, integers
  std::map<std::string, std::string> extents_;  // of states, and of memory that has a name
  std::set<ValueKey> growing_;
  std::vector<Index> arrays_;  // their sizes
  std::vector<std::string> array_names_;
  std::vector<Call> calls_;
  Operand logits_;
  bool grows_ = false;
  Index most_steps_ = 0;
};

using CLowerings = Lowerings<CStep>;
/// Every op's calls, or why there are none.
const CLowerings& c_lowerings();

}  // namespace seqtape
