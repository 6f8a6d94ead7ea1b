#pragma once
// Choosing the next token.

#include "core/random.h"
#include "core/tensor.h"

namespace seqtape::inline SEQTAPE_PRECISION {

struct Sampling {
  double temperature = 1;  ///< 0: the most likely token
  Index top_k = 0;         ///< only among the k most likely; 0: all
};

/// A token drawn from softmax(logits / temperature); logits: `classes` values.
std::int32_t sample(const Real* logits, Index classes, const Sampling&, Random&);

}  // namespace seqtape::inline SEQTAPE_PRECISION
