#include "models/layers.h"

#include <cmath>

namespace seqtape::inline SEQTAPE_PRECISION {

Linear::Linear(Index in, Index out, bool with_bias, Initializer weight_init)
    : weight(parameter("weight", {out, in}, weight_init ? std::move(weight_init) : init::torch_default(in))) {
  if (with_bias) bias = parameter("bias", {out}, init::torch_default(in));
}

Norm::Norm(const std::string& kind, Index channels, double eps)
    : eps_(eps), weight_(parameter("weight", {channels}, init::ones())) {
  if (kind == "layer_norm") bias_ = parameter("bias", {channels}, init::zeros());
}

Variable Norm::operator()(const Variable& x) const {
  return bias_.defined() ? layer_norm(x, weight_, bias_, eps_) : rms_norm(x, weight_, eps_);
}

Variable unit_norm(const Variable& x, double eps) {
  const auto n = static_cast<double>(x.dim(-1));
  return rms_norm(x, Variable(Tensor::full(Shape{x.dim(-1)}, static_cast<Real>(1 / std::sqrt(n)))), eps / n);
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
