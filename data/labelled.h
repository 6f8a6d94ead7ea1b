#pragma once
#include "data/task.h"

namespace seqtape {

/// Classification of sequences of different lengths, a byte each, that are all in memory. Which ones train, validate
/// and test is fixed by their number alone, so that runs of different seeds are of the same task. Training reads all of
/// them in a new order each epoch; batches gather sequences of like lengths (from 16 batches' worth at a time), so that
/// little is padding.
class Labelled : public Task {
 public:
  void fields(Fields&) override;
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override {
    return {.vocabulary = vocabulary(), .outputs = classes_, .pooled = true, .length = length_};
  }
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Pass> pass(Split, const PassOptions&) const override;
  std::string fingerprint() const override;

 protected:
  virtual Index vocabulary() const = 0;
  /// Adds all sequences by `add`. Throws DataError.
  virtual void load() = 0;
  /// A sequence, cut to `length`, and its class by name. Empty ones are left out.
  void add(std::string sequence, const std::string& label);

 private:
  friend class LabelledPass;
  const std::vector<Index>& part(Split) const;
  /// Steps [begin, begin + steps) of the sequences, padded.
  void fill(const std::vector<Index>& which, Index begin, Index steps, Batch& out) const;
  Index size_of(Index i) const { return static_cast<Index>(sequences_[static_cast<std::size_t>(i)].size()); }

  Index length_ = 4096, classes_ = 2;
  double validation_fraction_ = 0.1, test_fraction_ = 0.1;
  std::uint64_t seed_ = 0;
  std::vector<std::string> sequences_, names_;  // names of the classes, sorted
  std::vector<std::string> labels_;             // of each sequence
  std::vector<std::int32_t> classes_of_;
  std::vector<Index> train_, validation_, test_;
  mutable std::pair<Index, Index> cached_{-1, -1};  // epoch and batch of the order
  mutable std::vector<std::vector<Index>> batches_;
};

std::unique_ptr<Task> make_documents();

}  // namespace seqtape
