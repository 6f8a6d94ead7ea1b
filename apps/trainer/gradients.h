#pragma once
// Forward and backward of training batches.

#include "apps/trainer/evaluate.h"
#include "autograd/optim/optimizer.h"
#include "core/io/safetensors.h"

namespace seqtape {

/// Adds the gradients of a batch's mean loss to the parameters, a micro-batch at a time, and carries the state of
/// sequences that continue from batch to batch (truncated back-propagation through time).
class BatchGradients {
 public:
  /// `micro_batch`: sequences computed at a time; 0: all.
  BatchGradients(SequenceModel& model, const TaskShape& shape, Index micro_batch)
      : model_(&model), shape_(shape), micro_batch_(micro_batch) {}

  /// Returns the batch's mean loss. `key`: of the dropout masks. With `check_numbers`, throws NumericalError, with the
  /// op, for the first NaN or infinity.
  double add(const Batch&, std::uint64_t key, bool check_numbers = false);
  /// Undoes the last `add` for the carried state.
  void undo() { states_ = before_; }

  /// The carried state for a checkpoint, as "state.MICRO_BATCH.LAYER.TENSOR".
  std::vector<NamedTensor> state() const;
  void restore(const SafetensorsFile&);

 private:
  SequenceModel* model_;
  TaskShape shape_;
  Index micro_batch_;
  std::vector<ModelState> states_, before_;  // one for each micro-batch
};

}  // namespace seqtape
