#pragma once
// New data that a trained model is asked about: inputs without answers.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// Steps of a sequence, as the model reads them.
struct Steps {
  std::vector<std::int32_t> tokens{};  ///< one a step, or
  std::vector<float> values{};         ///< the task's features of each step
};

/// What a model's number stands for: mean + scale * number.
struct AnswerScale {
  double mean = 0, scale = 1;
  double value(double number) const { return mean + scale * number; }
};

struct NewInput {
  std::string part{};                     ///< which of its file's: "3"; "": the file is one input
  std::function<bool(Steps& more)> next;  ///< appends the steps that follow, not too many; false: there are none
  Index begin = 0;                        ///< the step of its file at which it begins
  /// The date of a step of the file, or of one after its end. Null: its steps have none.
  std::function<std::string(Index step)> time{};
  std::string entity{};               ///< whose series it is; "": there is one
  std::vector<AnswerScale> scales{};  ///< of the answers, before NewInputs::in_units, by what it reads; none: 0 and 1
  // Of a backtest:
  std::string window{};          ///< what the window is called
  std::vector<double> actual{};  ///< what came after it, in the data's units, as the model answers; NaN: not known

  /// An input that is in memory.
  static NewInput of(Steps, std::string part = "");
};

/// How a task reads new inputs, and what the model's outputs for them mean. All of it follows from the config and from
/// what a run learned (Task::use): no data of the training are needed.
struct NewInputs {
  using Add = std::function<void(NewInput)>;
  /// Calls add for each input of a file, in order. Throws DataError. Null: the task makes its own data.
  std::function<void(const std::filesystem::path&, const Add&)> read{};
  /// The same for the last windows of a file of which the answers are in it too, the oldest first; then for the file as
  /// `read` does. Null: the task makes no forecasts.
  std::function<void(const std::filesystem::path&, Index windows, const Add&)> backtest{};
  /// An input from a line of text, which messages call `where`. Throws DataError. Null: the task reads files alone.
  std::function<Steps(const std::string& line, const std::string& where)> line{};
  bool standard_input = false;  ///< `read` and `backtest` take "-" too: a file on standard input

  /// What becomes of an input of more than `length` steps, as in training.
  enum class Longer {
    cut,      ///< its first steps are read
    refuse,   ///< DataError
    windows,  ///< all are read, by windows that each start afresh
    last      ///< its last steps are read: the answer is what follows them
  } longer = Longer::cut;

  std::vector<std::string> answers{};  ///< the names of the classes, or of the numbers; none: 0, 1, ...
  /// A number of the model's in the data's units; `answer` counts in `answers`. Null: it is in them.
  std::function<double(std::size_t answer, double number)> in_units{};
  std::string id{};        ///< what an input's entity is called; "": there are none
  double rate = 0;         ///< steps a second, or 0: they are not of equal time
  std::string own_file{};  ///< what is read when no file is given, or ""
};

/// The bytes of a file without a byte order mark, a token each, read in pieces; `note` gets a remark on their encoding.
NewInput bytes_of(const std::filesystem::path&, const std::function<void(const std::string&)>& note);

/// Throws DataError when more than a tenth of the steps are none that the model knows: "FILE: 70 of 100 characters are
/// not in the model's alphabet".
void refuse_unknown(Index unknown, Index all, const std::string& where, const char* steps, const char* rule);

/// Throws DataError when values, in deviations from the training's mean, lie further from it than any that the model
/// can have learned: their root mean square is above 20. "WHERE: lies 1000 deviations of the training from its mean".
void refuse_other_scale(std::span<const float> values, const std::string& where, double mean, double deviation);

}  // namespace seqtape
