#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"
#include "data/readers/csv.h"
#include "data/readers/dates.h"

namespace seqtape {
namespace {

constexpr std::size_t kMostValues = 50;  // of a column of categories

/// Rows after which a series of such steps is likely to repeat itself; 1: none is known.
Index usual_season(const DateStep& step) {
  using namespace std::chrono;
  if (step.months) return step.months < 12 && 12 % step.months == 0 ? 12 / step.months : 1;
  if (step.span == days(1)) return 7;
  if (step.span == weeks(1)) return 52;
  // Within a day: a day, or an hour where that is more rows than a model of this size reads.
  for (const auto season : {microseconds(days(1)), microseconds(hours(1)), microseconds(minutes(1))})
    if (season > step.span && season % step.span == microseconds(0) && season / step.span <= 288)
      return season / step.span;
  return 1;
}

/// What a CSV file's columns are.
struct Columns {
  std::vector<std::string> numbers, categories, left_out;
  std::string time;
  std::optional<DateColumn> dates;
  Index missing = 0;  // cells of those that are read
  std::vector<std::string> problems;
};

/// 0, 1, 2, ... or 1, 2, 3, ...: the numbers of the rows, which programs write in front.
bool counts_rows(const std::vector<std::string_view>& cells) {
  for (std::size_t r = 0; r < cells.size(); ++r)
    if (cells[r] != std::to_string(r) && cells[r] != std::to_string(r + 1)) return false;
  return cells.size() > 2;
}

Columns columns_of(const CsvFile& file) {
  Columns all;
  const std::vector<std::string>& header = file.rows[0];
  for (std::size_t c = 0; c < header.size(); ++c) {
    const std::string& name = header[c];
    const auto leave = [&](const std::string& why) {
      all.left_out.push_back(name.empty() ? str("column ", c + 1, " (", why, ")")
                                          : str("\"", printable(name, 40), "\" (", why, ")"));
    };
    std::vector<std::string_view> cells;
    Index missing = 0;
    bool numbers = true;
    std::set<std::string_view> values;
    for (std::size_t r = 1; r < file.rows.size(); ++r) {
      cells.push_back(c < file.rows[r].size() ? std::string_view(file.rows[r][c]) : std::string_view());
      if (is_missing(cells.back())) {
        ++missing;
        continue;
      }
      numbers = numbers && is_number(cells.back());
      if (values.size() <= kMostValues) values.insert(cells.back());
    }
    if (name.empty() && !counts_rows(cells)) {
      leave("has no name");
      continue;
    }
    if (std::count(header.begin(), header.end(), name) > 1) {
      leave("is there twice");
      continue;
    }
    if (values.empty()) {
      leave("is empty");
      continue;
    }
    if (c == 0 && counts_rows(cells)) {
      leave("numbers the rows");
      continue;
    }
    if (numbers) {
      all.numbers.push_back(name);
    } else {
      DateReading reading;
      if (all.time.empty()) reading = read_dates(cells);
      if (reading.dates) {
        all.time = name;
        all.dates = std::move(reading.dates);
        continue;
      }
      // A column whose first cell is a date was meant as one.
      if (all.time.empty() && reading.cell > 0)
        all.problems.push_back(str("\"", printable(name, 40), "\" is no column of dates: ", file.path, ":",
                                   file.lines[reading.cell + 1], ": ", reading.problem));
      if (values.size() > kMostValues) {
        leave(reading.cell > 0 ? "see above" : str("more than ", kMostValues, " different texts"));
        continue;
      }
      all.categories.push_back(name);
    }
    all.missing += missing;
  }
  return all;
}

std::string named(const char* what, const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < names.size() && i < 12; ++i) shown.push_back(printable(names[i], 40));
  return str(what, ": ", join(shown, ", "), names.size() > 12 ? str(" and ", names.size() - 12, " more") : "");
}

}  // namespace

/// All columns of numbers are read and forecast; dates, gaps and categories are recognised.
Proposal propose_series(const Paths& paths) {
  const auto path = only_path(paths, "series", "one CSV file");
  const CsvFile file(path);
  const Index rows = static_cast<Index>(file.rows.size()) - 1;
  const Columns columns = columns_of(file);
  if (columns.numbers.empty())
    throw DataError(str(path.string(), ": has no column of numbers below a line of names, which could be forecast"));
  if (rows < 40) throw DataError(str(path.string(), ": has ", rows, " rows, 40 are the least"));
  Proposal proposal;
  std::vector<std::string>& seen = proposal.seen;
  seen.push_back(str(grouped(rows), " rows of ", file.rows[0].size(), " columns"));
  std::vector<std::string> read = columns.numbers;
  read.insert(read.end(), columns.categories.begin(), columns.categories.end());
  proposal.task = {{"name", "series"}, {"path", path.string()}, {"columns", read}, {"targets", columns.numbers}};
  Index all = rows, season = 1;
  if (columns.dates) {
    const DateColumn& dates = *columns.dates;
    all = dates.rows.back() + 1;
    season = usual_season(dates.step);
    proposal.task["time"] = columns.time;
    seen.push_back("calendar: not read; --set task.calendar='[\"day_of_week\"]' adds it (seqtape list series)");
    seen.push_back(str("dates: \"", printable(columns.time, 40), "\", ", dates.form.name(), ", ", dates.text(0), " to ",
                       dates.text(all - 1), ", each ", dates.step.text(), ", ", grouped(dates.absent()), " absent"));
  } else {
    seen.push_back("dates: none; rows follow each other");
  }
  seen.insert(seen.end(), columns.problems.begin(), columns.problems.end());
  seen.push_back(named("numbers", columns.numbers) + "; all are forecast (task.targets)");
  if (!columns.categories.empty()) {
    proposal.task["categorical"] = columns.categories;
    seen.push_back(named("categories", columns.categories));
  }
  if (!columns.left_out.empty()) seen.push_back(named("left out", columns.left_out));
  if (columns.missing > 0 || all > rows) {
    proposal.task["missing"] = "linear";
    seen.push_back(
        str(grouped(columns.missing), " cells missing: filled by a line between their neighbours (task.missing)"));
  }
  // Seven tenths train, a tenth validates: that must hold a horizon, and the first part a window before it.
  const Index horizon = std::clamp<Index>(season > 1 ? std::min<Index>(season, 48) : 12, 1, all / 20);
  const Index length = std::clamp<Index>(season > 1 ? std::min<Index>(8 * season, 512) : 96, 8, all / 4);
  if (season >= all * 7 / 10) season = 1;
  proposal.task.update({{"length", length}, {"horizon", horizon}, {"season", season}});
  seen.push_back(str("a forecast reads ", length, " rows and gives ", horizon, "; ",
                     season > 1 ? str("expected to repeat itself after ", season) : "no season is expected"));
  return proposal;
}

}  // namespace seqtape
