#pragma once
// Optimizers with PyTorch's update rules.

#include <memory>
#include <string>
#include <vector>

#include "autograd/parameter.h"
#include "core/config.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// A tensor with a name, as it stands in a checkpoint.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Settings and state of an optimizer over a fixed list of parameters.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual void fields(Fields&) = 0;

  /// Takes the parameters on and zeroes the state. The parameters must outlive the optimizer's use.
  void attach(std::vector<Parameter*> parameters);
  /// Norm of all gradients together, before clipping: sqrt of the sum of squares, in double.
  double gradient_norm() const;
  /// One update at learning rate `lr` (before the parameters' own scales), with the gradients scaled by
  /// min(1, clip_norm/(norm + 1e-6)) where clip_norm > 0. Gradients are left as they are.
  void step(double lr, double gradient_norm);
  void clear_gradients() const;

  /// Moments by name ("exp_avg.blocks.0.norm.weight"), sharing memory with the state; and the number of updates.
  virtual std::vector<NamedTensor> state() const = 0;
  Index updates() const { return updates_; }
  void set_updates(Index updates) { updates_ = updates; }

  double lr = 1e-3;
  double weight_decay = 0;
  double clip_norm = 1;

 protected:
  void common_fields(Fields&);
  virtual void allocate() = 0;
  virtual void update(std::size_t index, const Parameter&, double lr, double decay, double scale) = 0;
  /// One tensor of zeros for each parameter.
  std::vector<Tensor> zeros() const;
  std::vector<NamedTensor> named(const std::string& prefix, const std::vector<Tensor>& tensors) const;

  std::vector<Parameter*> parameters_;
  Index updates_ = 0;
};

/// adam, adamw, sgd.
const Registry<Optimizer>& optimizers();

}  // namespace seqtape::inline SEQTAPE_PRECISION
