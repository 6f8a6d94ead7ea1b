#pragma once
// Losses and metrics of a model on batches.

#include <functional>
#include <optional>

#include "apps/trainer/run_config.h"

namespace seqtape {

/// The batch as input of a model.
ModelInput model_input(const Batch&);
/// Throws DataError for data with a sequence so short that the model makes no step of it.
void require_whole_steps(const Task&, const SequenceModel&);

/// The mean loss of a batch, on the tape.
Variable batch_loss(const Variable& logits, const Batch&, const TaskShape&);

/// Sums over batches, and the metrics that they give.
class Score {
 public:
  /// Counts a chunk as read.
  void read(const Batch& chunk) { steps_ += chunk.steps(); }
  /// Adds a batch, or a chunk of one, by its logits.
  void add(const Variable& logits, const Batch&, const TaskShape&);
  /// {"loss", "accuracy", "sequence_accuracy", "bits_per_byte"}, the accuracy of several labels over all of them, or,
  /// of a regression, {"loss", "mse", "mae"}. If an output was not finite, all are "nan": the arg max of NaNs is the
  /// first class by accident.
  Json metrics(const TaskShape&) const;
  /// {"n": number of scored targets, "sequences": number of sequences that they are from}
  Json counts() const { return {{"n", scored_}, {"sequences", sequences_}}; }
  double loss() const { return scored_ ? loss_ / static_cast<double>(scored_) : 0; }
  Index steps_read() const { return steps_; }

 private:
  double loss_ = 0, square_ = 0, absolute_ = 0;
  Index scored_ = 0, correct_ = 0, sequences_ = 0, whole_ = 0, steps_ = 0;
  std::vector<bool> all_correct_;  // of the sequences whose last chunk is yet to come
};

/// Steps of a chunk in an evaluation of batches of `batch` sequences.
Index evaluation_chunk(const SequenceModel&, const TaskShape&, Index batch);

/// One pass over a split, chunk by chunk through carried state: memory does not grow with the length. nullopt when
/// `stop` returned true between two chunks.
std::optional<Score> evaluate(
    SequenceModel&, const Task&, Split, Index batch, const std::function<bool()>& stop = [] { return false; });

/// The same, added to `score`; `see` gets the outputs of every scored chunk. False when `stop` returned true.
bool evaluate(SequenceModel&, const Task&, Split, Index batch, Score& score, const std::function<bool()>& stop,
              const std::function<void(const Variable& logits, const Batch&)>& see);

}  // namespace seqtape
