#include "data/readers/dates.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

using namespace std::chrono;
using Order = DateForm::Order;

/// A cell's numbers, before it is known which is the day.
struct Written {
  DateForm form{};
  int first = 0, second = 0, third = 1;
  microseconds time{0};
};

/// Reads off the front of a text.
struct Front {
  std::string_view text;
  bool end() const { return text.empty(); }
  bool take(char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  }
  /// The digits that follow, at most 6; `count` gets how many.
  int number(int& count) {
    int value = 0;
    for (count = 0; count < 6 && !text.empty() && text.front() >= '0' && text.front() <= '9'; ++count) {
      value = 10 * value + (text.front() - '0');
      text.remove_prefix(1);
    }
    return value;
  }
};

bool read_clock(Front& front, Written& out) {
  int digits = 0;
  const int hour = front.number(digits);
  if (digits < 1 || digits > 2 || hour > 23 || !front.take(':')) return false;
  out.form.padded_hour = digits == 2;
  const int minute = front.number(digits);
  if (digits != 2 || minute > 59) return false;
  out.time = hours(hour) + minutes(minute);
  if (front.take(':')) {
    const int second = front.number(digits);
    if (digits != 2 || second > 59) return false;
    out.form.seconds = true;
    out.time += seconds(second);
    if (front.take('.')) {
      int part = front.number(digits);
      if (digits == 0) return false;
      out.form.fraction = digits;
      for (; digits < 6; ++digits) part *= 10;
      out.time += microseconds(part);
    }
  }
  out.form.zulu = front.take('Z');
  return true;
}

std::optional<Written> read_cell(std::string_view cell) {
  Front front{cell};
  while (front.take(' ')) {
  }
  while (!front.end() && front.text.back() == ' ') front.text.remove_suffix(1);
  Written out;
  int digits = 0;
  out.first = front.number(digits);
  const bool year_first = digits == 4;
  if (!year_first && (digits < 1 || digits > 2)) return {};
  out.form.padded = digits > 1;
  if (front.end()) return {};
  const char separator = out.form.separator = front.text.front();
  if (year_first ? separator != '-' && separator != '/' : separator != '.' && separator != '/') return {};
  front.take(separator);
  out.second = front.number(digits);
  if (digits < (year_first ? 2 : 1) || digits > 2) return {};
  out.form.padded &= digits == 2;
  if (year_first && separator == '-' && front.end()) {
    out.form.order = Order::year_month;
    return out;
  }
  if (!front.take(separator)) return {};
  out.third = front.number(digits);
  if (digits != (year_first ? 2 : 4)) return {};
  out.form.order = year_first ? Order::year_month_day : Order::day_month_year;
  if (!front.end()) {
    out.form.clock = front.text.front();
    if (!front.take('T') && !front.take(' ')) return {};
    if (!read_clock(front, out)) return {};
  }
  return front.end() ? std::optional(out) : std::nullopt;
}

bool same_form(const DateForm& a, const DateForm& b) {
  return a.order == b.order && a.separator == b.separator && a.clock == b.clock && a.seconds == b.seconds &&
         a.fraction == b.fraction && a.zulu == b.zulu;
}

std::optional<Moment> moment_of(const Written& cell, Order order) {
  const bool year_first = order == Order::year_month_day || order == Order::year_month;
  const int y = year_first ? cell.first : cell.third;
  const int m = order == Order::day_month_year || year_first ? cell.second : cell.first;
  const int d = year_first ? cell.third : order == Order::day_month_year ? cell.first : cell.second;
  const year_month_day date{year(y), month(static_cast<unsigned>(m)), std::chrono::day(static_cast<unsigned>(d))};
  if (!date.ok()) return {};
  return sys_days(date) + cell.time;
}

year_month_day date_of(Moment at) { return floor<days>(at); }
microseconds time_of(Moment at) { return at - floor<days>(at); }
Index month_number(const year_month_day& date) {
  return Index{12} * static_cast<int>(date.year()) + static_cast<Index>(static_cast<unsigned>(date.month())) - 1;
}
unsigned last_day(const year_month_day& date) {
  return static_cast<unsigned>(year_month_day_last(date.year(), month_day_last(date.month())).day());
}
unsigned day_of(const year_month_day& date) { return static_cast<unsigned>(date.day()); }

/// The key that occurs most often; of several the least.
template <class Key>
Key most_frequent(const std::map<Key, Index>& counts) {
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

/// Sets the step of dates that rise, and the day where it is in months.
void find_step(DateGrid& grid, const std::vector<Moment>& dates) {
  std::map<unsigned, Index> days_of_month;
  bool all_last = true;
  for (const Moment at : dates) {
    const year_month_day date = date_of(at);
    ++days_of_month[day_of(date)];
    all_last &= day_of(date) == last_day(date);
  }
  grid.day = all_last ? 31 : most_frequent(days_of_month);
  std::map<Index, Index> by_month;
  std::map<microseconds, Index> spans;
  Index monthly = 0;
  for (std::size_t i = 1; i < dates.size(); ++i) {
    ++spans[dates[i] - dates[i - 1]];
    const year_month_day a = date_of(dates[i - 1]), b = date_of(dates[i]);
    const auto on_day = [&](const year_month_day& date) { return day_of(date) == std::min(grid.day, last_day(date)); };
    const Index apart = month_number(b) - month_number(a);
    if (apart == 0 || !on_day(a) || !on_day(b) || time_of(dates[i]) != time_of(dates[i - 1])) continue;
    ++by_month[apart];
    ++monthly;
  }
  if (2 * monthly >= static_cast<Index>(dates.size()))
    grid.step.months = most_frequent(by_month);
  else if (!spans.empty())
    grid.step.span = most_frequent(spans);
}

std::string quoted(std::string_view cell) { return "\"" + printable(cell, 60) + "\""; }

constexpr const char* kForms =
    "; dates are YYYY-MM-DD, with HH:MM[:SS] after a T or a blank, YYYY-MM, DD.MM.YYYY, "
    "DD/MM/YYYY or MM/DD/YYYY";

/// The order of days and months where the year does not come first.
std::optional<Order> order_of(const std::vector<Written>& cells, const DateHint& hint, DateReading& out) {
  const DateForm& form = cells[0].form;
  if (form.order != Order::day_month_year || form.separator == '.') return form.order;
  const auto above = [&](int Written::*number) {
    return std::find_if(cells.begin(), cells.end(), [&](const Written& cell) { return cell.*number > 12; });
  };
  const auto first = above(&Written::first), second = above(&Written::second);
  if (first != cells.end() && second != cells.end()) {
    out.cell = static_cast<std::size_t>(std::max(first, second) - cells.begin());
    out.problem = " has its day in another place than those before; write dates as YYYY-MM-DD";
    return {};
  }
  if (first != cells.end()) return Order::day_month_year;
  if (second != cells.end()) return Order::month_day_year;
  if (hint.order == Order::day_month_year || hint.order == Order::month_day_year) return hint.order;
  out.problem = " may be DD/MM/YYYY or MM/DD/YYYY, for no day of the column is above 12; write dates as YYYY-MM-DD";
  return {};
}

}  // namespace

std::string DateForm::name() const {
  const std::string s(1, separator);
  std::string text = order == Order::year_month       ? "YYYY" + s + "MM"
                     : order == Order::year_month_day ? "YYYY" + s + "MM" + s + "DD"
                     : order == Order::day_month_year ? "DD" + s + "MM" + s + "YYYY"
                                                      : "MM" + s + "DD" + s + "YYYY";
  if (clock) text += clock + std::string("HH:MM");
  if (seconds) text += ":SS";
  if (fraction) text += "." + std::string(static_cast<std::size_t>(fraction), 'f');
  if (zulu) text += "Z";
  return text;
}

std::string DateForm::write(Moment at) const {
  const year_month_day date = date_of(at);
  const int y = static_cast<int>(date.year()), m = static_cast<int>(static_cast<unsigned>(date.month())),
            d = static_cast<int>(day_of(date));
  std::string text;
  switch (order) {
    case Order::year_month:
      return seqtape::format("%04d%c%02d", y, separator, m);
    case Order::year_month_day:
      text = seqtape::format("%04d%c%02d%c%02d", y, separator, m, separator, d);
      break;
    case Order::day_month_year:
    case Order::month_day_year: {
      const bool day_first = order == Order::day_month_year;
      const int a = day_first ? d : m, b = day_first ? m : d;
      text = padded ? seqtape::format("%02d%c%02d", a, separator, b) : seqtape::format("%d%c%d", a, separator, b);
      text += seqtape::format("%c%04d", separator, y);
      break;
    }
  }
  if (!clock) return text;
  const hh_mm_ss<microseconds> time(time_of(at));
  const int hour = static_cast<int>(time.hours().count()), minute = static_cast<int>(time.minutes().count());
  text += clock + (padded_hour ? seqtape::format("%02d:%02d", hour, minute) : seqtape::format("%d:%02d", hour, minute));
  if (seconds) text += seqtape::format(":%02d", static_cast<int>(time.seconds().count()));
  if (fraction) {
    const std::string digits = seqtape::format("%06d", static_cast<int>(time.subseconds().count()));
    text += "." + digits.substr(0, static_cast<std::size_t>(fraction));
  }
  return zulu ? text + "Z" : text;
}

std::string DateStep::text() const {
  const auto of = [](Index count, const char* unit) { return str(count, " ", unit, count == 1 ? "" : "s"); };
  if (months) return months % 12 ? of(months, "month") : of(months / 12, "year");
  const Index count = span.count();
  for (const auto& [unit, size] : {std::pair<const char*, microseconds>{"day", days(1)},
                                   {"hour", hours(1)},
                                   {"minute", minutes(1)},
                                   {"second", seconds(1)}})
    if (count && count % size.count() == 0) return of(count / size.count(), unit);
  return seqtape::format("%g seconds", static_cast<double>(count) / 1e6);
}

Moment DateGrid::at(Index row) const {
  if (!step.months) return first + row * step.span;
  const Index number = month_number(date_of(first)) + row * step.months;
  const year_month_day begin{year(static_cast<int>(number / 12)), month(static_cast<unsigned>(number % 12 + 1)),
                             std::chrono::day(1)};
  return sys_days(begin) + days(std::min(day, last_day(begin)) - 1) + time_of(first);
}

std::optional<Index> DateGrid::row(Moment when) const {
  if (when < first) return {};
  Index number = 0;
  if (step.months)
    number = (month_number(date_of(when)) - month_number(date_of(first))) / step.months;
  else if (step.span.count())
    number = (when - first) / step.span;
  return at(number) == when ? std::optional(number) : std::nullopt;
}

DateReading read_dates(std::span<const std::string_view> cells, const DateHint& hint) {
  DateReading out;
  std::vector<Written> written;
  written.reserve(cells.size());
  const auto refuse = [&](std::size_t cell, const std::string& problem) {
    out.cell = cell;
    out.problem = quoted(cells[cell]) + problem;
    return out;
  };
  if (cells.empty()) {
    out.problem = "has no rows";
    return out;
  }
  bool padded = true, padded_hour = true;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::optional<Written> cell = read_cell(cells[i]);
    if (!cell) return refuse(i, str(" is not a date", kForms));
    if (i && !same_form(cell->form, written[0].form))
      return refuse(i, str(" is written otherwise than the first date, ", quoted(cells[0])));
    padded &= cell->form.padded;
    padded_hour &= cell->form.padded_hour;
    written.push_back(*cell);
  }
  const std::optional<Order> order = order_of(written, hint, out);
  if (!order) return refuse(out.cell, out.problem);

  DateColumn column;
  column.form = written[0].form;
  column.form.order = *order;
  column.form.padded = padded;
  column.form.padded_hour = padded_hour;
  std::vector<Moment> dates;
  dates.reserve(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::optional<Moment> at = moment_of(written[i], *order);
    if (!at) return refuse(i, " is no day of the calendar");
    if (i && *at <= dates.back())
      return refuse(i, str(*at == dates.back() ? " comes twice: after " : " is out of order: it comes after ",
                           quoted(cells[i - 1]), "; sort the rows by date, and give each date one row"));
    dates.push_back(*at);
  }
  column.first = dates[0];
  find_step(column, dates);
  if (hint.step) {
    if (dates.size() > 1 && column.step != *hint.step)
      return refuse(1, str(": the dates are ", column.step.text(), " apart, and must be ", hint.step->text()));
    column.step = *hint.step;
  }
  // One date far away would make a grid that no memory holds.
  const Index most = 100 * static_cast<Index>(cells.size()) + 10000;
  column.rows.reserve(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::optional<Index> row = column.row(dates[i]);
    if (!row && i == 0)
      return refuse(i, str(" has another day of the month than most dates, which are ", column.step.text(), " apart"));
    if (!row)
      return refuse(i, str(" is no whole number of steps after the first date, ", quoted(cells[0]), "; most rows are ",
                           column.step.text(), " apart"));
    if (*row >= most)
      return refuse(i, str(" is ", *row - column.rows.back(), " steps of ", column.step.text(), " after ",
                           quoted(cells[i - 1]), ": nearly all dates would be absent"));
    column.rows.push_back(*row);
  }
  out.dates = std::move(column);
  return out;
}

}  // namespace seqtape
