#pragma once
// The computation of a run: config, task, model and optimizer, and one training step. No files, no loop.

#include "apps/trainer/gradients.h"
#include "autograd/optim/average.h"
#include "data/prefetch.h"

namespace seqtape {

/// Gradient norm and update size of a part of the model ("embedding", "blocks.0", "head") in one step.
struct PartStatistics {
  std::string part;
  double gradient_norm, update_ratio;  ///< |gradient|; |change of the weights| / |weights|
};

class Training {
 public:
  /// Reads the task's data and declares the model, without memory for it. Throws ConfigError or DataError for settings
  /// that contradict each other or the data, and for a model that does not fit this machine.
  explicit Training(RunConfig config);

  /// Allocates and initialises the weights and their average; `warm`: from `train.init_from`, if it is set. Returns a
  /// report of that, or "".
  std::string allocate(bool warm = true);

  struct Step {
    double loss = 0, gradient_norm = 0;
    bool usable = true;  ///< loss and gradient are finite; else nothing was updated
    Index tokens = 0;    ///< in the batch, without padding
    std::vector<PartStatistics> parts{};
  };
  /// Step `number` (from 0): batch, gradients, update. `statistics`: fills `parts`.
  Step step(Index number, bool statistics = false) { return step(number, batches_->at(number), statistics); }
  /// The same with another batch, which must outlive a call of `explain`.
  Step step(Index number, const Batch& batch, bool statistics);
  /// The origin of the NaN or infinity in the last step, `number`: a parameter, or, from a second pass, an op.
  std::string explain(Index number);

  Optimizer& optimizer() { return *config.optimizer; }
  /// The state after a step beside the weights: moments, average, carried state.
  std::vector<NamedTensor> state() const;
  void restore(const SafetensorsFile&);

  RunConfig config;
  TaskShape shape;
  std::unique_ptr<SequenceModel> model;
  WeightAverage average;

 private:
  std::uint64_t dropout_key(Index number) const;

  const Batch* batch_ = nullptr;  // of the last step
  std::unique_ptr<BatchGradients> gradients_;
  std::unique_ptr<Prefetch> batches_;  // declared last: its thread reads the task
};

}  // namespace seqtape
