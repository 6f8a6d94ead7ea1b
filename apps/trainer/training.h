#pragma once
// What a run computes: config, task, model and optimizer, and one step of training. No files, no loop.

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
  /// Opens the task's data and declares the model, without memory for it. Throws ConfigError or DataError for what
  /// does not go together, and for a model that could not fit this machine.
  explicit Training(RunConfig config);

  /// Gives weights and average their memory and first values; `warm`: those of `train.init_from`, where it is set.
  /// Returns a report of that, or "".
  std::string allocate(bool warm = true);

  struct Step {
    double loss = 0, gradient_norm = 0;
    bool usable = true;  ///< both are finite; else nothing was updated
    Index tokens = 0;    ///< read
    std::vector<PartStatistics> parts{};
  };
  /// Step `number` (from 0): batch, gradients, update. `statistics`: of each part.
  Step step(Index number, bool statistics = false) { return step(number, batches_->at(number), statistics); }
  /// The same with a batch from elsewhere, which must outlive `explain`.
  Step step(Index number, const Batch& batch, bool statistics);
  /// Where the NaN or infinity of this step, the last one made, comes from: a parameter, or an op by a second pass.
  std::string explain(Index number);

  Optimizer& optimizer() { return *config.optimizer; }
  /// All that is after a step beside the weights: moments, average, carried state.
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
  std::unique_ptr<Prefetch> batches_;  // last: its thread reads the task
};

}  // namespace seqtape
