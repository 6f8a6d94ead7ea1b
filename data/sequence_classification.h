#pragma once
// Tasks that classify sequences held in memory.

#include <functional>

#include "data/augmentation.h"
#include "data/epochs.h"
#include "data/group_pattern.h"
#include "data/readers/files.h"
#include "data/splits.h"
#include "data/targets.h"

namespace seqtape {

/// Classification of sequences of different lengths that are all in memory, or other answers to them (data/targets.h).
/// The split depends only on their number, or on their classes and groups, not on the seed, so that runs of different
/// seeds are of the same task; data of their own for validation and test are wholly that split. Training reads every
/// training sequence once an epoch, in a new order, whatever the batch size. Batches group sequences of similar
/// lengths, from 16 batches' worth at a time, to save padding; a batch that spans two epochs has sequences of any
/// length.
class SequenceClassification : public Task {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override { paths_.resolve(base); }
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override {
    SequenceShape shape = reads();
    shape.outputs = targets_.outputs();
    return {shape, targets_.objective(), length_};
  }
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  bool has(Split split) const override { return !part(split).empty(); }
  std::string place(Split, Index sequence) const override;
  std::pair<Index, std::string> shortest() const override;
  Index training_sequences() const override { return static_cast<Index>(train().size()); }
  std::vector<Index> training_counts() const override {
    return evaluates() ? learned_counts_ : targets_.counts(train());
  }
  std::string fingerprint() const override;
  Json learned() const override;
  void use(const Json& learned) override;
  void evaluate_on(const std::filesystem::path& data) override;
  /// All but how they are read.
  NewInputs new_inputs() override;
  Signature signature() const override;
  std::vector<std::string> contents() const override;
  std::vector<std::string> notes() const override;

 protected:
  /// For `fields`: what `path` must be.
  virtual const char* path_doc() const = 0;
  /// The input: vocabulary or features.
  virtual SequenceShape reads() const = 0;
  /// Called before the data are loaded: drops those of an earlier `prepare`.
  virtual void forget() {}
  /// Reads all sequences of `path()` and adds them with `add`; called for each of the task's data. Throws DataError.
  virtual void load() = 0;
  /// The split of each sequence, if the data determine it, after the last `load`; empty: drawn from their number, or
  /// from their classes and groups.
  virtual std::vector<Split> parts() { return {}; }
  /// Called after the last `load`, when the split is known.
  virtual void loaded() {}
  /// Writes steps [begin, begin + count) of sequence i to row b of `out`, whose arrays are allocated.
  virtual void copy(Index i, Index begin, Index count, Batch& out, Index b) const = 0;
  /// Augments sequence i in row b of a training batch; the random numbers are of this sequence and epoch alone.
  virtual void vary(Random, Index /*i*/, Batch&, Index /*b*/) const {}

  /// How many of a sequence's steps are kept: up to `length`. Throws DataError for a longer one if `longer` is
  /// "refuse".
  Index kept(std::size_t steps, const std::string& where);
  /// Adds a sequence of so many steps with its answer and what is kept of it; false when it has none and is left out.
  /// `where`: its file, or line, or "".
  bool add(Index steps, const Target& target, std::string_view content, const std::string& where = "");
  /// Adds a source of sequences (a text, a recording, a record), before anything is cut, to the fingerprint.
  void count_source(const Target&, std::string_view bytes);
  /// The share of `path` that validates, or tests: none of it when the split has data of its own.
  double fraction(Split) const;
  /// How many of `count` sequences are for validation and for test.
  std::pair<Index, Index> held_back(Index count) const {
    return {share_of(count, fraction(Split::validation)), share_of(count, fraction(Split::test))};
  }
  /// Calls with every file in the folders of `path()`, whose names are the classes; `task.group` names its group.
  void each_file(const std::function<void(const std::filesystem::path& file, const std::string& label)>&);
  /// For `fields` of a task with answers of other kinds than a class: the keys `target` and `target_names`.
  void target_field(Fields& f, const std::vector<std::string>& kinds = target_kinds()) {
    targets_.kind_field(f, kinds);
  }
  TargetKind target() const { return targets_.kind(); }
  /// For `fields` of a task with files: the key `group`.
  void group_field(Fields&);
  /// The group of what is added from now on; "": none, each is one of its own.
  void in_group(const std::string& name) { group_ = groups_.emplace(name, groups_.size()).first->second; }
  /// Its number.
  std::size_t group() const { return group_; }
  bool grouped_by_file() const { return !group_pattern_.empty(); }
  bool stratified() const { return split_ == "stratified"; }
  /// The data that are loaded: where they are, and what messages begin with.
  const std::string& path() const { return source_.paths; }
  std::string key() const { return std::string(source_.key) + ": "; }
  /// The config's data that are divided.
  const std::string& divided() const { return paths_.divided(); }
  /// The split that all of them are.
  std::optional<Split> own_split() const { return source_.split; }
  bool evaluates() const { return paths_.evaluates(); }
  Index longest() const { return length_; }
  const std::vector<Index>& part(Split split) const { return of(split_into_, split); }
  /// What a person would look for to find sequence i of all, or "".
  const std::string& place(Index i) const { return known_[static_cast<std::size_t>(i)].place; }

 private:
  friend class ClassificationEvaluation;
  /// Throws DataError for data of a split that share no class with those to train on.
  void refuse_other_classes() const;
  /// Assigns the sequences to the splits.
  void split();
  /// Those that are divided, by class or group.
  void divide_groups(const std::vector<Index>& divided);
  /// Throws DataError for a group in data that are divided and in others, or in two of those.
  void refuse_parted_groups() const;
  bool has_groups() const { return groups_.size() > 1; }
  /// Steps [begin, begin + steps) of the sequences, padded.
  void fill(const std::vector<Index>& which, Index begin, Index steps, Batch& out) const;
  /// The training sequences in the order of an epoch, for batches of `rows`.
  std::vector<std::int32_t> epoch(Index number, Index rows) const;
  Index size_of(Index i) const { return known_[static_cast<std::size_t>(i)].size; }
  const std::vector<Index>& train() const { return part(Split::train); }

  DataPaths<std::string> paths_;
  DataSource<std::string> source_;  // what is loaded
  std::string longer_ = "cut", split_ = "random", group_pattern_;
  Index length_ = 4096;
  double validation_fraction_ = 0.1, test_fraction_ = 0.1;
  std::uint64_t seed_ = 0;
  /// What is known of a sequence.
  struct Sequence {
    Index size;
    std::optional<Split> split;  // of its data
    std::size_t group;
    std::size_t content;  // a hash
    std::string place;    // for people
  };
  /// `where` without the folder that all are in.
  std::string place_of(const std::string& where) const;
  /// The sequences of a split as an evaluation reads them: the longest first.
  std::vector<Index> evaluated(Split) const;
  std::vector<Sequence> known_;
  Targets targets_;
  std::vector<Index> learned_counts_;
  std::map<std::string, std::size_t> groups_{{"", 0}};
  std::size_t group_ = 0;  // of what is added; 0: none
  std::uint32_t crc_ = 0;
  Index sources_ = 0, empty_ = 0;
  Index cut_ = 0, longest_ = 0;  // how many were cut, and the longest of them
  LeftOut left_out_;
  BySplit<std::vector<Index>> split_into_;
  mutable Epochs epochs_;
};

/// Sequences of tokens, stored in a byte each.
class TokenClassification : public SequenceClassification {
 protected:
  void forget() override { sequences_.clear(); }
  /// Adds a sequence that is a source of its own, cut to `length`; `where` names it in messages.
  void add(std::string tokens, const Target&, const std::string& where);
  /// Adds a sequence of at most `length` steps whose source is already counted.
  void add(std::string tokens, const Target&);

 private:
  void copy(Index i, Index begin, Index count, Batch& out, Index b) const final;
  void add_kept(std::string tokens, const Target&, const std::string& where);
  std::vector<std::string> sequences_;
};

/// Sequences of real values, `reads().features` a step.
class ValueClassification : public SequenceClassification {
 protected:
  SequenceShape reads() const override { return {.features = 1}; }
  void forget() override { sequences_.clear(); }
  /// Adds a sequence [steps, features], cut to `length`; `where` names it in messages, `source` are the bytes for the
  /// fingerprint.
  void add(std::vector<float> values, const Target&, const std::string& where, std::string_view source);
  std::vector<std::vector<float>>& sequences() { return sequences_; }
  /// For `fields`: the key `augment`; with `masks`, of bands of the mel scale too.
  void augment_field(Fields&, bool masks = false);
  const Augmentation& augmentation() const { return augmentation_; }

 private:
  void copy(Index i, Index begin, Index count, Batch& out, Index b) const final;
  void vary(Random, Index i, Batch& out, Index b) const final;
  std::vector<std::vector<float>> sequences_;  // `length` steps of each; all of them where training crops
  Augmentation augmentation_;
};

}  // namespace seqtape
