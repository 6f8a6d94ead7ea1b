#include "models/layers.h"

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

}  // namespace seqtape::inline SEQTAPE_PRECISION
