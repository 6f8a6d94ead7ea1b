#pragma once
// Answers as CSV or JSON.

#include "apps/predict/predictor.h"

namespace seqtape {

/// Writes answers as they come. CSV: a header, then a line an answer, or a line for each of its steps. JSON: a list
/// with an object for each answer.
class AnswerWriter {
 public:
  struct Form {
    bool json = false;
    bool several = true;    ///< forecasts are of several inputs, and are told apart by a column
    bool windows = false;   ///< an answer is to a window, and says where that begins
    bool backtest = false;  ///< forecasts stand beside what came
  };
  /// `put` gets the text.
  AnswerWriter(const TaskShape&, const NewInputs&, const Form&, std::function<void(const std::string&)> put);
  void write(const Answer&);
  /// Once, after the last answer.
  void finish();

 private:
  struct Row {
    std::vector<Json> first;      // the cells of first_
    std::vector<double> numbers;  // those of names_
    std::vector<double> actual;   // beside them; NaN: not known
  };
  std::vector<Row> rows(const Answer&) const;
  void write_lines(const std::vector<Row>&);
  void write_object(const Answer&, const std::vector<Row>&);

  TaskShape shape_;
  Form form_;
  std::function<void(const std::string&)> put_;
  bool forecast_, by_step_;         // rows follow an input; an answer has several rows
  std::vector<std::string> first_;  // columns before those of the numbers
  std::vector<std::string> names_;  // of the classes or the targets
  bool begun_ = false;
};

}  // namespace seqtape
