#pragma once
// Tasks: the data that a model is trained and evaluated on. A task makes a batch from a seed and a step, and evaluation
// data from a split.

#include <filesystem>
#include <memory>
#include <string>

#include "core/config.h"
#include "core/sequence_shape.h"
#include "core/signature.h"
#include "data/batch.h"
#include "data/new_inputs.h"

namespace seqtape {

enum class Split { train, validation, test };
const char* split_name(Split);

/// The input and output of a model for the task, and what they mean.
struct TaskShape : SequenceShape {
  TaskShape() = default;
  /// `reads` is without `pooled`, which follows from the objective.
  TaskShape(const SequenceShape& reads, Objective objective_, Index length_)
      : SequenceShape(reads), objective(objective_), length(length_) {
    pooled = objective == Objective::label || objective == Objective::labels || objective == Objective::numbers;
  }
  bool next_token() const { return objective == Objective::next_token; }
  bool regression() const { return objective == Objective::numbers || objective == Objective::numbers_per_step; }
  bool multi_label() const { return objective == Objective::labels; }

  /// Of a regression: how many numbers are answered.
  Index numbers() const { return outputs / distribution.width(); }

  Objective objective = Objective::label_per_step;
  Distribution distribution{};      ///< of each number of a regression
  Index length = 0;                 ///< steps of a training sequence
  std::string unit{};               ///< "byte", "base": what a token is, if bits per token are reported
  Index image_width = 0;            ///< sequences are images of this width, row by row; 0: they are not
  bool carried = false;             ///< training sequences continue from batch to batch, with their state
  std::int32_t end_token = -1;      ///< the token that ends a text; -1: there is none
  std::int32_t unknown_token = -1;  ///< the token for characters without one; -1: there is none
};

/// A batch of zeros with the task's arrays, and `target` for every class to predict.
Batch blank_batch(const TaskShape&, Index rows, Index steps, std::int32_t target = 0);

/// One pass over a split. Long sequences come in chunks, so that memory does not grow with their length.
class Evaluation {
 public:
  virtual ~Evaluation() = default;
  /// Fills the next chunk; false when the pass is over.
  virtual bool next(Batch& chunk) = 0;
};

struct EvaluationOptions {
  Index batch = 16;    ///< sequences in a batch
  Index chunk = 4096;  ///< steps of a chunk
};

class Forecasting;

class Task {
 public:
  virtual ~Task() = default;
  virtual void fields(Fields&) = 0;
  /// Makes relative paths absolute; they are relative to the folder of the config.
  virtual void resolve_paths(const std::filesystem::path&) {}
  /// Reads files and checks what the constraints of single fields cannot. Throws ConfigError or DataError.
  virtual void prepare(std::uint64_t seed) = 0;
  virtual TaskShape shape() const = 0;
  /// The length of the longest training sequence.
  virtual Index longest_training_length() const { return shape().length; }
  /// Steps of the longest sequences in the training batch of a step, which may grow with the step.
  virtual Index training_length(Index /*step*/) const { return shape().length; }

  /// The training batch of a step: a pure function of seed and step, so that a run can resume anywhere.
  virtual void training_batch(Index step, Index batch, Batch& out) const = 0;
  /// One pass over validation or test data. Synthetic tasks draw these from other random streams than training.
  virtual std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const = 0;

  /// Whether `evaluation` has data of the split. After `prepare`.
  virtual bool has(Split) const { return true; }

  /// What a person would look for to find a sequence of a split, by its number in the evaluation: "dog/3.wav",
  /// "reviews.tsv:12"; "": it was drawn, or has no name. After `prepare`.
  virtual std::string place(Split, Index /*sequence*/) const { return ""; }

  /// The steps of the shortest sequence of all splits, and its place. After `prepare`.
  virtual std::pair<Index, std::string> shortest() const { return {shape().length, ""}; }

  /// Sequences in a training epoch; 0: there are no epochs. After `prepare`.
  virtual Index training_sequences() const { return 0; }

  /// How many training answers each class, or token, has, in an evaluation of other data as the run learned it; empty:
  /// they are drawn from the seed, or not known. After `prepare`.
  virtual std::vector<Index> training_counts() const { return {}; }
  /// What is known of forecasts (data/forecasting.h); null: the task asks for none. After `prepare`.
  virtual const Forecasting* forecasting() const { return nullptr; }

  /// Identifies the data by their content, independently of their path, `length` and the fractions; "" if they are
  /// drawn from the seed. After `prepare`.
  virtual std::string fingerprint() const { return ""; }

  /// What the data determined and the model's numbers depend on: the names of the classes in the order of its outputs,
  /// means and standard deviations. It is saved with a run. After `prepare`.
  virtual Json learned() const { return Json::object(); }
  /// Sets what a run learned; to be called before `prepare`, which then throws DataError for data that do not fit it.
  virtual void use(const Json& /*learned*/) {}
  /// Has `prepare` read this file or folder instead of the config's, in the same form; all of it is the test split, and
  /// the other splits are empty. To be called after `use`. Throws ConfigError for a task that makes its own data.
  virtual void evaluate_on(const std::filesystem::path&);

  /// How new inputs without answers are read, and what is answered; nothing for a task that makes its own data. After
  /// `use`, without `prepare`; to be read while the task lives.
  virtual NewInputs new_inputs() { return {}; }
  /// What is told of each number that a model answers: as `tell` was given, or of its distribution.
  ToldNumbers told() const;
  /// How a model's errors lie around its points (ToldNumbers::offsets).
  void tell(ToldNumbers told) { told_ = std::move(told); }
  /// What a model of the task reads and answers, in the terms of the data: for programs that have the model without
  /// this one. After `use`, without `prepare`; of a run of an earlier version, as much as it kept.
  virtual Signature signature() const;

  /// What the splits hold, in lines for the user: how many sequences of each class, how long, how many were cut or are
  /// in two of them. After `prepare`; empty: they are drawn from the seed.
  virtual std::vector<std::string> contents() const { return {}; }
  /// Remarks on the data for the user: "12 letters that are no base were read as N". After `prepare`, or after new
  /// inputs were read.
  virtual std::vector<std::string> notes() const { return {}; }

  /// Converts between text and tokens. Throws ConfigError for a task whose tokens are not text.
  virtual std::vector<std::int32_t> encode(const std::string& text) const;
  virtual std::string decode(const std::vector<std::int32_t>& tokens) const;
  /// How one token is shown to a person: its number, unless the task knows better.
  virtual std::string symbol(std::int32_t token) const { return std::to_string(token); }
  /// The text of `encode` and `decode` is token ids separated by spaces, not characters.
  virtual bool writes_numbers() const { return false; }
  /// What the tokens mean, to be compared with another model's: "bytes", "the characters \"abc\""; "" if that is not
  /// known, or the data are synthetic.
  virtual std::string token_meaning() const { return ""; }
  /// Path of the tokenizer.json that makes the tokens of text, or "".
  virtual std::string tokenizer_file() const { return ""; }

 private:
  ToldNumbers told_{};
};

/// The constraint of a data path: it may change when a run is resumed, since the fingerprint identifies the data.
inline Constraint same_data(Constraint rule = {}) { return may_change(std::move(rule)); }

/// `fraction` of `count`, rounded down; 0.57 of 100 is 57, although the double 0.57 is below 0.57.
Index share_of(Index count, double fraction);

/// The table of tasks (registry.cpp): one line each.
const Registry<Task>& tasks();

}  // namespace seqtape
