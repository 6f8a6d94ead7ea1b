#pragma once
// Measurements of inference: speed and state.

#include "models/sequence_model.h"

namespace seqtape {

struct Streaming {
  double state_bytes = 0;       ///< of one sequence, after `length` steps
  double steps_per_second = 0;  ///< one sequence, a step at a time
};

/// Runs one sequence of random input: `length` steps at once, then a step at a time for about `seconds`. Requires a
/// model that streams and whose weights are allocated.
Streaming measure_streaming(SequenceModel&, Index length, double seconds);

/// Median seconds of a forward pass without gradients over [batch, length], for about `seconds`.
double measure_forward(SequenceModel&, Index batch, Index length, double seconds);

}  // namespace seqtape
