#pragma once
// Dates in a column of text: which form they have, how far apart they are, and which of them are absent.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// Microseconds since 1970-01-01, in the calendar of the file: no time zone, no summer time.
using Moment = std::chrono::sys_time<std::chrono::microseconds>;

/// How dates are written: YYYY-MM-DD, YYYY/MM/DD, DD.MM.YYYY, DD/MM/YYYY or MM/DD/YYYY, after which HH:MM[:SS[.f]] may
/// follow behind a T or a blank, and then a Z; or YYYY-MM alone. Day and month, and the hour, may have one digit, but
/// not after a year.
struct DateForm {
  enum class Order { year_month_day, year_month, day_month_year, month_day_year };
  Order order = Order::year_month_day;
  char separator = '-';
  char clock = '\0';  ///< what stands before the hour; '\0': there is none
  bool seconds = false;
  int fraction = 0;  ///< digits of the seconds' fraction, up to 6
  bool zulu = false;
  bool padded = true, padded_hour = true;  ///< 01, not 1

  std::string name() const;  ///< "YYYY-MM-DD HH:MM"
  std::string write(Moment) const;
};

/// From one date to the next: months of the calendar, or a span of time.
struct DateStep {
  Index months = 0;
  std::chrono::microseconds span{0};  ///< where months is 0
  std::string text() const;           ///< "1 month", "15 minutes"
  bool operator==(const DateStep&) const = default;
};

/// The dates of a series whose rows are a step apart: row 0 has the first.
struct DateGrid {
  DateForm form{};
  DateStep step{};
  Moment first{};
  unsigned day = 1;  ///< of steps in months: the day of each, or the month's last where it is shorter

  Moment at(Index row) const;
  std::optional<Index> row(Moment) const;  ///< nothing: before the first, or between two rows
  /// The date of a row, also of one after the last, as the column writes dates.
  std::string text(Index row) const { return form.write(at(row)); }
};

/// A column of dates.
struct DateColumn : DateGrid {
  std::vector<Index> rows{};  ///< of each cell, rising; the numbers left out are of absent dates
  Index absent() const { return rows.back() + 1 - static_cast<Index>(rows.size()); }
};

/// What is known of dates before they are read.
struct DateHint {
  std::optional<DateForm::Order> order{};  ///< of days and months where the cells do not tell
  std::optional<DateStep> step{};          ///< that the dates must have
};

/// The dates, or the first cell that keeps the column from being one, and why: "\"x\" is not a date".
struct DateReading {
  std::optional<DateColumn> dates{};
  std::size_t cell = 0;
  std::string problem{};
};

/// Reads a column's cells: dates of one form that rise by whole steps. The step is the most frequent difference, in
/// months where most dates have the same day of their month, or all are its last. Numbers are not dates.
DateReading read_dates(std::span<const std::string_view> cells, const DateHint& = {});

}  // namespace seqtape
