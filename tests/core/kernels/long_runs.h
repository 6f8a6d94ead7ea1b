#pragma once
// Recurrences over very long sequences, in chunks that hand their state on: the same inputs in both precisions.

#include <cstdint>
#include <string>
#include <vector>

namespace seqtape::testing_bridge {

/// One sequence of one of the kernels of matrix states.
struct LongRun {
  std::string kernel;              ///< "delta", "outer", "mlstm"
  std::string decay;               ///< of the state: "none", "head", "channel"; of mlstm: ""
  double least_gate, most_gate;    ///< log decays, or forget gates
  double least_write, most_write;  ///< beta, or input gates
  std::string text() const;
};

/// The outputs of the last of `chunks` chunks of `length` steps.
std::vector<double> last_outputs_in_float(const LongRun&, long long chunks, long long length);
std::vector<double> last_outputs_in_double(const LongRun&, long long chunks, long long length);
/// Outputs, final state and gradients of one chunk.
std::vector<double> all_in_float(const LongRun&, long long length);

}  // namespace seqtape::testing_bridge
