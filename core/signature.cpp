#include "core/signature.h"

#include <algorithm>

#include "core/strings.h"

namespace seqtape {
namespace {

const char* name_of(Objective objective) {
  static constexpr const char* kNames[] = {"next_token", "label_per_step", "label",
                                           "numbers",    "labels",         "numbers_per_step"};
  return kNames[static_cast<int>(objective)];
}
const char* name_of(Signature::Steps steps) {
  static constexpr const char* kNames[] = {"ids", "bytes", "characters", "numbers"};
  return kNames[static_cast<int>(steps)];
}
const char* name_of(Signature::Reads reads) {
  static constexpr const char* kNames[] = {"all", "windows", "first", "last", "exactly", "at_most"};
  return kNames[static_cast<int>(reads)];
}

Json to_json(const std::vector<Signature::Column>& columns) {
  Json all = Json::array();
  for (const Signature::Column& column : columns) {
    Json one = Json::object();
    if (!column.name.empty()) one["name"] = column.name;
    if (column.categories.empty())
      one.update({{"mean", column.mean}, {"scale", column.scale}});
    else
      one["categories"] = column.categories;
    if (column.window) one["window"] = true;
    all.push_back(std::move(one));
  }
  return all;
}

Json to_json(const Distribution& of) {
  static constexpr const char* kNames[] = {"point", "quantiles", "gaussian", "student_t"};
  Json all = {{"kind", kNames[static_cast<int>(of.kind)]}};
  if (of.kind == Distribution::Kind::student_t) all["degrees"] = of.degrees;
  if (of.kind != Distribution::Kind::quantiles) {
    all["scale"] = str("softplus(r) + ", Distribution::kLeastScale);
    all["standard_quantiles"] = of.standard_quantiles();
  }
  return all;
}

}  // namespace

std::vector<Signature::Column> Signature::features() const {
  std::vector<Column> all;
  for (const Column& column : columns) {
    for (const std::string& category : column.categories) all.push_back({column.name + "=" + category});
    if (!column.categories.empty()) continue;
    all.push_back({column.name, column.mean, column.scale, {}, column.window});
    if (masks) all.push_back({column.name + " known"});
  }
  for (const std::string& part : calendar)
    for (const char* wave : {" sine", " cosine"}) all.push_back({part + wave});
  return all;
}

std::vector<Signature::Column> Signature::answers() const {
  std::vector<Column> all;
  for (const Column& number : numbers) {
    all.push_back(number);
    for (const double level : told.levels) {
      all.push_back(number);
      all.back().name += "_" + quantile_name(level);
    }
  }
  return all;
}

bool Signature::by_window() const {
  return std::any_of(columns.begin(), columns.end(), [](const Column& column) { return column.window; });
}

bool Signature::scales() const {
  return masks || std::any_of(columns.begin(), columns.end(),
                              [](const Column& column) { return column.mean != 0 || column.scale != 1; });
}

std::string Signature::in_words() const {
  std::string text;
  switch (steps) {
    case Steps::ids:
      text = str("token ids below ", shape.vocabulary);
      break;
    case Steps::bytes:
      text = "text, a byte a token";
      break;
    case Steps::characters:
      text = "text, a token for each " + unit;
      break;
    case Steps::numbers:
      text = unit + "s";
  }
  if (!note.empty()) text += ": " + note;
  if (rate > 0) text += format(", %g a second", rate);
  return text;
}

Json to_json(const Signature& s) {
  using Steps = Signature::Steps;
  Json all = {{"objective", name_of(s.objective)}, {"steps", name_of(s.steps)}, {"unit", s.unit}};
  if (!s.note.empty()) all["note"] = s.note;
  if (s.shape.vocabulary) all["vocabulary"] = s.shape.vocabulary;
  all.update({{"length", s.length}, {"reads", name_of(s.reads)}});
  if (s.stride > 1) all["stride"] = s.stride;
  if (s.steps == Steps::characters) {
    Json characters = Json::object();
    for (const Signature::Character& one : s.characters)
      append(characters, to_utf8(std::u32string(1, one.code)), one.token);
    all["characters"] = std::move(characters);
    all["other"] = s.other < 0 ? Json() : Json(s.other);
    if (s.skips_blanks) all["skips_blanks"] = true;
    if (!s.texts.empty()) all["texts"] = s.texts;
  }
  if (s.steps == Steps::numbers) {
    all["columns"] = to_json(s.columns);
    if (s.masks) all["masks"] = true;
    if (!s.fill.empty()) all["fill"] = s.fill;
    if (!s.calendar.empty()) all["calendar"] = s.calendar;
    if (s.rate > 0) all["rate"] = s.rate;
    if (s.unit_loudness) all["unit_loudness"] = true;
  }
  if (!s.order.empty()) all["order"] = s.order;
  all["outputs"] = s.shape.outputs;
  if (!s.labels.empty()) all["labels"] = s.labels;
  if (!s.numbers.empty()) all.update({{"numbers", to_json(s.numbers)}, {"horizon", s.horizon()}});
  if (s.told.distribution.kind != Distribution::Kind::point) all["distribution"] = to_json(s.told.distribution);
  if (!s.told.levels.empty()) all["levels"] = s.told.levels;
  if (!s.told.offsets.empty()) all["offsets"] = s.told.offsets;
  return all;
}

}  // namespace seqtape
