#include "data/readers/target.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr double kLargestTarget = 1e150;  // its square must be a number

bool is_name(const Json& value) { return value.is_string() || value.is_number_integer() || value.is_boolean(); }

[[noreturn]] void refuse_label(const JsonLine& line, const std::string& place, const Json& value, const char* rule) {
  throw DataError(str(line.where, ": ", place, " must be ", rule, ", is ",
                      value.is_primitive() && !value.is_null() ? printable(value.dump(), 60) : value.type_name(),
                      value.is_null() ? "; leave out the line, or fill what is missing" : ""));
}

std::string answer_name(const JsonLine& line, const Json& value, const std::string& place) {
  if (!is_name(value)) refuse_label(line, place, value, "a string or a whole number");
  std::string name = value.is_string() ? value.get<std::string>() : value.dump();
  if (name.empty()) throw DataError(str(line.where, ": ", place, " is empty"));
  return name;
}

double answer_number(const JsonLine& line, const Json& value, const std::string& place) {
  if (!value.is_number()) refuse_label(line, place, value, "a number");
  const double number = value.get<double>();
  if (!(std::fabs(number) <= kLargestTarget)) refuse_label(line, place, value, "at most 1e150");
  return number;
}

const Json& list_in(const JsonLine& line, const Json& value, const std::string& place, const char* rule) {
  if (!value.is_array()) refuse_label(line, place, value, rule);
  return value;
}

}  // namespace

const std::vector<std::string>& target_kinds() {
  static const std::vector<std::string> names{"class", "labels", "numbers", "class_per_step", "numbers_per_step"};
  return names;
}

TargetKind target_kind(const std::string& name) {
  return static_cast<TargetKind>(std::find(target_kinds().begin(), target_kinds().end(), name) -
                                 target_kinds().begin());
}

TargetArray::TargetArray(NpyArray y, const NpyArray& x, TargetKind kind) : y_(std::move(y)), kind_(kind) {
  const std::vector<Index>& shape = y_.shape();
  const Index cases = x.shape()[0], steps = x.shape()[1];
  const bool rows = y_.rank() == 2 && shape[0] == cases;
  const auto refuse_shape = [&](const std::string& wanted, const std::string& remedy) {
    throw DataError(
        str(y_.where(), ": is ", y_.described(), ", must be of ", wanted, " for X, ", x.described(), remedy));
  };
  if (kind == TargetKind::one_class) {
    if (shape != std::vector<Index>{cases})
      throw DataError(str(y_.where(), ": is ", y_.described(), ", must be of (", cases, ",), one for each of X, ",
                          x.described(),
                          !rows           ? ""
                          : shape[1] == 1 ? "; .ravel() is"
                                          : "; of rows with a 1 at the class, .argmax(1) is",
                          rows && shape[1] > 1 ? ", and task.target says what other rows are" : ""));
    if (!y_.holds_text() && !y_.holds_whole_numbers())
      throw DataError(str(y_.where(), ": is ", y_.described(),
                          ", must be text or whole numbers, which name classes; .astype(int) is, and of numbers to be "
                          "answered task.target is \"numbers\""));
    return;
  }
  if (per_step(kind)) {
    const bool fits = y_.rank() >= 2 && shape[0] == cases && shape[1] == steps;
    if (!fits || y_.rank() > (kind == TargetKind::class_per_step ? 2 : 3))
      refuse_shape(
          str("(", cases, ", ", steps, ")", kind == TargetKind::numbers_per_step ? " or with numbers last" : ""),
          "; an answer a step");
    row_ = steps;
    width_ = y_.rank() == 3 ? shape[2] : 1;
  } else {
    const bool flat = y_.rank() == 1 && shape[0] == cases && kind == TargetKind::numbers;
    if (!flat && !rows) refuse_shape(str("(", cases, ", ", kind == TargetKind::labels ? "labels" : "numbers", ")"), "");
    width_ = flat ? 1 : shape[1];
  }
  if (width_ == 0) throw DataError(str(y_.where(), ": is ", y_.described(), ": holds nothing"));
  if (kind == TargetKind::class_per_step && !y_.holds_text() && !y_.holds_whole_numbers())
    throw DataError(
        str(y_.where(), ": is ", y_.described(),
            ", must be text or whole numbers, which name classes; task.target \"numbers_per_step\" takes it"));
  if (kind != TargetKind::class_per_step && y_.holds_text())
    throw DataError(str(y_.where(), ": is ", y_.described(), ", must be numbers"));
}

void TargetArray::refuse(Index entry, const std::string& is, const char* rule) const {
  y_.check();  // a damaged file is not to be blamed on its values
  const Index step = entry / width_;
  std::string place = std::to_string(case_);
  if (per_step(kind_)) place += str(", ", step);
  if (y_.rank() == (per_step(kind_) ? 3 : 2)) place += str(", ", entry % width_);
  throw DataError(str(y_.where(), "[", place, "]: is ", is, rule));
}

Target TargetArray::next(Index steps) {
  Target one;
  if (kind_ == TargetKind::one_class || kind_ == TargetKind::class_per_step) {
    one.names = y_.texts(row_);
    if (per_step(kind_)) one.names.resize(static_cast<std::size_t>(steps));
    for (std::size_t i = 0; i < one.names.size(); ++i)
      if (one.names[i].empty()) refuse(static_cast<Index>(i), "empty", ", must be a name");
  } else {
    std::vector<double> entries = y_.numbers(row_ * width_);
    one.width = width_;
    if (per_step(kind_)) entries.resize(static_cast<std::size_t>(steps * width_));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto at = static_cast<Index>(i);
      const double entry = entries[i];
      if (kind_ == TargetKind::labels && entry != 0 && entry != 1) refuse(at, str(entry), ", must be 0 or 1");
      if (!(std::fabs(entry) <= kLargestTarget))
        refuse(at, str(entry),
               std::isfinite(entry) ? ", which is too large" : "; leave out the case, or fill what is missing");
      if (kind_ == TargetKind::labels && entry == 1) one.names.push_back(std::to_string(i));
    }
    if (kind_ != TargetKind::labels) one.numbers = std::move(entries);
  }
  ++case_;
  return one;
}

Target target_of(const JsonLine& line, TargetKind kind) {
  if (kind == TargetKind::one_class) return line.name("label");
  const Json& label = line.at("label");
  const auto at = [](std::size_t i) { return str("label[", i, "]"); };
  Target one;
  if (kind == TargetKind::labels || kind == TargetKind::class_per_step) {
    const char* const rule = kind == TargetKind::labels ? "a list of names" : "a list of names, one a step";
    for (const Json& name : list_in(line, label, "\"label\"", rule))
      one.names.push_back(answer_name(line, name, at(one.names.size())));
    if (kind == TargetKind::labels &&
        std::set<std::string>(one.names.begin(), one.names.end()).size() < one.names.size())
      throw DataError(str(line.where, ": \"label\" has a name twice"));
    return one;
  }
  if (kind == TargetKind::numbers) {
    if (!label.is_array()) one.numbers = {answer_number(line, label, "\"label\"")};
    for (std::size_t i = 0; label.is_array() && i < label.size(); ++i)
      one.numbers.push_back(answer_number(line, label[i], at(i)));
    one.width = static_cast<Index>(one.numbers.size());
    if (one.width == 0) throw DataError(str(line.where, ": \"label\" is an empty list, must have a number or more"));
    return one;
  }
  list_in(line, label, "\"label\"", "a list of numbers, or of lists, one a step");
  const bool lists = !label.empty() && label[0].is_array();
  one.width = lists ? static_cast<Index>(label[0].size()) : 1;
  for (std::size_t t = 0; t < label.size(); ++t) {
    if (!lists) {
      one.numbers.push_back(answer_number(line, label[t], at(t)));
      continue;
    }
    if (list_in(line, label[t], at(t), "a list as label[0] is").size() != label[0].size() || one.width == 0)
      throw DataError(str(line.where, ": ", at(t), " has ", label[t].size(), " numbers, label[0] has ", one.width));
    for (std::size_t k = 0; k < label[t].size(); ++k)
      one.numbers.push_back(answer_number(line, label[t][k], str(at(t), "[", k, "]")));
  }
  return one;
}

void require_steps(const Target& target, TargetKind kind, Index steps, const std::string& where) {
  if (!per_step(kind)) return;
  const auto entries = of_numbers(kind) ? static_cast<Index>(target.numbers.size()) / std::max<Index>(1, target.width)
                                        : static_cast<Index>(target.names.size());
  if (entries != steps)
    throw DataError(str(where, ": \"label\" has ", entries, " entries, must have one for each step, ", steps));
}

TargetKind recognised_kind(NpyArray y, Index steps) {
  const Index cases = y.rank() > 0 ? y.shape()[0] : 0, row = y.rank() > 1 ? y.shape()[1] : 1;
  const bool names = y.holds_text() || y.holds_whole_numbers(), each = y.rank() >= 2 && row == steps && steps > 1;
  if (y.rank() == 3) return TargetKind::numbers_per_step;
  if (y.rank() < 2) return names ? TargetKind::one_class : TargetKind::numbers;
  if (each) return names ? TargetKind::class_per_step : TargetKind::numbers_per_step;
  if (y.holds_text()) return TargetKind::one_class;  // refused with its shape
  for (Index i = 0; i < cases; ++i)
    for (const double entry : y.numbers(row))
      if (entry != 0 && entry != 1) return TargetKind::numbers;
  return row > 1 ? TargetKind::labels : TargetKind::one_class;
}

void LineKinds::see(const JsonLine& line, Index steps) {
  ++lines_;
  const Json& label = line.at("label");
  const auto fraction = [](const Json& value) { return value.is_number() && !value.is_number_integer(); };
  if (!label.is_array()) {
    names_ = names_ || label.is_string();
    fractions_ = fractions_ || fraction(label);
    all_steps_ = false;
    return;
  }
  lists_ = true;
  all_steps_ = all_steps_ && steps > 1 && static_cast<Index>(label.size()) == steps;
  for (const Json& one : label) {
    nested_ = nested_ || one.is_array();
    names_ = names_ || one.is_string();
    fractions_ = fractions_ || fraction(one);
  }
}

TargetKind LineKinds::kind() const {
  if (nested_) return TargetKind::numbers_per_step;
  if (lists_ && all_steps_) return fractions_ && !names_ ? TargetKind::numbers_per_step : TargetKind::class_per_step;
  if (lists_) return names_ ? TargetKind::labels : TargetKind::numbers;
  return fractions_ && !names_ ? TargetKind::numbers : TargetKind::one_class;
}

}  // namespace seqtape
