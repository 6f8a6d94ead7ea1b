// The table of optimizers: one line each.
#include "autograd/optim/optimizer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

using Made = std::unique_ptr<Optimizer>;

const Registry<Optimizer>& optimizers() {
  // A row declares the function of its file in autograd/optim/, so that the file needs no header.
  // clang-format off
  static const Registry<Optimizer> registry{{
      {"adamw", "Adam with decoupled weight decay", [] { extern Made make_adamw(); return make_adamw(); }},
      {"adam", "Adam; decay is added to the gradient", [] { extern Made make_adam(); return make_adam(); }},
      {"sgd", "gradient descent with momentum", [] { extern Made make_sgd(); return make_sgd(); }},
  }};
  // clang-format on
  return registry;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
