#pragma once
// A trainable tensor, as its layer declares it.

#include <functional>
#include <limits>
#include <string>

#include "autograd/variable.h"
#include "core/random.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// Fills a tensor with initial values.
using Initializer = std::function<void(const Tensor&, Random&)>;

/// How the optimizer treats a parameter. Tensors of rank < 2 (biases, norms, skips) never decay. Its peak rate is
/// min(lr * lr_scale, max_lr).
struct ParameterRule {
  bool weight_decay = true;
  double lr_scale = 1;
  double max_lr = std::numeric_limits<double>::infinity();
};

/// Declared first (path, shape, rule), allocated later (models/module.h), so that a model that cannot fit is refused
/// before it takes memory.
struct Parameter {
  std::string path;  ///< "blocks.2.mixer.a_log"
  Shape shape;
  Initializer init;
  ParameterRule rule;
  Variable variable;
  bool frozen = false;  ///< takes no gradient; to be set before it is allocated
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
