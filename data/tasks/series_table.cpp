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

std::string cell_place(const CsvFile& file, std::size_t r, const std::string& name) {
  return str(file.path, ":", file.lines[r], ": column ", printable(name));
}

/// The cell of a column. Throws DataError where the line ends before it.
const std::string& cell_of(const CsvFile& file, std::size_t r, std::size_t at, const std::string& name) {
  if (at >= file.rows[r].size())
    throw DataError(str(cell_place(file, r, name), " is missing: the line has ", file.rows[r].size(), " columns"));
  return file.rows[r][at];
}

/// Whether a cell is missing. Throws DataError where that may not be.
bool missing(const std::string& cell, const CsvFile& file, std::size_t r, const std::string& name,
             const SeriesKeys& keys) {
  if (!is_missing(cell)) return false;
  if (keys.missing == "refuse")
    throw DataError(str(cell_place(file, r, name), " has no value: \"", printable(cell, 60), "\"; ", kFill));
  return true;
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The rows of each entity, in the order in which the file begins them.
std::vector<std::pair<std::string, std::vector<std::size_t>>> entities(const CsvFile& file, const std::string& id) {
  std::vector<std::pair<std::string, std::vector<std::size_t>>> all;
  std::map<std::string, std::size_t> places;
  if (id.empty()) all.emplace_back();
  const std::size_t at = id.empty() ? 0 : find_column(file, id, "task.id");
  for (std::size_t r = 1; r < file.rows.size(); ++r) {
    if (id.empty()) {
      all[0].second.push_back(r);
      continue;
    }
    const std::string& cell = cell_of(file, r, at, id);
    if (cell.empty()) throw DataError(str(cell_place(file, r, id), " is empty: a row must name its entity (task.id)"));
    const auto [found, is_new] = places.emplace(cell, all.size());
    if (is_new) all.push_back({printable(cell), {}});
    all[found->second].second.push_back(r);
  }
  return all;
}

/// The place of a cell's category among those that were learned, sorted.
double category_of(const CsvFile& file, std::size_t r, std::size_t at, const std::string& name,
                   const std::vector<std::string>& known) {
  const std::string shown = printable(file.rows[r][at]);
  const auto found = std::lower_bound(known.begin(), known.end(), shown);
  if (found == known.end() || *found != shown) {
    std::vector<std::string> some(known.begin(), known.begin() + std::min<std::ptrdiff_t>(20, std::ssize(known)));
    if (some.size() < known.size()) some.push_back("...");
    throw DataError(str(cell_place(file, r, name), ": \"", printable(file.rows[r][at], 60), "\" was not among the ",
                        known.size(), " of training: ", join(some, ", ")));
  }
  return static_cast<double>(found - known.begin());
}

/// Learns the categories of a column, unless a run has.
void learn_categories(const CsvFile& file, std::size_t at, const std::string& name, SeriesLearned& learned) {
  std::vector<std::string>& known = learned.categories[printable(name)];
  if (learned.done && known.empty())
    throw DataError(str("task.categorical: the run has learned no categories of column ", printable(name)));
  if (learned.done) return;
  std::set<std::string> found;
  for (std::size_t r = 1; r < file.rows.size(); ++r) {
    const std::string& cell = cell_of(file, r, at, name);
    if (!is_missing(cell)) found.insert(printable(cell));
    if (found.size() > kMostCategories)
      throw DataError(str(cell_place(file, r, name), " has more than ", kMostCategories,
                          " categories, each of which would be a feature; is it a column of numbers or of names?"));
  }
  if (found.empty()) throw DataError(str(file.path, ": column ", printable(name), " has no value"));
  known.assign(found.begin(), found.end());
}

}  // namespace

SeriesTable::SeriesTable(const CsvFile& file, std::vector<std::size_t> lines, const std::string& name,
                         const std::string& of)
    : path(file.path), entity(name), id(of), lines_(std::move(lines)), past_(lines_.size()) {
  rows = known = static_cast<Index>(lines_.size());
}

std::string SeriesTable::place() const { return entity.empty() ? path : str(path, ": ", printable(id), " ", entity); }

void SeriesTable::find_known(const CsvFile& file, const std::vector<std::string>& past) {
  std::vector<std::size_t> places;
  for (const std::string& name : past) places.push_back(find_column(file, name, "task.columns"));
  const auto happened = [&](std::size_t r) {
    return std::any_of(places.begin(), places.end(),
                       [&](std::size_t at) { return at < file.rows[r].size() && !is_missing(file.rows[r][at]); });
  };
  while (past_ > 0 && !happened(lines_[past_ - 1])) --past_;
  if (past_ == 0) throw DataError(str(place(), ": columns ", join(printable_all(past), ", "), " have no value"));
  known = static_cast<Index>(past_);
}

void SeriesTable::read_dates_of(const CsvFile& file, const SeriesKeys& keys, SeriesLearned& learned) {
  const std::size_t at = find_column(file, keys.time, "task.time");
  std::vector<std::string_view> cells;
  for (const std::size_t r : lines_) cells.push_back(cell_of(file, r, at, keys.time));
  if (learned.done && !learned.dates.step)
    throw DataError("task.time: the run has learned no dates; it was trained without task.time");
  DateReading reading = read_dates(cells, learned.dates);
  if (!reading.dates)
    throw DataError(str(cell_place(file, lines_[reading.cell], keys.time),
                        entity.empty() ? "" : str(" of ", printable(id), " ", entity), ": ", reading.problem));
  dates = *reading.dates;
  absent = reading.dates->absent();
  row_of_ = std::move(reading.dates->rows);
  for (std::size_t i = 1; absent > 0 && keys.missing == "refuse" && i < row_of_.size(); ++i)
    if (const Index between = row_of_[i] - row_of_[i - 1] - 1; between > 0)
      throw DataError(str(cell_place(file, lines_[i], keys.time), ": ", between,
                          between == 1 ? " date is" : " dates are", " absent between ", printable(cells[i - 1]),
                          " and ", printable(cells[i]), ", at a step of ", dates->step.text(), "; ", kFill));
  rows = row_of_.back() + 1;
  known = row_of_[past_ - 1] + 1;
  if (learned.done) return;
  learned.dates.step = dates->step;
  learned.dates.order = dates->form.order;
}

void SeriesTable::read_column(const CsvFile& file, std::size_t at, const std::string& name, const SeriesKeys& keys,
                              const SeriesLearned& learned) {
  const bool category = keys.is_category(name);
  const std::size_t end = keys.is_known(name) ? lines_.size() : past_;
  Column& column = columns[name];
  column.values.assign(static_cast<std::size_t>(rows), kMissing);
  for (std::size_t i = 0; i < end; ++i) {
    const std::size_t r = lines_[i];
    if (missing(cell_of(file, r, at, name), file, r, name, keys))
      ++column.missing;
    else
      column.values[row_of_.empty() ? i : static_cast<std::size_t>(row_of_[i])] =
          category ? category_of(file, r, at, name, learned.categories.at(printable(name))) : file.number(r, at, name);
  }
}

void SeriesTable::refuse_changes(const CsvFile& file, std::size_t at, const std::string& name,
                                 const SeriesKeys& keys) const {
  std::optional<std::size_t> first;
  for (const std::size_t r : lines_) {
    const auto cell = [&](std::size_t row) -> const std::string& { return cell_of(file, row, at, name); };
    if (is_missing(cell(r))) continue;
    if (!first) first = r;
    const bool same =
        keys.is_category(name) ? cell(r) == cell(*first) : file.number(r, at, name) == file.number(*first, at, name);
    if (!same)
      throw DataError(str(cell_place(file, r, name), " is \"", printable(cell(r), 60), "\", and in line ",
                          file.lines[*first], " \"", printable(cell(*first), 60),
                          "\"; what task.static names is the same in all rows", entity.empty() ? "" : " of an entity",
                          "; move it to task.columns or task.known_future"));
  }
}

std::vector<SeriesTable> read_series(const std::filesystem::path& from, const SeriesKeys& keys, SeriesLearned& learned,
                                     bool targets) {
  const CsvFile file(from);
  if (file.rows.size() < 2) throw DataError(str(file.path, ": holds no rows below a line of column names"));
  file.refuse_unnamed_cells();
  std::vector<SeriesTable> tables;
  for (auto& [entity, lines] : entities(file, keys.id))
    tables.push_back(SeriesTable(file, std::move(lines), entity, keys.id));
  if (!keys.known_future.empty()) {
    std::vector<std::string> past;
    for (const std::string& name : keys.needed(targets))
      if (!keys.is_known(name)) past.push_back(name);
    for (SeriesTable& table : tables) table.find_known(file, past);
  }
  if (!keys.time.empty()) {
    // The step is best told by many dates.
    const auto longest = std::max_element(
        tables.begin(), tables.end(), [](const auto& a, const auto& b) { return a.lines_.size() < b.lines_.size(); });
    longest->read_dates_of(file, keys, learned);
    for (SeriesTable& table : tables)
      if (&table != &*longest) table.read_dates_of(file, keys, learned);
  }
  for (const std::string& name : keys.needed(targets)) {
    const std::size_t at = find_column(file, name,
                                       holds(keys.columns, name) ? "task.columns"
                                       : holds(keys.fixed, name) ? "task.static"
                                       : keys.is_known(name)     ? "task.known_future"
                                                                 : "task.targets");
    if (keys.is_category(name)) learn_categories(file, at, name, learned);
    for (SeriesTable& table : tables) {
      if (holds(keys.fixed, name)) table.refuse_changes(file, at, name, keys);
      table.read_column(file, at, name, keys, learned);
    }
  }
  return tables;
}

void SeriesTable::refuse_other_scale(const SeriesLearned& learned, Index count) const {
  for (const auto& [name, column] : columns) {
    const auto found = learned.scales.find(printable(name));
    if (found == learned.scales.end() || !(found->second.deviation > 0)) continue;
    const auto [mean, deviation] = found->second;
    std::vector<float> known_values;
    for (Index r = std::max<Index>(0, known - count); r < known; ++r)
      if (const double value = column.values[static_cast<std::size_t>(r)]; !std::isnan(value))
        known_values.push_back(static_cast<float>((value - mean) / deviation));
    seqtape::refuse_other_scale(known_values, str(place(), ": column ", printable(name)), mean, deviation);
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
  if (!entity.empty()) add(entity.c_str(), entity.size() + 1);
  std::vector<std::string> names = keys.columns;  // then the targets, those that are among them once more
  for (const auto& more : {keys.asked(), keys.fixed, keys.known_future})
    names.insert(names.end(), more.begin(), more.end());
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
