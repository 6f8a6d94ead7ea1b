#pragma once
// Losses and scores of a model on batches.

#include <functional>
#include <optional>

#include "apps/trainer/run_config.h"

namespace seqtape {

/// The batch as the model takes it.
ModelInput model_input(const Batch&);

/// The mean loss of a batch, on the tape.
Variable batch_loss(const Variable& logits, const Batch&, const TaskShape&);

/// Sums over batches, and what they amount to.
class Score {
 public:
  /// Counts a chunk as read.
  void read(const Batch& chunk) { steps_ += chunk.steps(); }
  /// Adds a batch, or a chunk of one, by its logits.
  void add(const Variable& logits, const Batch&, const TaskShape&);
  /// {"loss", "accuracy", "sequence_accuracy", "bits_per_byte"} or {"loss", "mse", "mae"}, as the task goes. Where an
  /// output was not a finite number all are "nan": the largest of NaNs is the first class by accident.
  Json metrics(const TaskShape&) const;
  /// {"n": answers scored, "sequences": that they are from}
  Json counts() const { return {{"n", scored_}, {"sequences", sequences_}}; }
  double loss() const { return scored_ ? loss_ / static_cast<double>(scored_) : 0; }
  Index steps_read() const { return steps_; }

 private:
  double loss_ = 0, absolute_ = 0;
  Index scored_ = 0, correct_ = 0, sequences_ = 0, whole_ = 0, steps_ = 0;
  std::vector<bool> all_correct_;  // of the sequences that are open
};

/// Steps of a sequence at a time in an evaluation of `batch` sequences side by side.
Index evaluation_chunk(const SequenceModel&, const TaskShape&, Index batch);

/// A whole pass over a split, chunk by chunk through carried state: memory does not grow with length. nullopt when
/// `stop` said so between two chunks.
std::optional<Score> evaluate(
    SequenceModel&, const Task&, Split, Index batch, const std::function<bool()>& stop = [] { return false; });

}  // namespace seqtape
