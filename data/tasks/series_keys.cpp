#include "data/tasks/series_keys.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<std::string> printable_all(std::vector<std::string> names) {
  for (std::string& name : names) name = printable(name);
  return names;
}

std::string ReadColumn::title() const { return ahead ? str(printable(name), "+", ahead) : printable(name); }

void SeriesKeys::fields(Fields& f) {
  f("columns", columns, "names of the columns whose past is read", required());
  f("targets", targets, "names of the columns to forecast; none: those of task.columns that hold numbers");
  f("known_future", known_future,
    "names of columns that are known ahead, such as prices and holidays: read with their values of the next horizon "
    "rows");
  f("static", fixed, "names of columns that are the same in all rows of an entity, such as its place: read in each");
  f("id", id,
    "name of the column that tells apart entities, such as shops, each a series of its own in one file; \"\": the file "
    "is one series");
  f("time", time,
    "name of the column of dates: absent ones become missing rows, forecasts have dates; \"\": rows are a step apart");
  f("missing", missing,
    "cells without a value: refuse them, fill by the last value (\"forward\") or by a straight line (\"linear\"), or "
    "\"mask\": each column has a feature more, 1 where the value is known, and missing targets are not scored",
    one_of({"refuse", "forward", "linear", "mask"}));
  f("normalise", normalise,
    "what task.columns and targets are scaled by: \"train\", the mean and deviation of the training part, or "
    "\"window\", those of what the window reads, so that a level that shifts is no surprise (RevIN)",
    one_of({"train", "window"}));
  f("categorical", categorical,
    "those of the columns that hold categories: a feature of 0 or 1 for each one found, which the model embeds");
  f("calendar", calendar,
    "features of the dates, each as sine and cosine: hour_of_day, day_of_week, day_of_month, day_of_year, "
    "month_of_year",
    one_of({"hour_of_day", "day_of_week", "day_of_month", "day_of_year", "month_of_year"}));
}

bool SeriesKeys::is_category(const std::string& name) const { return holds(categorical, name); }

bool SeriesKeys::is_known(const std::string& name) const { return holds(known_future, name) || holds(fixed, name); }

std::vector<std::string> SeriesKeys::asked() const {
  if (!targets.empty()) return targets;
  std::vector<std::string> all;
  for (const std::string& name : columns)
    if (!is_category(name)) all.push_back(name);
  return all;
}

std::vector<ReadColumn> SeriesKeys::read(Index horizon) const {
  std::vector<ReadColumn> all;
  for (const std::string& name : columns) all.push_back({name, 0, by_window() && !is_category(name)});
  for (const std::string& name : fixed) all.push_back({name});
  for (const std::string& name : known_future)
    for (Index ahead = 0; ahead <= horizon; ++ahead) all.push_back({name, ahead});
  return all;
}

std::vector<std::string> SeriesKeys::needed(bool with_targets) const {
  std::vector<std::string> all;
  for (const auto& names : {columns, fixed, known_future, with_targets ? asked() : std::vector<std::string>()})
    for (const std::string& name : names)
      if (!holds(all, name)) all.push_back(name);
  return all;
}

void SeriesKeys::check() const {
  if (columns.empty()) throw ConfigError("task.columns: must name a column, got none");
  const std::vector<std::string> all = needed(false);
  for (const std::string& name : categorical)
    if (!holds(all, name))
      throw ConfigError(str("task.categorical: \"", name, "\" is not among task.columns",
                            known_future.empty() && fixed.empty() ? "" : ", static and known_future",
                            suggestion(name, all)));
  for (const std::string& name : targets)
    if (is_category(name))
      throw ConfigError(str("task.targets: \"", name, "\" is categorical; what is forecast are numbers"));
  const std::pair<const char*, const std::vector<std::string>*> kinds[] = {
      {"columns", &columns}, {"targets", &targets}, {"known_future", &known_future}, {"static", &fixed}};
  for (const auto& [key, names] : kinds)
    for (const std::string& name : *names) {
      if (key != kinds[0].first && key != kinds[1].first && (holds(columns, name) || holds(targets, name)))
        throw ConfigError(str("task.", key, ": \"", name, "\" is among task.",
                              holds(columns, name) ? "columns" : "targets", " too, whose future is not known"));
      if (std::string_view(key) == "static" && holds(known_future, name))
        throw ConfigError(
            str("task.static: \"", name, "\" is among task.known_future too; what never changes is static"));
      if (!id.empty() && name == id)
        throw ConfigError(str("task.", key, ": \"", name, "\" is task.id; an entity's name is no input"));
    }
  if (asked().empty())
    throw ConfigError("task.targets: must name a column of numbers, all of task.columns are categorical");
  if (!calendar.empty() && time.empty())
    throw ConfigError("task.calendar: takes dates; name their column in task.time");
  for (const std::string& name : asked())
    if (by_window() && !holds(columns, name))
      throw ConfigError(
          str("task.normalise: \"window\" scales a target by its past, and \"", name, "\" is not among task.columns"));
}

SeriesLearned SeriesLearned::of(const Json& json) {
  SeriesLearned learned;
  if (!json.contains("scales"))
    throw DataError("task: the run does not have the means and deviations of its columns; it is of an earlier version");
  for (const auto& [name, scale] : json.at("scales").items())
    learned.scales[name] = {scale.at("mean").get<double>(), scale.at("deviation").get<double>()};
  if (json.contains("categories"))
    for (const auto& [name, values] : json.at("categories").items())
      learned.categories[name] = values.get<std::vector<std::string>>();
  if (json.contains("dates")) {
    const Json& dates = json.at("dates");
    const std::string form = dates.at("form").get<std::string>();
    if (form.rfind("DD", 0) == 0) learned.dates.order = DateForm::Order::day_month_year;
    if (form.rfind("MM", 0) == 0) learned.dates.order = DateForm::Order::month_day_year;
    learned.dates.step = {dates.at("months").get<Index>(),
                          std::chrono::microseconds(dates.at("microseconds").get<Index>())};
  }
  if (json.contains("seasonal_errors")) {
    learned.season = json.at("seasonal_errors").at("season").get<Index>();
    learned.seasonal = json.at("seasonal_errors").at("targets").get<std::map<std::string, double>>();
  }
  learned.done = true;
  return learned;
}

void SeriesLearned::add_to(Json& json) const {
  if (dates.step) {
    using Order = DateForm::Order;
    const Order order = dates.order.value_or(Order::year_month_day);
    json["dates"] = {{"form", order == Order::day_month_year   ? "DD/MM"
                              : order == Order::month_day_year ? "MM/DD"
                                                               : "YYYY"},
                     {"months", dates.step->months},
                     {"microseconds", dates.step->span.count()}};
  }
  for (const auto& [name, values] : categories) json["categories"][name] = values;
  if (season > 0) json["seasonal_errors"] = {{"season", season}, {"targets", seasonal}};
}

const SeriesLearned::Scale& SeriesLearned::scale_of(const std::string& name) const {
  const auto scale = scales.find(printable(name));
  if (scale == scales.end())
    throw DataError(str("task: the run has no mean and deviation of column ", printable(name)));
  return scale->second;
}

}  // namespace seqtape
