#pragma once
// Tasks: what is learned. A task turns a seed and a step into a batch, and a split into a pass over it.

#include <filesystem>
#include <memory>
#include <string>

#include "core/config.h"
#include "core/sequence_shape.h"
#include "data/batch.h"

namespace seqtape {

enum class Split { train, validation, test };
const char* split_name(Split);

/// What is asked of a sequence.
enum class Objective {
  next_token,      ///< at every step, the token that follows: the model writes text
  label_per_step,  ///< at some or all steps, a class
  label,           ///< one class
  numbers          ///< one set of numbers: regression
};

/// What a model must read and answer, and how.
struct TaskShape : SequenceShape {
  TaskShape() = default;
  /// `reads`: without `pooled`, which follows from the objective.
  TaskShape(const SequenceShape& reads, Objective objective_, Index length_)
      : SequenceShape(reads), objective(objective_), length(length_) {
    pooled = objective == Objective::label || objective == Objective::numbers;
  }
  bool next_token() const { return objective == Objective::next_token; }
  bool regression() const { return objective == Objective::numbers; }

  Objective objective = Objective::label_per_step;
  Index length = 0;                 ///< steps of a training sequence
  std::string unit{};               ///< "byte", "base": what a token is, where bits per token are told
  Index image_width = 0;            ///< a sequence is an image, row by row, of this width
  bool carried = false;             ///< training sequences go on from batch to batch
  std::int32_t end_token = -1;      ///< of these tokens the one that ends a text; -1: there is none
  std::int32_t unknown_token = -1;  ///< the one for a character that has none of its own; -1: there is none
};

/// A batch of zeros, with the task's arrays and `target` for every class that is asked for.
Batch blank_batch(const TaskShape&, Index rows, Index steps, std::int32_t target = 0);

/// A pass over a split. Long sequences come in chunks, so that nothing grows with their length.
class Evaluation {
 public:
  virtual ~Evaluation() = default;
  /// The next chunk; false when the pass is over.
  virtual bool next(Batch& chunk) = 0;
};

struct EvaluationOptions {
  Index batch = 16;    ///< sequences side by side
  Index chunk = 4096;  ///< steps of a sequence at a time
};

class Task {
 public:
  virtual ~Task() = default;
  virtual void fields(Fields&) = 0;
  /// Makes relative paths absolute, from the folder of the config.
  virtual void resolve_paths(const std::filesystem::path&) {}
  /// Opens files and checks what the fields cannot say alone. Throws ConfigError or DataError.
  virtual void prepare(std::uint64_t seed) = 0;
  virtual TaskShape shape() const = 0;
  /// Steps of the longest sequence that training will see.
  virtual Index longest_training_length() const { return shape().length; }

  /// The training batch of a step: a pure function of seed and step, so that a run can go on anywhere.
  virtual void training_batch(Index step, Index batch, Batch& out) const = 0;
  /// A pass over validation or test data. Synthetic tasks draw these from other streams than training.
  virtual std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const = 0;

  /// Sequences of a training epoch; 0: each one is new. After `prepare`.
  virtual Index training_sequences() const { return 0; }

  /// Tells the data that were read from others, by their content alone, not by where they lie or how `length` and the
  /// fractions cut them: "" where they are drawn by the seed. After `prepare`.
  virtual std::string fingerprint() const { return ""; }

  /// What the model's numbers mean, as the data taught it: the names of the classes in the order of its answers, means
  /// and deviations. A run keeps it. After `prepare`.
  virtual Json learned() const { return Json::object(); }
  /// Before `prepare`: keep to what a run learned. `prepare` then throws DataError for data that it does not fit.
  virtual void use(const Json& /*learned*/) {}

  /// What should be known of the data that were read: "12 letters that are no base were read as N". After `prepare`.
  virtual std::vector<std::string> notes() const { return {}; }

  /// Tokens for and from text, where the task's tokens are characters. Throws ConfigError where they are not.
  virtual std::vector<std::int32_t> encode(const std::string& text) const;
  virtual std::string decode(const std::vector<std::int32_t>& tokens) const;
  /// Text is token ids with blanks between, not characters.
  virtual bool writes_numbers() const { return false; }
  /// What the tokens stand for, for a comparison with another model's: "bytes", "the characters \"abc\""; "" where that
  /// is not known, or the task makes them up.
  virtual std::string token_meaning() const { return ""; }
  /// The tokenizer.json that makes the tokens of text, or "".
  virtual std::string tokenizer_file() const { return ""; }
};

/// The rule of a path: where the data lie may change when a run is gone on with. What they are is known by the
/// fingerprint.
inline Constraint same_data(Constraint rule = {}) { return may_change(std::move(rule)); }

/// A share of so many: 0.57 of 100 is 57, though the double 0.57 lies below. Rounded down.
Index share_of(Index count, double fraction);

/// The visible table of tasks (registry.cpp): a line each.
const Registry<Task>& tasks();

}  // namespace seqtape
