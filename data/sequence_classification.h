#pragma once
// Tasks that classify sequences held in memory.

#include <functional>

#include "data/epochs.h"
#include "data/readers/files.h"
#include "data/task.h"

namespace seqtape {

/// Classification of sequences of different lengths that are all in memory. The split depends only on their number, not
/// on the seed, so that runs of different seeds are of the same task. Training reads every training sequence once an
/// epoch, in a new order, whatever the batch size. Batches group sequences of similar lengths, from 16 batches' worth
/// at a time, to save padding; a batch that spans two epochs has sequences of any length.
class SequenceClassification : public Task {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override;
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override {
    SequenceShape shape = reads();
    shape.outputs = classes_;
    return {shape, Objective::label, length_};
  }
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  bool has(Split split) const override { return !part(split).empty(); }
  Index training_sequences() const override { return static_cast<Index>(train_.size()); }
  std::vector<Index> training_counts() const override;
  std::string fingerprint() const override;
  Json learned() const override;
  void use(const Json& learned) override;
  /// All but how they are read.
  NewInputs new_inputs() override;
  std::vector<std::string> notes() const override;

 protected:
  /// For `fields`: what `path` must be.
  virtual const char* path_doc() const = 0;
  /// The input: vocabulary or features.
  virtual SequenceShape reads() const = 0;
  /// Reads all sequences and adds them with `add`. Throws DataError.
  virtual void load() = 0;
  /// The split of each sequence, if the data determine it, after `load`; empty: drawn from their number.
  virtual std::vector<Split> parts() const { return {}; }
  /// Called after `load`, when the split is known.
  virtual void loaded() {}
  /// Writes steps [begin, begin + count) of sequence i to row b of `out`, whose arrays are allocated.
  virtual void copy(Index i, Index begin, Index count, Batch& out, Index b) const = 0;

  /// How many of a sequence's steps are kept: up to `length`. Throws DataError for a longer one if `longer` is
  /// "refuse".
  Index kept(std::size_t steps, const std::string& where) const;
  /// Adds a sequence of so many steps with its class; false when it has none and is left out.
  bool add(Index steps, const std::string& label);
  /// Adds a source of sequences (a text, a recording, a record), before anything is cut, to the fingerprint.
  void count_source(const std::string& label, std::string_view bytes);
  /// How many of `count` sequences are for validation and for test.
  std::pair<Index, Index> held_back(Index count) const {
    return {share_of(count, validation_fraction_), share_of(count, test_fraction_)};
  }
  /// Calls with every file in the folders of `path`, whose names are the classes.
  void each_file(const std::function<void(const std::filesystem::path& file, const std::string& label)>&);
  const std::string& path() const { return path_; }
  Index longest() const { return length_; }
  const std::vector<Index>& part(Split) const;

 private:
  friend class ClassificationEvaluation;
  /// Sorts and numbers the classes. Throws DataError for one that the model was not trained on, ConfigError when their
  /// number is not `classes`.
  void name_classes();
  /// Assigns the sequences to the splits.
  void split();
  /// Steps [begin, begin + steps) of the sequences, padded.
  void fill(const std::vector<Index>& which, Index begin, Index steps, Batch& out) const;
  /// The training sequences in the order of an epoch, for batches of `rows`.
  std::vector<std::int32_t> epoch(Index number, Index rows) const;
  Index size_of(Index i) const { return sizes_[static_cast<std::size_t>(i)]; }
  std::int32_t class_of(Index i) const { return classes_of_[static_cast<std::size_t>(i)]; }

  std::string path_, longer_ = "cut", class_weights_ = "none";
  Index length_ = 4096, classes_ = 2;
  double validation_fraction_ = 0.1, test_fraction_ = 0.1;
  std::uint64_t seed_ = 0;
  std::vector<Index> sizes_;
  std::vector<std::string> labels_, names_, learned_names_;  // labels of the sequences; names of the classes
  std::vector<std::int32_t> classes_of_;
  std::vector<float> weights_;  // loss weights of the classes, or empty
  std::uint32_t crc_ = 0;
  Index sources_ = 0, empty_ = 0;
  LeftOut left_out_;
  std::vector<Index> train_, validation_, test_;
  mutable Epochs epochs_;
};

/// Sequences of tokens, stored in a byte each.
class TokenClassification : public SequenceClassification {
 protected:
  void load() final {
    sequences_.clear();
    load_tokens();
  }
  virtual void load_tokens() = 0;
  /// Adds a sequence that is a source of its own, cut to `length`; `where` names it in messages.
  void add(std::string tokens, const std::string& label, const std::string& where);
  /// Adds a sequence of at most `length` steps whose source is already counted.
  void add(std::string tokens, const std::string& label);

 private:
  void copy(Index i, Index begin, Index count, Batch& out, Index b) const final;
  std::vector<std::string> sequences_;
};

/// Sequences of real values, one a step.
class ValueClassification : public SequenceClassification {
 protected:
  SequenceShape reads() const final { return {.features = 1}; }
  void load() final {
    sequences_.clear();
    load_values();
  }
  virtual void load_values() = 0;
  /// Adds a sequence, cut to `length`; `where` names it in messages, `source` are the bytes for the fingerprint.
  void add(std::vector<float> values, const std::string& label, const std::string& where, std::string_view source);
  std::vector<std::vector<float>>& sequences() { return sequences_; }

 private:
  void copy(Index i, Index begin, Index count, Batch& out, Index b) const final;
  std::vector<std::vector<float>> sequences_;
};

}  // namespace seqtape
