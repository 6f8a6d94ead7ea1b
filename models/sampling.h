#pragma once
// Choosing the next token.

#include <set>

#include "core/random.h"
#include "core/tensor.h"

namespace seqtape::inline SEQTAPE_PRECISION {

struct Sampling {
  double temperature = 1;         ///< 0: the most likely token
  Index top_k = 0;                ///< only among the k most likely; 0: all
  double top_p = 1;               ///< only among the most likely whose shares together reach p (nucleus sampling)
  double repetition_penalty = 1;  ///< logits of tokens seen before are divided by it, negative ones multiplied
};

/// Applies the penalty (Keskar et al. 2019, arXiv 1909.05858, section 4.1) for the tokens seen, each once.
void penalize(Real* logits, const std::set<std::int32_t>& seen, double penalty);

/// A token drawn from softmax(logits / temperature); logits: `classes` values.
std::int32_t sample(const Real* logits, Index classes, const Sampling&, Random&);

}  // namespace seqtape::inline SEQTAPE_PRECISION
