#pragma once
// Estimates of the memory that a run will take.

#include <algorithm>

#include "apps/trainer/training.h"

namespace seqtape {

/// Throws ConfigError, before anything is allocated, for a run whose lower bound exceeds the machine's memory: weights,
/// gradients and two moments, and six rows of width d_model for each token and layer.
void refuse_what_cannot_fit(const RunConfig&, const TaskShape&, const SequenceModel&);

/// Bytes.
struct MemoryEstimate {
  double start;       ///< resident now: program, data, weights, moments
  double step;        ///< what a training step takes on top
  double evaluation;  ///< what an evaluation takes on top of the start; the pool is emptied between the two
  double total() const { return start + std::max(step, evaluation); }
};

/// Runs a forward and backward pass, and an evaluation's, on about 2000 and 4000 blank tokens, measures the pool, and
/// extrapolates linearly to the real number of tokens. Requires allocated weights, and leaves them unchanged.
MemoryEstimate estimate_memory(Training&);

/// Throws ConfigError, with both numbers and the keys to lower, when the estimate exceeds the available memory.
void refuse_what_is_not_free(const MemoryEstimate&);

}  // namespace seqtape
