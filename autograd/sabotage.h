#pragma once
// Ops that are wrong on purpose, to see which tests notice. Only in builds with SEQTAPE_SABOTAGE (the test `sabotage`
// and the preset of that name): there `SEQTAPE_SABOTAGE=selective_scan.backward.delta:last_lane` in the environment
// breaks one op of any program. The ordinary program knows nothing of it.

#include <string>
#include <vector>

#include "autograd/op.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// Where and how an op is wrong: OP.PASS.OPERAND:FAULT, as `text` prints it.
struct Sabotage {
  enum class Pass { forward, backward, both };
  enum class Fault {
    zeros,         ///< the operand is zeros
    first_input,   ///< it is the op's first input; of a backward: the gradient of the first output
    last_lane,     ///< the last column is wrong
    last_row,      ///< the last row is wrong
    chunk_border,  ///< the first step after a chunk is wrong
    other_sign,    ///< a gradient has the other sign
    no_state,      ///< the initial state counts as zeros
    no_lengths,    ///< every sequence counts as whole
    no_starts      ///< no row holds a second sequence
  };
  std::string op;  ///< AnyOp::name()
  Pass pass;
  std::string operand;  ///< an output in a forward, an input in a backward, as the schema has it; "": the whole op
  Fault fault;

  std::string text() const;
  /// Throws ConfigError with the words that it knows.
  static Sabotage parse(const std::string& text);
};

/// What can be done to an op in a call: its operands' shapes, states and lengths decide.
std::vector<Sabotage> sabotages_of(const AnyOp& op, const Operands& call);

/// From now on, on every thread; null: everything is right again.
void set_sabotage(const Sabotage*);
/// A number has changed by it since it was set.
bool sabotage_struck();

}  // namespace seqtape::inline SEQTAPE_PRECISION
