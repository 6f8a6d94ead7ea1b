#pragma once
// The answers of sequences in memory.

#include <map>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/signature.h"
#include "data/batch.h"
#include "data/new_inputs.h"
#include "data/readers/target.h"
#include "data/scale.h"

namespace seqtape {

/// What is answered about each sequence of a task, by its kind (task.target): the names of classes and labels in the
/// order of the outputs; numbers are answered in deviations of the training part from its mean.
class Targets {
 public:
  /// For `fields` of the task: `classes` and `class_weights`.
  void fields(Fields&);
  /// The key `target`, of a task whose data have other answers than a class, and the key `target_names`.
  void kind_field(Fields&, const std::vector<std::string>& kinds);
  TargetKind kind() const { return target_kind(kind_); }
  bool one_class() const { return kind() == TargetKind::one_class; }
  Objective objective() const;
  Index outputs() const { return outputs_; }

  void forget();
  /// Adds the answer to the next sequence, of whose steps so many are kept. Throws DataError for one that does not fit
  /// those before.
  void add(const Target&, Index steps, const std::string& where);
  /// After the last: sorts and numbers the names. Throws DataError, whose message begins with `where`, for one that the
  /// model was not trained on, ConfigError when there are other than `classes`.
  void number(const std::string& where);
  /// When the splits are known: measures the numbers of those to train on, unless a run has, and weighs their classes.
  void learn(const std::vector<Index>& train);

  /// The answers to steps [begin, begin + out.length) of the sequences.
  void fill(const std::vector<Index>& which, Index begin, Batch& out) const;
  /// The weights of what was filled.
  void weigh(Batch& out) const;

  /// How often each class or label is an answer to these sequences; empty: they are numbers.
  std::vector<Index> counts(const std::vector<Index>& sequences) const;
  const std::vector<std::string>& names() const { return names_; }
  /// The class of sequence i, of a task with one a sequence.
  const std::string& name_of(Index i) const {
    return names_[static_cast<std::size_t>(all_[static_cast<std::size_t>(i)].classes[0])];
  }
  /// What the training part holds, unless it is one class a sequence, in lines for the user.
  std::vector<std::string> contents(const std::vector<Index>& train) const;
  std::vector<std::string> notes(const std::vector<Index>& train) const;

  Json learned() const;
  void use(const Json& learned);
  /// A run has learned them.
  bool known() const { return !learned_names_.empty(); }
  void describe(NewInputs&) const;
  void describe(Signature&) const;

 private:
  struct One {
    std::vector<std::int32_t> classes{};  // one, those that apply, or one a step
    std::vector<double> numbers{};
  };
  const One& of(Index i) const { return all_[static_cast<std::size_t>(i)]; }
  /// The weight of a label that applies or does not, or of a class.
  float weight(std::size_t output, bool present) const { return weights_[2 * output + (present ? 1 : 0)]; }

  std::string kind_ = "class", class_weights_ = "none";
  std::vector<std::string> target_names_;
  Index outputs_ = 0, width_ = 0;  // width: of numbers, or of a matrix of labels, as found
  std::vector<One> all_;
  std::map<std::string, std::int32_t> found_;       // names, by the order in which they came
  std::vector<std::string> names_, learned_names_;  // of classes, labels or numbers
  std::vector<Scale> scales_;                       // of numbers
  std::vector<float> weights_;                      // [outputs, absent and present], or empty
};

}  // namespace seqtape
