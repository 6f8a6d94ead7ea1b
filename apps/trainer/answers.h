#pragma once
// What a model answered in an evaluation, and what `eval` says of it beyond the metrics that training watches: figures
// by class or by step of a forecast, with intervals, beside those of answers without a model.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/trainer/scores.h"
#include "autograd/tape.h"
#include "core/io/file.h"
#include "core/io/json.h"
#include "data/task.h"

namespace seqtape {

/// A CSV file of the answers, a row each. It appears when it is whole.
class AnswerFile {
 public:
  /// Throws CheckpointError when it cannot be written.
  explicit AnswerFile(std::filesystem::path);
  void row(const std::vector<std::string>& cells);
  void finish();

 private:
  std::filesystem::path path_, beside_;
  FileWriter file_;
  std::string buffer_;
};

class Answers {
 public:
  virtual ~Answers() = default;
  /// What follows is of this split.
  virtual void begin(Split) {}
  /// A scored chunk, in the order of the evaluation; of a pooled task the last one of its sequences.
  virtual void add(const Variable& logits, const Batch&) = 0;
  /// The true answers of such a chunk, which no model has seen: enough for `baselines`.
  virtual void count(const Batch&) = 0;
  /// The metrics of answers without a model: {"chance": {"accuracy": 0.5, ...}, ...}.
  virtual Json baselines() const = 0;
  /// Adds what is known of the answers to an evaluation's document, which has the metrics and counts of its Score.
  /// Outputs that were not finite have no scores.
  virtual void report(Json& document) const = 0;
};

/// For the answers that the task asks for; `file` may be null. The task is prepared, and outlives it.
std::unique_ptr<Answers> answers_of(const Task&, AnswerFile* file);

/// The baselines of a split; of drawn data those of about a million steps.
Json baselines_of(const Task&, Split);

/// The names of the classes, or their numbers.
std::vector<std::string> class_names(const Task&);

// The kinds, by the task's objective.
std::unique_ptr<Answers> class_answers(const Task&, AnswerFile*);
std::unique_ptr<Answers> label_answers(const Task&, AnswerFile*);
std::unique_ptr<Answers> token_answers(const Task&, AnswerFile*);
std::unique_ptr<Answers> number_answers(const Task&, AnswerFile*);

/// Calls with training batches of one sequence, for what a task does not count itself: up to 4096 sequences and about
/// a million steps.
void sample_training(const Task&, const std::function<void(const Batch&)>&);

}  // namespace seqtape
