#pragma once
// What a trained model reads and answers, in the terms of its data.

#include <string>
#include <utility>
#include <vector>

#include "core/distribution.h"
#include "core/io/json.h"
#include "core/sequence_shape.h"

namespace seqtape {

/// All that a program needs beside the weights to ask a model about new data and to understand its answers. A task
/// describes itself once (Task::signature), and every export carries it: as constants of a C program, as the metadata
/// of a graph, as signature.json.
struct Signature {
  /// What becomes a step of the sequence.
  enum class Steps {
    ids,         ///< a number in [0, vocabulary) is a token
    bytes,       ///< a byte of text is a token
    characters,  ///< a character of text has a token, by `characters`
    numbers      ///< a row of `columns`
  };
  /// Which steps of a sequence are read, of one that is longer than `length`.
  enum class Reads {
    all,      ///< every one: any length goes
    windows,  ///< every one, by windows of `length` that each start afresh
    first,    ///< the first ones, as in training
    last,     ///< the last ones, of at least `length`: the answer is what follows them
    exactly,  ///< a sequence must have `length` steps
    at_most   ///< a longer one is refused
  };
  struct Character {
    char32_t code;  ///< Unicode
    std::int32_t token;
  };
  /// A number is read as z = (number - mean) / scale, one that is answered is mean + scale * z.
  struct Column {
    std::string name{};
    double mean = 0, scale = 1;
    std::vector<std::string>
        categories{};  ///< its values are names, and each is a feature of 0 or 1; else it is numbers
    /// Its z are then read as (z - m) / d, by their mean and deviation in the steps that are read, and an answer of
    /// this name is mean + scale * (m + d * z): d is 1 where all are equal, and at least kLeastDeviation.
    bool window = false;
  };
  static constexpr double kLeastDeviation = 1e-3;

  SequenceShape shape{};
  Objective objective = Objective::label_per_step;

  Steps steps = Steps::ids;
  std::string unit = "step";  ///< what a step is called: "byte", "sample", "row"
  std::string note{};         ///< what its numbers are: "a sample, from -1 to 1"
  Index length = 0;
  Index stride = 1;  ///< steps of which the model makes one of its own; a shorter sequence has no answer
  Reads reads = Reads::all;
  // Of characters:
  std::vector<Character> characters{};  ///< by rising code
  std::int32_t other = -1;              ///< the token of all others; -1: they are refused
  bool skips_blanks = false;            ///< blanks and line breaks are no steps
  std::vector<std::string> texts{};     ///< of each token, where a model writes them
  // Of numbers, and `order` of ids too:
  std::vector<Column> columns{};
  bool masks = false;  ///< each number is two features: it, or 0 where it is missing, and whether it is known
  std::string fill{};  ///< a missing number is on the "linear" way between its neighbours, or is that before
                       ///< it, "forward"; "": it is refused
  std::vector<std::string> calendar{};  ///< parts of a step's date, each two more features: sine and cosine
  double rate = 0;                      ///< steps a second, or 0
  bool unit_loudness = false;           ///< a sequence, all of it, is first divided by its root mean square
  std::vector<std::int32_t> order{};    ///< step t is number order[t] of the sequence; empty: they are in order

  std::vector<std::string> labels{};  ///< of the classes, in the order of the outputs; none: they are numbered
  std::vector<Column> numbers{};  ///< number i is step i / numbers.size() of number i % numbers.size(); none: unnamed
  ToldNumbers told{};             ///< what the outputs of each say of it

  bool writes_text() const { return objective == Objective::next_token; }
  bool classifies() const { return objective == Objective::label || objective == Objective::label_per_step; }
  bool answers_labels() const { return objective == Objective::labels; }
  bool answers_numbers() const { return objective == Objective::numbers || objective == Objective::numbers_per_step; }
  /// The numbers are those of the steps that follow the sequence.
  bool forecasts() const { return objective == Objective::numbers && !numbers.empty() && reads == Reads::last; }
  /// Steps of an answer of numbers.
  Index horizon() const {
    return numbers.empty() ? 1 : shape.outputs / told.distribution.width() / static_cast<Index>(numbers.size());
  }
  /// The columns of a step's answer: of each number the point, then its quantiles, "sales", "sales_q0.1", ...
  std::vector<Column> answers() const;
  bool by_window() const;
  /// The names of the model's features, with the mean and the scale that each is read by.
  std::vector<Column> features() const;
  /// Some feature is not read as it is given.
  bool scales() const;
  /// What a sequence is given as, in words: "samples: from -1 to 1, 8000 a second".
  std::string in_words() const;
};

/// For programs: what is empty is left out.
Json to_json(const Signature&);

}  // namespace seqtape
