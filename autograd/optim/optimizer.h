#pragma once
// Optimizers with PyTorch's update rules.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autograd/parameter.h"
#include "core/config.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// A tensor and its name in a checkpoint.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// A parameter group of the config: {"match": "*.log_dt", "lr": 1e-4, "weight_decay": 0}. What it does not set stays as
/// the optimizer, the layer and the groups before it set it.
struct ParameterGroup {
  std::string match;  ///< pattern of paths, with * and ?
  std::optional<double> lr, weight_decay;
  std::optional<bool> frozen;  ///< false unfreezes what a group before it froze
  void fields(Fields&);
};

/// Settings and state of an optimizer over a fixed list of parameters.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual void fields(Fields&) = 0;

  /// How one parameter is updated: its layer's rule under the settings, then the groups in order.
  struct ParameterSettings {
    double lr;  ///< peak rate
    double weight_decay;
    bool frozen;
  };
  ParameterSettings settings_of(const Parameter&) const;

  /// Sets the parameters to update, marks the frozen ones, which then take no gradient, and zeroes the state. They must
  /// outlive the optimizer. Throws ConfigError for a group that matches none of them, or when all are frozen.
  void attach(std::vector<Parameter*> parameters);
  /// Norm of all gradients together, before clipping: sqrt of the sum of squares, in double.
  double gradient_norm() const;
  /// One update at `factor` of the peak rates, with the gradients scaled by min(1, clip_norm/(norm + 1e-6)) where
  /// clip_norm > 0. The gradients themselves are not changed.
  void step(double factor, double gradient_norm);
  void clear_gradients() const;

  /// Moments by name ("exp_avg.blocks.0.norm.weight"), sharing memory with the state; and the number of updates.
  virtual std::vector<NamedTensor> state() const = 0;
  Index updates() const { return updates_; }
  void set_updates(Index updates) { updates_ = updates; }

  double lr = 1e-3;
  double weight_decay = 0;
  double clip_norm = 1;
  std::vector<ParameterGroup> groups;

 protected:
  void common_fields(Fields&);
  /// Zeroed state for `parameters_`.
  virtual void allocate() = 0;
  /// One parameter; `scale` multiplies its gradient.
  virtual void update(std::size_t index, const Parameter&, double lr, double decay, double scale) = 0;
  /// One tensor of zeros for each parameter; none where it is frozen.
  std::vector<Tensor> zeros() const;
  std::vector<NamedTensor> named(const std::string& prefix, const std::vector<Tensor>& tensors) const;

  std::vector<Parameter*> parameters_;
  std::vector<ParameterSettings> settings_;  // of each
  Index updates_ = 0;
};

/// The table of optimizers (registry.cpp): one line each.
const Registry<Optimizer>& optimizers();

}  // namespace seqtape::inline SEQTAPE_PRECISION
