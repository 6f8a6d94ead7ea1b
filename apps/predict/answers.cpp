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

/// Floats have seven digits; a forecast is a small part of a large mean, and a time of a long recording.
std::string number_text(double value, bool forecast) { return format(forecast ? "%.10g" : "%.7g", value); }

double rounded(double value, bool forecast = false) {
  return std::strtod(number_text(value, forecast).c_str(), nullptr);
}

std::string line_of(const std::vector<std::string>& cells) { return join(cells, ",") + "\n"; }

}  // namespace

AnswerWriter::AnswerWriter(const TaskShape& shape, const NewInputs& inputs, const Form& form,
                           std::function<void(const std::string&)> put)
    : shape_(shape),
      form_(form),
      put_(std::move(put)),
      rate_(inputs.rate),
      id_(inputs.id),
      forecast_(shape.regression() && inputs.longer == NewInputs::Longer::last),
      by_step_(forecast_ || form.token || (!shape.pooled && !shape.next_token())) {
  using Kind = AnswerArrays::Kind;
  const auto add = [this](const std::string& name, Kind kind) {
    first_.push_back(name);
    if (form_.arrays) arrays_.column(name, kind);
  };
  if (!forecast_ || form_.several || form_.json) add("input", Kind::text);
  if (form_.backtest) add("window", Kind::text);
  if (!id_.empty()) add(id_, Kind::text);
  if (forecast_) add("time", Kind::integer);
  if (by_step_) add("step", Kind::integer);
  if (form_.windows && !by_step_) add("start", Kind::integer);
  if (form_.windows && !by_step_ && rate_ > 0) add("time", Kind::number);
  if (form_.token) add("token", Kind::text);
  if (form_.token)
    add("bits", Kind::number);
  else if (shape.next_token())
    add("bits_per_" + shape.unit, Kind::number);
  else
    for (const std::string& name : inputs.answers) {
      names_.push_back(name);
      for (const double level : form_.levels) names_.push_back(name + "_" + quantile_name(level));
    }
  if (shape.objective == Objective::label || shape.objective == Objective::label_per_step) add("label", Kind::text);
  for (std::size_t n = 0; form_.arrays && n < names_.size(); ++n) {
    arrays_.column(names_[n], Kind::number);
    if (has_actual(n)) arrays_.column(names_[n] + "_actual", Kind::number);
  }
}

std::size_t AnswerWriter::rows(const Answer& answer) const {
  return form_.token ? answer.tokens.size() : names_.empty() ? 1 : answer.outputs.size() / names_.size();
}

AnswerWriter::Row AnswerWriter::row(const Answer& answer, std::size_t i) const {
  Row row;
  if (first_.front() == "input") row.first.push_back(printable(answer.input));
  const auto step = static_cast<Index>(i);
  if (form_.backtest) row.first.push_back(answer.window);
  if (!id_.empty()) row.first.push_back(answer.entity);
  if (forecast_) {
    const Index time = answer.start + answer.steps + step;
    row.first.push_back(answer.time ? Json(answer.time(time)) : Json(time));
  }
  // The first token is given.
  if (by_step_) row.first.push_back(forecast_ ? step + 1 : answer.start + step + (form_.token ? 1 : 0));
  if (form_.windows && !by_step_) row.first.push_back(answer.start);
  if (form_.windows && !by_step_ && rate_ > 0)
    row.first.push_back(rounded(static_cast<double>(answer.start) / rate_, true));
  if (form_.token) {
    row.first.push_back(form_.token(answer.tokens[i]));
    row.first.push_back(rounded(static_cast<double>(answer.bits[i])));
    return row;
  }
  if (shape_.next_token()) {
    row.first.push_back(rounded(answer.loss / std::log(2.0) / static_cast<double>(answer.asked)));
    return row;
  }
  const std::size_t width = names_.size();
  const auto from = answer.outputs.begin() + static_cast<std::ptrdiff_t>(i * width);
  row.numbers.assign(from, from + static_cast<std::ptrdiff_t>(width));
  const std::size_t each = 1 + form_.levels.size();
  for (std::size_t n = 0; form_.backtest && n < width; n += each)
    row.actual.push_back(answer.actual.empty() ? std::nan("") : answer.actual[(i * width + n) / each]);
  if (!shape_.regression() && !shape_.multi_label())
    row.first.push_back(names_[static_cast<std::size_t>(std::max_element(row.numbers.begin(), row.numbers.end()) -
                                                        row.numbers.begin())]);
  return row;
}

void AnswerWriter::write(const Answer& answer) {
  form_.arrays ? keep(answer) : form_.json ? write_object(answer) : write_lines(answer);
}

void AnswerWriter::write_header() {
  std::vector<std::string> header;
  for (const std::string& column : first_) header.push_back(csv_cell(column));
  for (std::size_t n = 0; n < names_.size(); ++n) {
    header.push_back(csv_cell(names_[n]));
    if (has_actual(n)) header.push_back(csv_cell(names_[n] + "_actual"));
  }
  put_(line_of(header));
  begun_ = true;
}

void AnswerWriter::write_lines(const Answer& answer) {
  if (!begun_) write_header();
  std::string lines;
  for (std::size_t i = 0; i < rows(answer); ++i) {
    const Row row = this->row(answer, i);
    std::vector<std::string> cells;
    for (const Json& cell : row.first) cells.push_back(csv_cell(cell));
    for (std::size_t n = 0; n < row.numbers.size(); ++n) {
      cells.push_back(number_text(row.numbers[n], shape_.regression()));
      if (!has_actual(n)) continue;
      const double actual = row.actual[n / (1 + form_.levels.size())];
      cells.push_back(std::isnan(actual) ? "" : number_text(actual, true));
    }
    lines += line_of(cells);
    if (lines.size() < 1 << 16) continue;
    put_(lines);
    lines.clear();
  }
  put_(lines);
}

void AnswerWriter::write_object(const Answer& answer) {
  const auto fill = [&](Json& object, const Row& row, std::size_t begin) {
    for (std::size_t c = begin; c < first_.size(); ++c) object[first_[c]] = row.first[c];
    if (names_.empty()) return;
    Json numbers = Json::object();
    for (std::size_t n = 0; n < names_.size(); ++n)
      numbers[names_[n]] = shape_.regression() ? row.numbers[n] : rounded(row.numbers[n]);
    object[shape_.regression() ? "values" : "probabilities"] = std::move(numbers);
    for (std::size_t n = 0; n < row.actual.size(); ++n)
      object["actual"][names_[n * (1 + form_.levels.size())]] =
          std::isnan(row.actual[n]) ? Json() : Json(row.actual[n]);
  };
  Json object;
  if (by_step_) {
    object["input"] = printable(answer.input);
    if (form_.backtest) object["window"] = answer.window;
    if (!id_.empty()) object[id_] = answer.entity;
    object["steps"] = Json::array();
    const std::size_t begin = 1 + (form_.backtest ? 1 : 0) + (id_.empty() ? 0 : 1);
    for (std::size_t i = 0; i < rows(answer); ++i)
      fill(object["steps"].emplace_back(Json::object()), row(answer, i), begin);
  } else {
    fill(object, row(answer, 0), 0);
  }
  put_((begun_ ? ",\n" : "[\n") + object.dump());
  begun_ = true;
}

void AnswerWriter::keep(const Answer& answer) {
  for (std::size_t i = 0; i < rows(answer); ++i) {
    const Row row = this->row(answer, i);
    for (std::size_t c = 0; c < first_.size(); ++c) arrays_.add(first_[c], row.first[c]);
    for (std::size_t n = 0; n < names_.size(); ++n) {
      arrays_.add(names_[n], row.numbers[n]);
      if (has_actual(n)) arrays_.add(names_[n] + "_actual", row.actual[n / (1 + form_.levels.size())]);
    }
  }
}

void AnswerWriter::finish() {
  if (form_.arrays) return;
  if (form_.json) return put_(begun_ ? "\n]\n" : "[]\n");
  if (!begun_) write_header();
}

}  // namespace seqtape
