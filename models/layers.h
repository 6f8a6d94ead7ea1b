#pragma once
// Layers that the sequence model and the mixers share.

#include <optional>

#include "autograd/ops/ops.h"
#include "models/module.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// y = x weight^T + bias
class Linear : public Module {
 public:
  /// PyTorch's default initialisation, unless `weight_init` is given.
  Linear(Index in, Index out, bool bias, Initializer weight_init = {});
  Variable operator()(const Variable& x) const { return linear(x, weight, bias); }
  Weight weight, bias;
};

/// RMSNorm or LayerNorm over the channels; `kind`: "rms_norm" or "layer_norm".
class Norm : public Module {
 public:
  Norm(const std::string& kind, Index channels, double eps);
  Variable operator()(const Variable& x) const;

 private:
  double eps_;
  Weight weight_, bias_;
};

/// x / sqrt(|x|^2 + eps) over the last axis.
Variable unit_norm(const Variable& x, double eps);

}  // namespace seqtape::inline SEQTAPE_PRECISION
