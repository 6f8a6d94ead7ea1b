#pragma once
// Synthetic tasks: sequences drawn on the fly, each from a random stream of its own.

#include "core/random.h"
#include "data/task.h"

namespace seqtape {

/// A task whose sequences are numbered: number i of a split is a pure function of (seed, split, i).
class SyntheticTask : public Task {
 public:
  void prepare(std::uint64_t seed) override { seed_ = seed; }
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;

 protected:
  /// Visits "eval_sequences", the number of sequences for validation and for test.
  void common_fields(Fields&);
  /// Sequences have different lengths and are padded.
  virtual bool varies() const { return false; }
  /// Steps of one sequence in a batch of `length` steps: fewer, where sequences vary. What it draws from `random` comes
  /// before the sequence.
  virtual Index sequence_length(Split, Random&, Index length) const { return length; }
  /// Writes steps [begin, begin + out.length) of the sequence of `length` drawn from `random` into row b of `out`,
  /// whose arrays are allocated and whose targets are kIgnore.
  virtual void draw(const Random& random, Index length, Index b, Index begin, Batch& out) const = 0;

  std::uint64_t seed_ = 0;
  Index eval_sequences_ = 256;

 private:
  friend class SyntheticEvaluation;
  void fill(Split split, Index first_sequence, Index count, Index length, Index begin, Index steps, Batch& out) const;
};

}  // namespace seqtape
