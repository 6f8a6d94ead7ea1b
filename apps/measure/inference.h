#pragma once
// What of a model can be measured without training it.

#include "models/sequence_model.h"

namespace seqtape {

struct Streaming {
  double state_bytes = 0;       ///< of one sequence, after `length` steps
  double steps_per_second = 0;  ///< one sequence, a step at a time
};

/// Runs one sequence of made-up input: `length` steps at once, then a step at a time for about `seconds`. The model's
/// weights must have their memory. Must be able to stream.
Streaming measure_streaming(SequenceModel&, Index length, double seconds);

/// Median seconds of a forward pass without gradients over [batch, length], for about `seconds`.
double measure_forward(SequenceModel&, Index batch, Index length, double seconds);

}  // namespace seqtape
