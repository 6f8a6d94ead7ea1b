#pragma once
// How much memory a run will take, before it takes it.

#include <algorithm>

#include "apps/trainer/training.h"

namespace seqtape {

/// Throws ConfigError, before anything is allocated, for a run whose weights or activations exceed the machine's memory
/// by a lower bound: weights, gradients and two moments, and six rows of the width for each token and layer.
void refuse_what_cannot_fit(const RunConfig&, const TaskShape&, const SequenceModel&);

/// Bytes.
struct MemoryEstimate {
  double start;       ///< resident now: program, data, weights, moments
  double step;        ///< what a training step takes on top
  double evaluation;  ///< what an evaluation takes on top of the start; the pool is emptied between the two
  double total() const { return start + std::max(step, evaluation); }
};

/// Runs a forward and backward pass, and an evaluation's, of some 2000 and 4000 made-up tokens, watches the pool, and
/// goes on in a line to the real number of tokens. The weights must have their memory; no trace is left.
MemoryEstimate estimate_memory(Training&);

/// Throws ConfigError when the estimate exceeds what is free, naming both and what to lower.
void refuse_what_is_not_free(const MemoryEstimate&);

}  // namespace seqtape
