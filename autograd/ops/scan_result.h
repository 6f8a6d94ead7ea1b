#pragma once
// The result of ops that run over time, from an initial state to a final one.

#include "autograd/tape.h"

namespace seqtape::inline SEQTAPE_PRECISION {
/// An output over time and the state after its last step.
struct ScanResult {
  explicit ScanResult(const std::vector<Variable>& outputs) : y(outputs[0]), state(outputs[1]) {}
  Variable y, state;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
