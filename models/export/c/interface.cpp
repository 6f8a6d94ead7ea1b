// The parts of interface.c that a signature asks for.
#include "models/export/c/interface.h"

#include "core/error.h"
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/models/export/c/answers.c.h"
#include "embedded/models/export/c/interface.c.h"
#include "embedded/models/export/c/numbers.c.h"
#include "models/export/export.h"

namespace seqtape {
namespace {

using Steps = Signature::Steps;
using Reads = Signature::Reads;

const Parts& parts() {
  static const Parts all(embedded::interface_c);
  return all;
}
const Parts& number_parts() {
  static const Parts all(embedded::numbers_c);
  return all;
}

const Parts& answer_parts() {
  static const Parts all(embedded::answers_c);
  return all;
}

/// A string literal of C.
std::string literal(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || c == '?')  // ? might begin a trigraph
      quoted += std::string("\\") + c;
    else if (byte < 32 || byte == 127)
      quoted += format("\\%03o", static_cast<unsigned>(byte));
    else
      quoted += c;
  }
  return quoted + '"';
}

/// A double literal of C.
std::string number(double value) {
  const std::string text = Json(value).dump();
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

/// The items of an initialiser, in lines.
std::string listed(const std::vector<std::string>& items) {
  constexpr std::size_t kWidth = 110;
  std::string text;
  std::size_t width = 0;
  for (const std::string& item : items) {
    if (width + item.size() > kWidth) text += "\n    ", width = 0;
    text += (text.empty() || text.back() == ' ' ? "" : " ") + item + ",";
    width += item.size() + 2;
  }
  if (!text.empty()) text.pop_back();
  return text;
}

std::string literals(const std::vector<std::string>& texts) {
  std::vector<std::string> all;
  for (const std::string& text : texts) all.push_back(literal(text));
  return listed(all);
}

template <class Number>
std::string integers(const std::vector<Number>& numbers) {
  std::vector<std::string> all;
  for (const Number number : numbers) all.push_back(str(number));
  return listed(all);
}

/// A row of a table of columns; `categories`: the C name of their list.
std::string column_row(const Signature::Column& column, const std::string& categories) {
  return str("  {", literal(column.name), ", ", number(column.mean), ", ", number(column.scale), ", ",
             column.categories.size(), ", ", categories, "},\n");
}

std::string columns_text(const Signature& s) {
  std::string categories, rows;
  for (const Signature::Column& column : s.columns) {
    const std::string name = column.categories.empty() ? "NULL" : str("categories_", &column - s.columns.data());
    if (!column.categories.empty())
      categories += str("static const char *const ", name, "[] = {", literals(column.categories), "};\n");
    rows += column_row(column, name);
  }
  return parts().lines("columns", {{"categories", categories}, {"columns", rows}});
}

bool any_category(const Signature& s) {
  for (const Signature::Column& column : s.columns)
    if (!column.categories.empty()) return true;
  return false;
}

/// From rows of numbers to features.
std::string features_text(const Signature& s) {
  const bool categories = any_category(s), linear = s.fill == "linear", forward = s.fill == "forward";
  if (!categories && !s.masks && s.fill.empty() && s.calendar.empty()) return parts().lines("plain features");
  std::string text;
  if (forward || (linear && categories)) text += "\n" + parts().lines("forward");
  if (linear) text += "\n" + parts().lines("linear");
  if (!s.calendar.empty())
    text += "\n" + parts().lines("time", {{"turns", parts().with_needs({s.calendar.begin(), s.calendar.end()})},
                                          {"calendar", listed(s.calendar)}});
  const int first = s.calendar.empty() ? 0 : 1;
  const auto fill = [&](const char* function, const char* indent) {
    return str(indent, "if (isnan(number)) number = ", function, "(rows, count, at, ", first ? "1 + c" : "c", ");\n");
  };
  const std::string fill_number = linear ? fill("linear_fill", "    ") : forward ? fill("filled", "    ") : "";
  const std::string bad = "!(number >= 0 && number < column->categories)";
  return (text.empty() ? "" : text.substr(1) + "\n") +
         parts().lines("rich features", {{"first", str(first)},
                                         {"fill_category", linear || forward ? fill("filled", "      ") : ""},
                                         {"bad_category", s.masks ? "!isnan(number) && " + bad : bad},
                                         {"number", s.masks ? parts().lines("masked number")
                                                            : parts().lines("number", {{"fill_number", fill_number}})},
                                         {"calendar", s.calendar.empty() ? "" : parts().lines("calendar")}});
}

std::string numbers_listed(const std::vector<double>& values) {
  std::vector<std::string> all;
  for (const double value : values) all.push_back(number(value));
  return listed(all);
}

/// From a number's outputs to what is told of it.
std::string told_text(const ToldNumbers& told) {
  using Kind = Distribution::Kind;
  const auto levels = static_cast<std::ptrdiff_t>(told.levels.size());
  const std::pair<const std::string, std::string> count{"levels", str(levels)};
  if (!told.offsets.empty()) {
    std::string rows;
    for (auto from = told.offsets.begin(); from != told.offsets.end(); from += levels)
      rows += str(rows.empty() ? "" : ",\n    ", "{", numbers_listed({from, from + levels}), "}");
    return number_parts().lines("tell offsets", {count, {"offsets", rows}});
  }
  switch (told.distribution.kind) {
    case Kind::quantiles:
      return number_parts().lines("tell quantiles",
                                  {count, {"weights", numbers_listed(told.distribution.median_weights())}});
    case Kind::gaussian:
    case Kind::student_t:
      return number_parts().lines("tell scale", {count,
                                                 {"standard", numbers_listed(told.distribution.standard_quantiles())},
                                                 {"least", number(Distribution::kLeastScale)}});
    case Kind::point:
      break;
  }
  return number_parts().lines("tell point");
}

/// The features that are read in the scale of what is read.
std::vector<Index> windowed_features(const Signature& s) {
  std::vector<Index> all;
  const auto features = s.features();
  for (std::size_t f = 0; f < features.size(); ++f)
    if (features[f].window) all.push_back(static_cast<Index>(f));
  return all;
}

/// Which of these scales is that of each answered number.
std::string window_of_text(const Signature& s) {
  const auto features = s.features();
  const std::vector<Index> windowed = windowed_features(s);
  std::vector<Index> of;
  for (const Signature::Column& one : s.numbers)
    for (std::size_t w = 0; w < windowed.size(); ++w)
      if (features[static_cast<std::size_t>(windowed[w])].name == one.name) of.push_back(static_cast<Index>(w));
  return str("static const int window_of[", of.size(), "] = {", integers(of), "};\n");
}

/// An answer in its column's z.
std::string answered_value(const Signature& s) {
  if (!s.by_window()) return "values[j]";
  const std::string w = str("[window_of[i % ", s.numbers.size(), "]]");
  return str("(m->mean", w, " + m->deviation", w, " * values[j])");
}

/// What becomes of a sequence by its length, for a comment.
std::string reads_text(const Signature& s) {
  switch (s.reads) {
    case Reads::all:
    case Reads::windows:
      return "";
    case Reads::first:
      return "Of more than MODEL_LENGTH steps the first are read, as in training.";
    case Reads::at_most:
      return "There may be MODEL_LENGTH steps.";
    case Reads::exactly:
      return "There must be MODEL_LENGTH steps.";
    case Reads::last:
      break;
  }
  return "There must be MODEL_LENGTH steps or more, of which the last are read.";
}

/// What is done before the steps of a sequence that is in memory are read.
std::string check_text(const Signature& s) {
  std::string text = parts().lines("check empty");
  if (c_may_be_short(s)) text += parts().lines("check short");
  if (s.reads == Reads::first) text += parts().lines("check first");
  if (s.reads == Reads::at_most) text += parts().lines("check at_most");
  if (s.reads == Reads::exactly) text += parts().lines("check exactly");
  if (s.reads == Reads::last) text += parts().lines("check last");
  return text;
}

}  // namespace

bool c_predicts(const Signature& s) { return !s.writes_text() && (!s.labels.empty() || !s.numbers.empty()); }

CInterface c_interface(const Signature& s) {
  CInterface all;
  const auto enumerator = [&](const char* name, auto value) {
    all.sizes += str("  MODEL_", name, " = ", value, ",\n");
  };
  const auto declare = [&](const char* part, const Slots& slots = {}) {
    all.declarations += "\n" + parts().lines(part, slots);
  };
  const auto define = [&](const std::string& text) { all.definitions += "\n" + text; };
  if (s.shape.vocabulary) enumerator("VOCABULARY", s.shape.vocabulary);
  if (!s.shape.vocabulary) enumerator("FEATURES", s.shape.features);
  enumerator("OUTPUTS", s.shape.outputs);
  enumerator("LENGTH", s.length);
  if (s.stride > 1) enumerator("STRIDE", s.stride);

  const bool text = s.steps == Steps::bytes || s.steps == Steps::characters;
  if (text && (s.writes_text() || c_predicts(s))) {
    declare("text, declared");
    std::string characters;
    for (const auto& [code, token] : s.characters)
      characters += str("  {", static_cast<unsigned long>(code), ", ", token, "},\n");
    define(s.steps == Steps::bytes ? parts().lines("bytes")
                                   : parts().lines("characters", {{"characters", characters},
                                                                  {"skip", s.skips_blanks ? parts().lines("skip") : ""},
                                                                  {"other", str(s.other)}}));
    if (s.writes_text() && !s.texts.empty()) {
      declare("texts, declared");
      define(parts().lines("texts", {{"texts", literals(s.texts)}}));
    }
  }
  if (!c_predicts(s)) return all;

  const auto declare_answer = [&](const char* part, const Slots& slots = {}) {
    all.declarations += "\n" + answer_parts().lines(part, slots);
  };
  const bool each = !s.shape.pooled;
  if (!s.labels.empty()) {
    declare_answer("labels, declared", {{"labels", s.answers_labels() ? "labels" : "classes"}});
    define(answer_parts().lines("labels", {{"labels", literals(s.labels)}}));
  }
  if (s.classifies()) {
    declare_answer("most likely, declared");
    define(answer_parts().lines("most likely"));
  }
  if (!s.shape.vocabulary || !s.numbers.empty()) declare_answer("column, declared");
  if (!s.shape.vocabulary) {
    enumerator("COLUMNS", s.columns.size());
    enumerator("VALUES", s.columns.size() + (s.calendar.empty() ? 0 : 1));
    declare("columns, declared");
    define(columns_text(s));
  }
  if (s.numbers.empty()) {
    define(answer_parts().lines(s.answers_labels() ? "probabilities of labels" : "probabilities"));
    enumerator("ANSWERS", s.shape.outputs);
  } else {
    const auto answers = s.answers();
    enumerator("NUMBERS", answers.size());
    if (s.forecasts()) enumerator("STEPS", s.horizon());
    enumerator("ANSWERS", s.horizon() * static_cast<Index>(answers.size()));
    all.declarations += "\n" + number_parts().lines("numbers, declared", {{"steps", s.forecasts() ? "MODEL_STEPS steps"
                                                                                    : each        ? "at each step one"
                                                                                                  : "one"}});
    std::string rows;
    for (const Signature::Column& column : answers) rows += column_row(column, "NULL");
    if (s.by_window()) define(window_of_text(s));
    define(number_parts().lines("numbers", {{"numbers", rows},
                                            {"told", told_text(s.told)},
                                            {"each", str(1 + s.told.levels.size())},
                                            {"value", answered_value(s)}}));
  }
  if (!s.calendar.empty()) declare("time, declared");
  declare("statuses, declared");
  define(parts().lines("statuses"));

  const std::string reads = reads_text(s), place = s.order.empty() ? "t" : "(size_t)order[t]";
  const std::string answer =
      str(each ? "for each step that is read " : "", s.numbers.empty() ? "MODEL_OUTPUTS probabilities"
                                                     : s.forecasts()   ? "MODEL_STEPS rows of MODEL_NUMBERS numbers"
                                                                       : "MODEL_NUMBERS numbers");
  const std::string at_each = each ? answer_parts().lines("answer of each") : "",
                    at_last = each ? "" : answer_parts().lines("answer at last");
  if (!s.order.empty()) define(parts().lines("order", {{"order", integers(s.order)}}));
  all.memory = str("  float logits[", s.shape.outputs, "];\n");
  if (text) {
    declare("predict text, declared", {{"answer", answer}, {"reads", reads}});
    define(parts().lines("predict text", {{"each", at_each},
                                          {"last", at_last},
                                          {"longer", s.reads == Reads::first     ? parts().lines("stop")
                                                     : s.reads == Reads::at_most ? parts().lines("refuse")
                                                                                 : ""}}));
  } else if (s.shape.vocabulary) {
    declare("predict tokens, declared", {{"answer", answer}, {"reads", reads}});
    define(parts().lines("predict tokens",
                         {{"each", at_each}, {"last", at_last}, {"check", check_text(s)}, {"place", place}}));
  } else {
    all.memory += str("  float input[", s.shape.features, "];\n");
    const std::string rows =
        (s.calendar.empty() ? "In: " : "In, behind the date of each (model_time): ") + s.in_words() + ".";
    declare("predict numbers, declared", {{"answer", answer}, {"rows", rows}, {"reads", reads}});
    define(features_text(s));
    if (s.unit_loudness) define(parts().lines("loudness of"));
    const std::vector<Index> windowed = windowed_features(s);
    const Slots window{{"count", str(windowed.size())},
                       {"windowed", integers(windowed)},
                       {"is_known", s.masks ? "x[1] > 0" : "1"},
                       {"least", number(Signature::kLeastDeviation)}};
    if (s.by_window()) {
      define(number_parts().lines("window scale", window));
      all.memory += str("  double mean[", windowed.size(), "], deviation[", windowed.size(), "], known[",
                        windowed.size(), "];\n");
    }
    define(parts().lines("predict numbers",
                         {{"each", at_each},
                          {"last", at_last},
                          {"counter", s.by_window() ? "  int w;\n" : ""},
                          {"window found", s.by_window() ? number_parts().lines("window found") : ""},
                          {"window read", s.by_window() ? number_parts().lines("window read", window) : ""},
                          {"loudness", s.unit_loudness ? parts().lines("loudness") : ""},
                          {"check", check_text(s)},
                          {"place", place},
                          {"divisor", s.unit_loudness ? "loud" : "1.0"}}));
  }
  return all;
}

}  // namespace seqtape
