#pragma once
// Choosing the next token.

#include <set>

#include "core/random.h"
#include "core/tensor.h"

namespace seqtape::inline SEQTAPE_PRECISION {

struct Sampling {
  double temperature = 1;         ///< 0: the most likely token
  Index top_k = 0;                ///< only the k most likely; 0: all
  double top_p = 1;               ///< only the most likely whose probabilities together reach p (nucleus sampling)
  double repetition_penalty = 1;  ///< positive logits of earlier tokens are divided by it, negative ones multiplied
};

/// Applies the repetition penalty (Keskar et al. 2019, arXiv 1909.05858, section 4.1) once to each token in `seen`.
void penalize(Real* logits, const std::set<std::int32_t>& seen, double penalty);

/// A token drawn from softmax(logits / temperature), within top_k and top_p; logits: [classes].
std::int32_t sample(const Real* logits, Index classes, const Sampling&, Random&);

}  // namespace seqtape::inline SEQTAPE_PRECISION
