#include "data/tasks/series_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/new_inputs.h"

namespace seqtape {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostCategories = 1000;
constexpr const char* kFill =
    "set task.missing to \"forward\", \"linear\" or \"mask\", or fill or remove what is missing";

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The column of a name in the first line; `key` is where it was named. Throws ConfigError.
std::size_t find_column(const CsvFile& file, const std::string& name, const char* key) {
  const auto& header = file.rows[0];
  const auto at = std::find(header.begin(), header.end(), name);
  if (at == header.end()) {
    std::vector<std::string> known;
    for (const std::string& one : header) known.push_back(printable(one, 60));
    throw ConfigError(str(key, ": ", file.path, " has no column \"", name, "\"", suggestion(name, known),
                          header.size() == 1 ? "; columns are separated by commas, semicolons or tabs" : ""));
  }
  if (std::find(at + 1, header.end(), name) != header.end())
    throw ConfigError(str(key, ": ", file.path, " has a column \"", name, "\" twice; rename one of them"));
  return static_cast<std::size_t>(at - header.begin());
}

std::string place(const CsvFile& file, std::size_t r, const std::string& name) {
  return str(file.path, ":", file.lines[r], ": column ", printable(name));
}

/// The cell of a column. Throws DataError where the line ends before it.
const std::string& cell_of(const CsvFile& file, std::size_t r, std::size_t at, const std::string& name) {
  if (at >= file.rows[r].size())
    throw DataError(str(place(file, r, name), " is missing: the line has ", file.rows[r].size(), " columns"));
  return file.rows[r][at];
}

/// Whether a cell is missing. Throws DataError where that may not be.
bool missing(const std::string& cell, const CsvFile& file, std::size_t r, const std::string& name,
             const SeriesKeys& keys) {
  if (!is_missing(cell)) return false;
  if (keys.missing == "refuse")
    throw DataError(str(place(file, r, name), " has no value: \"", printable(cell, 60), "\"; ", kFill));
  return true;
}

}  // namespace

std::vector<std::string> printable_all(std::vector<std::string> names) {
  for (std::string& name : names) name = printable(name);
  return names;
}

void SeriesKeys::fields(Fields& f) {
  f("columns", columns, "names of the columns to read", required());
  f("targets", targets, "names of the columns to forecast; none: those that are read and hold numbers");
  f("time", time,
    "name of the column of dates: absent ones become missing rows, forecasts have dates; \"\": rows are a step apart");
  f("missing", missing,
    "cells without a value: refuse them, fill by the last value (\"forward\") or by a straight line (\"linear\"), or "
    "\"mask\": each column has a feature more, 1 where the value is known, and missing targets are not scored",
    one_of({"refuse", "forward", "linear", "mask"}));
  f("categorical", categorical, "those of the columns that hold categories: a feature of 0 or 1 for each one found");
  f("calendar", calendar,
    "features of the dates, each as sine and cosine: hour_of_day, day_of_week, day_of_month, day_of_year, "
    "month_of_year",
    one_of({"hour_of_day", "day_of_week", "day_of_month", "day_of_year", "month_of_year"}));
}

bool SeriesKeys::is_category(const std::string& name) const { return holds(categorical, name); }

std::vector<std::string> SeriesKeys::asked() const {
  if (!targets.empty()) return targets;
  std::vector<std::string> all;
  for (const std::string& name : columns)
    if (!is_category(name)) all.push_back(name);
  return all;
}

void SeriesKeys::check() const {
  if (columns.empty()) throw ConfigError("task.columns: must name a column, got none");
  for (const std::string& name : categorical)
    if (!holds(columns, name))
      throw ConfigError(str("task.categorical: \"", name, "\" is not among task.columns", suggestion(name, columns)));
  for (const std::string& name : targets)
    if (is_category(name))
      throw ConfigError(str("task.targets: \"", name, "\" is categorical; what is forecast are numbers"));
  if (asked().empty())
    throw ConfigError("task.targets: must name a column of numbers, all of task.columns are categorical");
  if (!calendar.empty() && time.empty())
    throw ConfigError("task.calendar: takes dates; name their column in task.time");
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

SeriesTable::SeriesTable(const std::filesystem::path& from, const SeriesKeys& keys, SeriesLearned& learned,
                         bool targets)
    : path(from.string()) {
  const CsvFile file(from);
  if (file.rows.size() < 2) throw DataError(str(path, ": holds no rows below a line of column names"));
  file.refuse_unnamed_cells();
  rows = static_cast<Index>(file.rows.size()) - 1;
  if (!keys.time.empty()) read_dates_of(file, keys, learned);
  const auto read = [&](const std::vector<std::string>& names, const char* key) {
    for (const std::string& name : names) {
      if (columns.count(name)) continue;
      const std::size_t at = find_column(file, name, key);
      columns[name] =
          keys.is_category(name) ? categories(file, at, name, keys, learned) : numbers(file, at, name, keys);
    }
  };
  read(keys.columns, "task.columns");
  if (targets) read(keys.asked(), "task.targets");
}

void SeriesTable::read_dates_of(const CsvFile& file, const SeriesKeys& keys, SeriesLearned& learned) {
  const std::size_t at = find_column(file, keys.time, "task.time");
  std::vector<std::string_view> cells;
  for (std::size_t r = 1; r < file.rows.size(); ++r) cells.push_back(cell_of(file, r, at, keys.time));
  if (learned.done && !learned.dates.step)
    throw DataError("task.time: the run has learned no dates; it was trained without task.time");
  DateReading reading = read_dates(cells, learned.dates);
  if (!reading.dates) throw DataError(str(place(file, reading.cell + 1, keys.time), ": ", reading.problem));
  dates = *reading.dates;
  absent = reading.dates->absent();
  row_of_ = std::move(reading.dates->rows);
  for (std::size_t i = 1; absent > 0 && keys.missing == "refuse" && i < row_of_.size(); ++i)
    if (const Index between = row_of_[i] - row_of_[i - 1] - 1; between > 0)
      throw DataError(str(place(file, i + 1, keys.time), ": ", between, between == 1 ? " date is" : " dates are",
                          " absent between ", printable(cells[i - 1]), " and ", printable(cells[i]), ", at a step of ",
                          dates->step.text(), "; ", kFill));
  rows = row_of_.back() + 1;
  if (learned.done) return;
  learned.dates.step = dates->step;
  learned.dates.order = dates->form.order;
}

SeriesTable::Column SeriesTable::numbers(const CsvFile& file, std::size_t at, const std::string& name,
                                         const SeriesKeys& keys) const {
  Column column{std::vector<double>(static_cast<std::size_t>(rows), kMissing)};
  for (std::size_t r = 1; r < file.rows.size(); ++r) {
    if (missing(cell_of(file, r, at, name), file, r, name, keys))
      ++column.missing;
    else
      column.values[row_of_.empty() ? r - 1 : static_cast<std::size_t>(row_of_[r - 1])] = file.number(r, at, name);
  }
  return column;
}

SeriesTable::Column SeriesTable::categories(const CsvFile& file, std::size_t at, const std::string& name,
                                            const SeriesKeys& keys, SeriesLearned& learned) const {
  std::vector<std::string>& known = learned.categories[printable(name)];
  if (learned.done && known.empty())
    throw DataError(str("task.categorical: the run has learned no categories of column ", printable(name)));
  if (!learned.done) {
    std::set<std::string> found;
    for (std::size_t r = 1; r < file.rows.size(); ++r) {
      if (!missing(cell_of(file, r, at, name), file, r, name, keys)) found.insert(printable(file.rows[r][at]));
      if (found.size() > kMostCategories)
        throw DataError(str(place(file, r, name), " has more than ", kMostCategories,
                            " categories, each of which would be a feature; is it a column of numbers or of names?"));
    }
    if (found.empty()) throw DataError(str(path, ": column ", printable(name), " has no value"));
    known.assign(found.begin(), found.end());
  }
  Column column{std::vector<double>(static_cast<std::size_t>(rows), kMissing)};
  for (std::size_t r = 1; r < file.rows.size(); ++r) {
    const std::string& cell = cell_of(file, r, at, name);
    if (missing(cell, file, r, name, keys)) {
      ++column.missing;
      continue;
    }
    const std::string shown = printable(cell);
    const auto found = std::lower_bound(known.begin(), known.end(), shown);
    if (found == known.end() || *found != shown) {
      std::vector<std::string> some(known.begin(), known.begin() + std::min<std::ptrdiff_t>(20, std::ssize(known)));
      if (some.size() < known.size()) some.push_back("...");
      throw DataError(str(place(file, r, name), ": \"", printable(cell, 60), "\" was not among the ", known.size(),
                          " of training: ", join(some, ", ")));
    }
    column.values[row_of_.empty() ? r - 1 : static_cast<std::size_t>(row_of_[r - 1])] =
        static_cast<double>(found - known.begin());
  }
  return column;
}

void SeriesTable::refuse_other_scale(const SeriesLearned& learned, Index count) const {
  for (const auto& [name, column] : columns) {
    const auto found = learned.scales.find(printable(name));
    if (found == learned.scales.end() || !(found->second.deviation > 0)) continue;
    const auto [mean, deviation] = found->second;
    std::vector<float> known;
    for (Index r = std::max<Index>(0, rows - count); r < rows; ++r)
      if (const double value = column.values[static_cast<std::size_t>(r)]; !std::isnan(value))
        known.push_back(static_cast<float>((value - mean) / deviation));
    seqtape::refuse_other_scale(known, str(path, ": column ", printable(name)), mean, deviation);
  }
}

std::string SeriesTable::note(const SeriesKeys& keys) const {
  std::vector<std::string> parts;
  for (const auto& [name, column] : columns)
    if (column.missing)
      parts.push_back(str(printable(name), ": ", grouped(column.missing), " of ", grouped(rows - absent), " missing"));
  const std::string how = keys.masks() ? ", masked" : ", filled by " + keys.missing;
  const std::string dates_absent = str(grouped(absent), absent == 1 ? " date" : " dates", " absent");
  if (parts.empty()) return absent ? dates_absent + how : "";
  return join(parts, ", ") + how + (absent ? "; " + dates_absent : "");
}

std::uint32_t SeriesTable::checksum(const SeriesKeys& keys, const SeriesLearned& learned, std::uint32_t crc) const {
  const auto add = [&](const void* data, std::size_t size) {
    crc = crc32_of({static_cast<const char*>(data), size}, crc);
  };
  for (const auto& names : {keys.columns, keys.asked()})
    for (const std::string& name : names) {
      const std::vector<double>& values = column(name).values;
      add(values.data(), values.size() * sizeof(double));
      if (!keys.is_category(name)) continue;
      for (const std::string& category : learned.categories.at(printable(name)))
        add(category.c_str(), category.size() + 1);
    }
  if (dates) {
    const Index grid[] = {dates->first.time_since_epoch().count(), dates->step.months, dates->step.span.count()};
    add(grid, sizeof grid);
  }
  return crc;
}

}  // namespace seqtape
