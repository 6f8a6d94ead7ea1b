#include "apps/predict/answers.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/strings.h"

namespace seqtape {
namespace {

/// Quoted as in RFC 4180 where it must be.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string csv_cell(const Json& cell) { return csv_cell(cell.is_string() ? cell.get<std::string>() : cell.dump()); }

/// Floats have seven digits; a forecast is a small part of a large mean.
std::string number_text(double value, bool forecast) { return format(forecast ? "%.10g" : "%.7g", value); }

double rounded(double value) { return std::strtod(number_text(value, false).c_str(), nullptr); }

std::string line_of(const std::vector<std::string>& cells) { return join(cells, ",") + "\n"; }

}  // namespace

AnswerWriter::AnswerWriter(const TaskShape& shape, const NewInputs& inputs, const Form& form,
                           std::function<void(const std::string&)> put)
    : shape_(shape),
      form_(form),
      put_(std::move(put)),
      forecast_(shape.regression() && inputs.longer == NewInputs::Longer::last),
      by_step_(forecast_ || shape.objective == Objective::label_per_step) {
  if (!forecast_ || form_.several || form_.json) first_.push_back("input");
  if (form_.backtest) first_.push_back("window");
  if (forecast_) first_.push_back("time");
  if (by_step_) first_.push_back("step");
  if (form_.windows && !by_step_) first_.push_back("start");
  if (shape.next_token())
    first_.push_back("bits_per_" + shape.unit);
  else
    names_ = inputs.answers;
  if (shape.objective == Objective::label || shape.objective == Objective::label_per_step) first_.push_back("label");
}

std::vector<AnswerWriter::Row> AnswerWriter::rows(const Answer& answer) const {
  std::vector<Row> rows;
  const std::size_t width = names_.empty() ? 1 : names_.size();
  const std::size_t count = names_.empty() ? 1 : answer.outputs.size() / width;
  const bool input = first_.front() == "input";
  for (std::size_t i = 0; i < count; ++i) {
    Row& row = rows.emplace_back();
    if (input) row.first.push_back(printable(answer.input));
    const auto step = static_cast<Index>(i);
    if (form_.backtest) row.first.push_back(answer.window);
    if (forecast_) {
      const Index time = answer.start + answer.steps + step;
      row.first.push_back(answer.time ? Json(answer.time(time)) : Json(time));
    }
    if (by_step_) row.first.push_back(forecast_ ? step + 1 : answer.start + step);
    if (form_.windows && !by_step_) row.first.push_back(answer.start);
    if (shape_.next_token()) {
      row.first.push_back(rounded(answer.loss / std::log(2.0) / static_cast<double>(answer.asked)));
      continue;
    }
    const auto from = answer.outputs.begin() + static_cast<std::ptrdiff_t>(i * width);
    row.numbers.assign(from, from + static_cast<std::ptrdiff_t>(width));
    for (std::size_t n = 0; form_.backtest && n < width; ++n)
      row.actual.push_back(answer.actual.empty() ? std::nan("") : answer.actual[i * width + n]);
    if (!shape_.regression())
      row.first.push_back(names_[static_cast<std::size_t>(std::max_element(row.numbers.begin(), row.numbers.end()) -
                                                          row.numbers.begin())]);
  }
  return rows;
}

void AnswerWriter::write(const Answer& answer) {
  form_.json ? write_object(answer, rows(answer)) : write_lines(rows(answer));
}

void AnswerWriter::write_lines(const std::vector<Row>& rows) {
  if (!begun_) {
    std::vector<std::string> header;
    for (const std::string& column : first_) header.push_back(csv_cell(column));
    for (const std::string& name : names_) {
      header.push_back(csv_cell(name));
      if (form_.backtest) header.push_back(csv_cell(name + "_actual"));
    }
    put_(line_of(header));
  }
  begun_ = true;
  std::string lines;
  for (const Row& row : rows) {
    std::vector<std::string> cells;
    for (const Json& cell : row.first) cells.push_back(csv_cell(cell));
    for (std::size_t n = 0; n < row.numbers.size(); ++n) {
      cells.push_back(number_text(row.numbers[n], shape_.regression()));
      if (form_.backtest) cells.push_back(std::isnan(row.actual[n]) ? "" : number_text(row.actual[n], true));
    }
    lines += line_of(cells);
  }
  put_(lines);
}

void AnswerWriter::write_object(const Answer& answer, const std::vector<Row>& rows) {
  const auto fill = [&](Json& object, const Row& row, std::size_t begin) {
    for (std::size_t c = begin; c < first_.size(); ++c) object[first_[c]] = row.first[c];
    if (names_.empty()) return;
    Json numbers = Json::object();
    for (std::size_t n = 0; n < names_.size(); ++n)
      numbers[names_[n]] = shape_.regression() ? row.numbers[n] : rounded(row.numbers[n]);
    object[shape_.regression() ? "values" : "probabilities"] = std::move(numbers);
    for (std::size_t n = 0; n < row.actual.size(); ++n)
      object["actual"][names_[n]] = std::isnan(row.actual[n]) ? Json() : Json(row.actual[n]);
  };
  Json object;
  if (by_step_) {
    object["input"] = printable(answer.input);
    if (form_.backtest) object["window"] = answer.window;
    object["steps"] = Json::array();
    const std::size_t begin = form_.backtest ? 2 : 1;
    for (const Row& row : rows) fill(object["steps"].emplace_back(Json::object()), row, begin);
  } else {
    fill(object, rows.front(), 0);
  }
  put_((begun_ ? ",\n" : "[\n") + object.dump());
  begun_ = true;
}

void AnswerWriter::finish() {
  if (form_.json) return put_(begun_ ? "\n]\n" : "[]\n");
  if (!begun_) write_lines({});
}

}  // namespace seqtape
