#include <algorithm>
#include <limits>
#include <map>
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

/// Rows of one entity, in order; of one series all.
using Rows = std::vector<std::size_t>;

/// What a CSV file's columns are.
struct Columns {
  std::vector<std::string> numbers, categories, known_future, fixed, left_out;
  std::string id, time;
  std::vector<Rows> entities;
  std::vector<DateColumn> dates;  // of each entity
  Index missing = 0;              // cells of those that are read
  Index ahead = 0;                // rows at the end that known_future alone has
  std::vector<std::string> problems;
};

std::string_view cell(const CsvFile& file, std::size_t r, std::size_t c) {
  return c < file.rows[r].size() ? std::string_view(file.rows[r][c]) : std::string_view();
}

std::vector<std::string_view> cells_of(const CsvFile& file, const Rows& rows, std::size_t c) {
  std::vector<std::string_view> cells;
  for (const std::size_t r : rows) cells.push_back(cell(file, r, c));
  return cells;
}

/// 0, 1, 2, ... or 1, 2, 3, ...: the numbers of the rows, which programs write in front.
bool counts_rows(const std::vector<std::string_view>& cells) {
  for (std::size_t r = 0; r < cells.size(); ++r)
    if (cells[r] != std::to_string(r) && cells[r] != std::to_string(r + 1)) return false;
  return cells.size() > 2;
}

/// The dates of each entity, at one step; none where a column is none of dates.
std::vector<DateColumn> dates_of(const CsvFile& file, const std::vector<Rows>& entities, std::size_t c) {
  const auto longest = std::max_element(entities.begin(), entities.end(),
                                        [](const Rows& x, const Rows& y) { return x.size() < y.size(); });
  DateReading first = read_dates(cells_of(file, *longest, c));
  if (!first.dates) return {};
  std::vector<DateColumn> all;
  for (const Rows& rows : entities) {
    DateReading reading = read_dates(cells_of(file, rows, c), {first.dates->form.order, first.dates->step});
    if (!reading.dates) return {};
    all.push_back(std::move(*reading.dates));
  }
  return all;
}

/// The rows by the cells of a column, or nothing where it cannot name entities: too many, or cells without a name.
std::vector<Rows> by_entity(const CsvFile& file, std::size_t c) {
  constexpr std::size_t kLeastRows = 8;
  std::map<std::string_view, std::size_t> places;
  std::vector<Rows> all;
  for (std::size_t r = 1; r < file.rows.size(); ++r) {
    if (is_missing(cell(file, r, c))) return {};
    const auto [found, is_new] = places.emplace(cell(file, r, c), all.size());
    if (is_new) all.emplace_back();
    if (all.size() * kLeastRows > file.rows.size()) return {};
    all[found->second].push_back(r);
  }
  return all.size() > 1 ? all : std::vector<Rows>();
}

/// Finds dates: a column of them, or one that is so within each entity that another column names.
void find_dates(const CsvFile& file, Columns& all) {
  const std::vector<std::string>& header = file.rows[0];
  std::vector<std::size_t> candidates;  // their first cell is a date
  for (std::size_t c = 0; c < header.size(); ++c) {
    if (header[c].empty() || std::count(header.begin(), header.end(), header[c]) > 1) continue;
    const auto cells = cells_of(file, all.entities[0], c);
    if (std::all_of(cells.begin(), cells.end(), [](auto one) { return is_missing(one) || is_number(one); })) continue;
    DateReading reading = read_dates(cells);
    if (reading.dates) {
      all.time = header[c];
      all.dates.push_back(std::move(*reading.dates));
      return;
    }
    if (reading.cell == 0) continue;
    candidates.push_back(c);
    all.problems.push_back(str("\"", printable(header[c], 40), "\" is no column of dates: ", file.path, ":",
                               file.lines[reading.cell + 1], ": ", reading.problem));
  }
  for (std::size_t id = 0; id < header.size() && !candidates.empty(); ++id) {
    if (header[id].empty()) continue;
    const std::vector<Rows> entities = by_entity(file, id);
    for (const std::size_t c : candidates) {
      if (entities.empty() || c == id) continue;
      std::vector<DateColumn> dates = dates_of(file, entities, c);
      if (dates.empty()) continue;
      all.id = header[id];
      all.time = header[c];
      all.entities = entities;
      all.dates = std::move(dates);
      all.problems.clear();
      return;
    }
  }
}

/// What a column that is read holds.
struct Content {
  std::string name;
  bool numbers = true, fixed = true;
  std::vector<std::size_t> ends{};  // of each entity, behind its last value
};

/// Sorts the columns: what is fixed in each entity, what goes on where the others have ended, and the rest.
void sort_columns(const CsvFile& file, const std::vector<std::pair<std::size_t, Content>>& contents, Columns& all) {
  const auto most = [&](std::size_t e, bool least) {
    std::size_t end = least ? all.entities[e].size() : 0;
    for (const auto& [c, content] : contents)
      if (!content.fixed) end = least ? std::min(end, content.ends[e]) : std::max(end, content.ends[e]);
    return end;
  };
  std::vector<std::size_t> past, future;
  for (std::size_t e = 0; e < all.entities.size(); ++e) past.push_back(most(e, true)), future.push_back(most(e, false));
  Index ahead = std::numeric_limits<Index>::max();
  for (std::size_t e = 0; e < past.size(); ++e)
    ahead = std::min(ahead, static_cast<Index>(future[e]) - static_cast<Index>(past[e]));
  const auto is_known = [&](const Content& content) { return ahead > 0 && !content.fixed && content.ends == future; };
  const bool some_past = std::any_of(contents.begin(), contents.end(), [&](const auto& one) {
    return one.second.numbers && !one.second.fixed && !is_known(one.second);
  });
  all.ahead = some_past ? ahead : 0;
  for (const auto& [c, content] : contents) {
    const bool known = some_past && is_known(content), fixed = content.fixed && all.entities.size() > 1;
    (fixed             ? all.fixed
     : known           ? all.known_future
     : content.numbers ? all.numbers
                       : all.categories)
        .push_back(content.name);
    if (!content.numbers && (fixed || known)) all.categories.push_back(content.name);
    for (std::size_t e = 0; e < all.entities.size(); ++e)
      for (std::size_t i = 0; i < (known || fixed  ? all.entities[e].size()
                                   : all.ahead > 0 ? past[e]
                                                   : all.entities[e].size());
           ++i)
        all.missing += is_missing(cell(file, all.entities[e][i], c));
  }
}

Columns columns_of(const CsvFile& file) {
  Columns all;
  const std::vector<std::string>& header = file.rows[0];
  for (std::size_t r = 1; r < file.rows.size(); ++r)
    (all.entities.empty() ? all.entities.emplace_back() : all.entities[0]).push_back(r);
  find_dates(file, all);
  std::vector<std::pair<std::size_t, Content>> contents;
  for (std::size_t c = 0; c < header.size(); ++c) {
    const std::string& name = header[c];
    if (!name.empty() && (name == all.id || name == all.time)) continue;
    const auto leave = [&](const std::string& why) {
      all.left_out.push_back(name.empty() ? str("column ", c + 1, " (", why, ")")
                                          : str("\"", printable(name, 40), "\" (", why, ")"));
    };
    Content content{name};
    std::set<std::string_view> values;
    for (const Rows& rows : all.entities) {
      std::size_t& end = content.ends.emplace_back();
      std::string_view first;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::string_view one = cell(file, rows[i], c);
        if (is_missing(one)) continue;
        end = i + 1;
        content.numbers = content.numbers && is_number(one);
        if (first.empty()) first = one;
        content.fixed = content.fixed && one == first;
        if (values.size() <= kMostValues) values.insert(one);
      }
    }
    std::vector<std::string_view> cells;
    for (std::size_t r = 1; r < file.rows.size(); ++r) cells.push_back(cell(file, r, c));
    const bool counts = counts_rows(cells),
               problem = std::any_of(all.problems.begin(), all.problems.end(), [&](const auto&one) {
                 return one.starts_with(str("\"", printable(name, 40), "\" is no column of dates"));
               });
    if (name.empty() && !counts)
      leave("has no name");
    else if (std::count(header.begin(), header.end(), name) > 1)
      leave("is there twice");
    else if (values.empty())
      leave("is empty");
    else if (c == 0 && counts)
      leave("numbers the rows");
    else if (!content.numbers && values.size() > kMostValues)
      leave(problem ? "see above" : str("more than ", kMostValues, " different texts"));
    else
      contents.emplace_back(c, std::move(content));
  }
  sort_columns(file, contents, all);
  return all;
}

std::string named(const char* what, const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < names.size() && i < 12; ++i) shown.push_back(printable(names[i], 40));
  return str(what, ": ", join(shown, ", "), names.size() > 12 ? str(" and ", names.size() - 12, " more") : "");
}

}  // namespace

/// All columns of numbers whose future is not known are read and forecast; dates, entities, gaps and categories are
/// recognised.
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
  for (const std::string& name : columns.categories)
    if (std::find(columns.fixed.begin(), columns.fixed.end(), name) == columns.fixed.end() &&
        std::find(columns.known_future.begin(), columns.known_future.end(), name) == columns.known_future.end())
      read.push_back(name);
  proposal.task = {{"name", "series"}, {"path", path.string()}, {"columns", read}, {"targets", columns.numbers}};
  Index all = rows, season = 1, most = 0;  // of the shortest entity, and of the longest
  for (std::size_t e = 0; e < columns.entities.size(); ++e) {
    const Index own =
        (columns.dates.empty() ? std::ssize(columns.entities[e]) : columns.dates[e].rows.back() + 1) - columns.ahead;
    all = e ? std::min(all, own) : own;
    most = std::max(most, own);
  }
  Index absent = 0;
  if (!columns.dates.empty()) {
    const auto& dates = columns.dates;
    season = usual_season(dates[0].step);
    proposal.task["time"] = columns.time;
    seen.push_back("calendar: not read; --set task.calendar='[\"day_of_week\"]' adds it (seqtape list series)");
    const auto first =
        std::min_element(dates.begin(), dates.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
    const auto last = std::max_element(dates.begin(), dates.end(), [](const auto& x, const auto& y) {
      return x.at(x.rows.back()) < y.at(y.rows.back());
    });
    for (const DateColumn& one : dates) absent += one.absent();
    seen.push_back(str("dates: \"", printable(columns.time, 40), "\", ", dates[0].form.name(), ", ", first->text(0),
                       " to ", last->text(last->rows.back()), ", each ", dates[0].step.text(), ", ", grouped(absent),
                       " absent"));
  } else {
    seen.push_back("dates: none; rows follow each other");
  }
  if (!columns.id.empty()) {
    proposal.task.update({{"id", columns.id}, {"normalise", "window"}});
    seen.push_back(str("entities: ", grouped(std::ssize(columns.entities)), " by \"", printable(columns.id, 40),
                       "\", of ", grouped(all), " to ", grouped(most),
                       " rows; each window is read in its own scale (task.normalise)"));
  }
  seen.insert(seen.end(), columns.problems.begin(), columns.problems.end());
  seen.push_back(named("numbers", columns.numbers) + "; all are forecast (task.targets)");
  if (!columns.categories.empty()) {
    proposal.task["categorical"] = columns.categories;
    seen.push_back(named("categories", columns.categories));
  }
  if (!columns.fixed.empty()) {
    proposal.task["static"] = columns.fixed;
    seen.push_back(named("the same in all rows of an entity", columns.fixed));
  }
  if (!columns.known_future.empty()) {
    proposal.task["known_future"] = columns.known_future;
    seen.push_back(named("known ahead", columns.known_future) + str(", for ", columns.ahead,
                                                                    columns.ahead == 1 ? " row" : " rows",
                                                                    " behind the last of the others"));
  }
  if (!columns.left_out.empty()) seen.push_back(named("left out", columns.left_out));
  if (columns.missing > 0 || absent > 0) {
    proposal.task["missing"] = "linear";
    seen.push_back(
        str(grouped(columns.missing), " cells missing: filled by a line between their neighbours (task.missing)"));
  }
  // Seven tenths train, a tenth validates: that must hold a horizon, and the first part a window before it.
  Index horizon = std::clamp<Index>(season > 1 ? std::min<Index>(season, 48) : 12, 1, std::max<Index>(1, all / 20));
  if (columns.ahead > 0) horizon = std::min(columns.ahead, std::max<Index>(1, all / 4));
  const Index least = std::max<Index>(1, std::min<Index>(8, all - horizon));
  const Index length =
      std::clamp<Index>(season > 1 ? std::min<Index>(8 * season, 512) : 96, least, std::max(least, all / 4));
  if (season >= most * 7 / 10) season = 1;
  proposal.task.update({{"length", length}, {"horizon", horizon}, {"season", season}});
  seen.push_back(str("a forecast reads ", length, " rows and gives ", horizon, "; ",
                     season > 1 ? str("expected to repeat itself after ", season) : "no season is expected"));
  return proposal;
}

}  // namespace seqtape
