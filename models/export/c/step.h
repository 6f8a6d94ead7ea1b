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

/// A number for C: "0.1f", "2.0f".
std::string c_number(double value);
/// The C functions that these need, in an order in which C can read them.
std::string c_functions(const std::set<std::string>& names);

/// The calls of a step, from a traced pass of one step of one sequence. `other`: a pass with another past, which tells
/// what grows with it. Throws ConfigError for an op that is not supported.
class CStep {
 public:
  /// What a call is given: an array that lives within the step, from an element of it on, or an expression.
  struct Operand {
    int array = -1;
    Index offset = 0;
    std::string text{};
  };

  CStep(const SequenceModel& model, const TracedPass& pass, const TracedPass& other);

  /// Weights, in the order of `weights`, and states.
  std::string declarations() const;
  /// The declarations of its arrays, then `first`, then its calls.
  std::string body(const std::string& first) const;
  const std::vector<std::pair<std::string, Tensor>>& weights() const { return weights_; }
  const std::vector<std::string>& states() const { return states_; }  ///< their names, all zero at the start
  const std::set<std::string>& functions() const { return functions_; }
  /// Something in it grows with every step, so that it ends after CONTEXT of them.
  bool grows() const { return grows_; }
  /// Steps that learned positions have; 0: any number.
  Index most_steps() const { return most_steps_; }

  // For the lowerings (ops.cpp): the operands of the op that is being written.
  Operand in(std::size_t i);
  bool has(std::size_t i) const { return node_->values.in[i].defined(); }
  const Shape& shape(std::size_t input) const { return node_->values.in[input].shape(); }
  const Shape& out_shape() const { return node_->values.out[0].shape(); }
  /// A new array for output i of the op.
  Operand out(std::size_t i);
  /// Output i is what this says.
  void bind(std::size_t i, Operand value) { values_[key_of(node_->values.out[i])] = std::move(value); }
  /// The state that the op reads as input i and leaves as output o, changed in place.
  Operand state(std::size_t i, std::size_t o);
  void call(const std::string& function, std::vector<Operand> operands);
  /// A function of the library that a call is given, not called by name.
  void needs(const std::string& function) { functions_.insert(function); }
  Operand working_memory(Index size);
  bool is_state_that_grows(std::size_t i) const { return growing_.contains(key_of(node_->values.in[i])); }
  void ends_after(Index steps) { most_steps_ = steps; }
  const TracedPass& pass() const { return pass_; }

 private:
  struct Call {
    std::string function;
    std::vector<Operand> operands;
  };
  void write(const Trace::Node&);
  void pool(const std::string& pooling);
  Operand constant(const Tensor&);
  std::string fresh_name(const std::string& wish);
  std::string text_of(const Operand&, const std::vector<std::string>& arrays) const;
  std::vector<std::string> assign_arrays() const;

  const TracedPass& pass_;
  const Trace::Node* node_ = nullptr;
  std::map<ValueKey, Operand> values_;
  std::map<ValueKey, int> readers_;
  std::map<ValueKey, std::string> names_;             // of constants
  std::set<std::string> taken_, functions_, listed_;  // listed_: names of weights_
  std::vector<std::pair<std::string, Tensor>> weights_;
  std::vector<std::string> states_, state_declarations_;
  std::set<ValueKey> growing_;
  std::vector<Index> arrays_;  // their sizes
  std::vector<Call> calls_;
  Operand logits_;
  bool grows_ = false;
  Index most_steps_ = 0;
};

using CLowerings = Lowerings<CStep>;
/// Every op's calls, or why there are none.
const CLowerings& c_lowerings();

}  // namespace seqtape
