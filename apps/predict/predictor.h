#pragma once
// A trained model's answers to new inputs.

#include <deque>
#include <functional>

#include "apps/trainer/evaluate.h"

namespace seqtape {

/// How much of an input that is longer than task.length is read.
enum class Reach {
  training,  ///< what training would read of it (NewInputs::Longer)
  windows,   ///< all, by windows of task.length, with an answer to each
  whole      ///< all, through carried state
};

/// The answer to an input, or to a window of one.
struct Answer {
  std::string input;
  Index start = 0;                                ///< the step of the input's file at which the window begins
  Index steps = 0;                                ///< that were read
  std::function<std::string(Index step)> time{};  ///< the date of a step of the input's file, or null
  std::string entity{};                           ///< whose series it is, where there are several
  std::vector<AnswerScale> scales{};              ///< of the numbers, before NewInputs::in_units; none: 0 and 1
  // Of a backtest:
  std::string window{};
  std::vector<double> actual{};  ///< beside outputs; NaN: not known; empty: what is asked is yet to come
  /// Probabilities of the classes or labels: [classes], or [steps, classes] with an answer a step; numbers, as many
  /// and the same: in the data's units.
  std::vector<double> outputs{};
  /// A language model: the loss in nats of the tokens that were asked, and their number.
  double loss = 0;
  Index asked = 0;
  /// Of each token that was asked, in order, with Options::per_token: which it is, and what it took.
  std::vector<std::int32_t> tokens{};
  std::vector<float> bits{};
  // While it is made: parts yet to be computed, whether all parts are known, and whether reading one failed.
  Index open = 0;
  bool known = false, failed = false;
};

/// What is still to be read of an input: a cursor with the steps at hand.
class InputCursor {
 public:
  /// `features`: values a step; 0: a token a step.
  InputCursor(std::function<bool(Steps&)> next, Index features) : next_(std::move(next)), features_(features) {}
  /// Reads on until `wanted` steps are at hand, or the input ends; returns how many are. Throws what reading throws.
  Index at_hand(Index wanted);
  /// The next `count` steps, which are at hand; the cursor goes on by `advance` of them.
  Steps take(Index count, Index advance);

 private:
  std::function<bool(Steps&)> next_;
  Index features_;
  Steps kept_;
  Index begin_ = 0, end_ = 0;  // of the steps in kept_
};

/// Reads inputs and runs the model on them, side by side in batches; memory depends on the batch and the length of
/// training, not on the number of inputs nor, where the model streams them whole, on their length.
class Predictor {
 public:
  struct Options {
    Reach reach = Reach::training;
    Index batch = 16;
    Index backtests = 0;                   ///< windows of each file whose answers it holds, before what follows it
    bool per_token = false;                ///< also what each token of a text took
    bool strict = false;                   ///< an input that cannot be read ends it all
    std::function<void()> worked = [] {};  ///< called now and then
  };
  /// `answered` gets the answers in the order of the inputs. Throws ConfigError when the task or the model cannot do
  /// what is asked.
  Predictor(SequenceModel&, Task&, const std::string& task_name, const Options&,
            std::function<void(const Answer&)> answered);

  const NewInputs& inputs() const { return inputs_; }
  /// Adds the inputs of a file; `name` is what they are called. What cannot be read goes to `failures`, or is thrown if
  /// `strict`.
  void file(const std::filesystem::path&, const std::string& name);
  /// Adds a line of text as an input, where the task reads lines (NewInputs::line).
  void line(const std::string& text, const std::string& name);
  /// Computes what is left.
  void finish();

  /// "a.wav: is not a sound file", a line each.
  const std::vector<std::string>& failures() const { return failures_; }
  /// For the user: how many inputs were longer than in training, and what became of them.
  std::vector<std::string> notes() const;
  Index steps_read() const { return steps_; }
  Index answers() const { return count_; }

 private:
  struct Part {
    Answer* answer;
    InputCursor cursor;
    Index steps;  // of the part; unknown where inputs are read whole
    Index at;     // its first step, or the first that is still to be run, in its answer
  };
  /// Calls read(); an error becomes a failure of `name`, and the result is false.
  template <class Read>
  bool guarded(const std::string& name, const Read& read);
  void add(NewInput, const std::string& name);
  /// Adds an input that is read now, by one window or several.
  void add_windows(InputCursor, const NewInput& of, const std::string& name);
  /// `of` is its input.
  Answer& new_answer(const std::string& name, const NewInput& of, Index start);
  /// `at`: where the part begins in its answer.
  void queue(Answer&, InputCursor, Index steps, Index at);
  void run_queue();
  void run(Part* parts, Index rows);
  /// The next chunk of each part, padded: at most `most` steps.
  Batch next_chunk(Part* parts, Index rows, Index most);
  /// Adds a row's outputs of some steps, or the one of a sequence, to its answer.
  void take(Answer&, const Real* outputs, Index steps) const;
  /// Adds the loss of next tokens, of which the first is asked at step `at` of the answer.
  void take_loss(Answer&, Index at, const Real* outputs, Index steps, const std::int32_t* targets) const;
  void hand_over();

  SequenceModel& model_;
  Task& task_;
  Options options_;
  TaskShape shape_;
  NewInputs inputs_;
  ToldNumbers told_;
  std::function<void(const Answer&)> answered_;
  Index ahead_;          // steps that are read beyond those that the model reads: a target
  bool broken_ = false;  // the model failed, not the reading of an input
  std::vector<Part> queue_;
  Index queued_ = 0;  // steps
  std::deque<Answer> answers_;
  std::vector<std::string> failures_;
  Index longer_ = 0, steps_ = 0, count_ = 0;
};

}  // namespace seqtape
