#pragma once
// Answers as CSV, JSON, or arrays for NumPy.

#include "apps/predict/arrays.h"
#include "apps/predict/predictor.h"

namespace seqtape {

/// Writes answers as they come. CSV: a header, then a line an answer, or a line for each of its steps. JSON: a list
/// with an object for each answer. Arrays: the columns of the CSV, which are kept.
class AnswerWriter {
 public:
  struct Form {
    bool json = false;
    bool arrays = false;
    bool several = true;           ///< forecasts are of several inputs, and are told apart by a column
    bool windows = false;          ///< an answer is to a window, and says where that begins
    bool backtest = false;         ///< forecasts stand beside what came
    std::vector<double> levels{};  ///< of the quantiles that stand behind each number
    /// A row for each token that was asked: the text of one, or its number where texts are numbers. Null: one an
    /// answer.
    std::function<Json(std::int32_t token)> token{};
  };
  /// `put` gets the text of CSV and JSON. Throws ConfigError for arrays of one name.
  AnswerWriter(const TaskShape&, const NewInputs&, const Form&, std::function<void(const std::string&)> put);
  void write(const Answer&);
  /// Once, after the last answer.
  void finish();
  const AnswerArrays& arrays() const { return arrays_; }

 private:
  struct Row {
    std::vector<Json> first;      // the cells of first_
    std::vector<double> numbers;  // those of names_
    std::vector<double> actual;   // beside the points among them; NaN: not known
  };
  std::size_t rows(const Answer&) const;
  /// Whether a name is that of a point, beside which stands what came.
  bool has_actual(std::size_t name) const { return form_.backtest && name % (1 + form_.levels.size()) == 0; }
  Row row(const Answer&, std::size_t i) const;
  void write_header();
  void write_lines(const Answer&);
  void write_object(const Answer&);
  void keep(const Answer&);

  TaskShape shape_;
  Form form_;
  std::function<void(const std::string&)> put_;
  double rate_;
  std::string id_;                  // the column of an input's entity, or ""
  bool forecast_, by_step_;         // rows follow an input; an answer has several rows
  std::vector<std::string> first_;  // columns before those of the numbers
  std::vector<std::string> names_;  // of the classes or the targets
  AnswerArrays arrays_;
  bool begun_ = false;
};

}  // namespace seqtape
