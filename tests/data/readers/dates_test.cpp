// Dates: their forms, their steps, what is absent, and what is refused.
#include "data/readers/dates.h"

#include <doctest/doctest.h>

#include <ctime>

#include "core/random.h"
#include "core/strings.h"

using namespace seqtape;
using namespace std::chrono;

namespace {

DateReading read(const std::vector<std::string>& cells, const DateHint& hint = {}) {
  return read_dates(std::vector<std::string_view>(cells.begin(), cells.end()), hint);
}

DateColumn dates(const std::vector<std::string>& cells, const DateHint& hint = {}) {
  const DateReading reading = read(cells, hint);
  INFO(reading.problem);
  REQUIRE(reading.dates);
  return *reading.dates;
}

std::string problem(const std::vector<std::string>& cells, std::size_t cell, const DateHint& hint = {}) {
  const DateReading reading = read(cells, hint);
  CHECK_FALSE(reading.dates);
  CHECK_EQ(reading.cell, cell);
  return reading.problem;
}

bool says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("dates: every form is read, named, and written again") {
  struct Form {
    const char *first, *second, *name, *step, *after;
  };
  const Form forms[] = {
      {"2024-02-28", "2024-02-29", "YYYY-MM-DD", "1 day", "2024-03-01"},
      {"2023/02/27", "2023/02/28", "YYYY/MM/DD", "1 day", "2023/03/01"},
      {"2023-11", "2023-12", "YYYY-MM", "1 month", "2024-01"},
      {"2024-12-31T23:15", "2024-12-31T23:30", "YYYY-MM-DDTHH:MM", "15 minutes", "2024-12-31T23:45"},
      {"2024-12-31 22:59:50", "2024-12-31 23:59:50", "YYYY-MM-DD HH:MM:SS", "1 hour", "2025-01-01 00:59:50"},
      {"2024-01-01T00:00:00.250Z", "2024-01-01T00:00:00.500Z", "YYYY-MM-DDTHH:MM:SS.fffZ", "0.25 seconds",
       "2024-01-01T00:00:00.750Z"},
      {"30.12.1999", "31.12.1999", "DD.MM.YYYY", "1 day", "01.01.2000"},
      {"31/01/2024", "29/02/2024", "DD/MM/YYYY", "1 month", "31/03/2024"},
      {"12/31/2023 9:00", "12/31/2023 10:00", "MM/DD/YYYY HH:MM", "1 hour", "12/31/2023 11:00"},
      {"8/30/2024", "8/31/2024", "MM/DD/YYYY", "1 day", "9/1/2024"},
  };
  for (const Form& form : forms) {
    CAPTURE(form.first);
    const DateColumn column = dates({form.first, form.second});
    CHECK_EQ(column.form.name(), form.name);
    CHECK_EQ(column.step.text(), form.step);
    CHECK_EQ(column.text(0), form.first);
    CHECK_EQ(column.text(1), form.second);
    CHECK_EQ(column.text(2), form.after);
    CHECK_EQ(column.absent(), 0);
  }
  CHECK_EQ(dates({" 2024-01-01 ", "2024-01-08"}).step.text(), "7 days");
}

TEST_CASE("dates: months, their ends, and years are steps of the calendar") {
  const DateColumn ends = dates({"2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"});
  CHECK_EQ(ends.step.text(), "1 month");
  CHECK_EQ(ends.text(5), "2024-05-31");
  CHECK_EQ(ends.text(14), "2025-02-28");
  CHECK_EQ(dates({"2024-06-30", "2024-09-30"}).text(2), "2024-12-31");
  const DateColumn days = dates({"2023-12-30", "2024-01-30", "2024-02-29", "2024-03-30"});
  CHECK_EQ(days.text(3), "2024-03-30");
  CHECK_EQ(days.text(14), "2025-02-28");
  const DateColumn years = dates({"1899-03-01", "1900-03-01", "1901-03-01"});
  CHECK_EQ(years.step.text(), "1 year");
  CHECK_EQ(years.text(105), "2004-03-01");
  const DateColumn leap = dates({"2020-02-29", "2021-02-28", "2022-02-28"});
  CHECK_EQ(leap.text(4), "2024-02-29");
  const DateColumn gap = dates({"2024-01", "2024-02", "2024-05", "2024-06"});
  CHECK_EQ(gap.absent(), 2);
  CHECK(gap.rows == std::vector<Index>{0, 1, 4, 5});
  // 31 days apart from the first of January is no month, as the next ones show.
  CHECK_EQ(dates({"2024-01-01", "2024-02-01", "2024-03-03", "2024-04-03"}).step.months, 0);
}

TEST_CASE("dates: rows that are absent, and the most frequent step") {
  const DateColumn column = dates({"2024-02-26", "2024-02-27", "2024-03-01", "2024-03-02", "2024-03-04"});
  CHECK_EQ(column.step.text(), "1 day");
  CHECK(column.rows == std::vector<Index>{0, 1, 4, 5, 7});
  CHECK_EQ(column.absent(), 3);
  CHECK_EQ(column.text(3), "2024-02-29");
  CHECK_EQ(column.row(column.at(7)), 7);
  CHECK_FALSE(column.row(column.at(7) + hours(1)));
  // A clock that is set forward and back elsewhere has no part in it: every day has 24 hours.
  std::vector<std::string> hourly;
  for (int h = 0; h < 24 * 400; ++h)
    hourly.push_back(format("2024-%02d-%02d %02d:00", h / 24 / 28 % 12 + 1, h / 24 % 28 + 1, h % 24));
  hourly.resize(24 * 28);
  CHECK_EQ(dates(hourly).absent(), 0);
  CHECK_EQ(dates(hourly).text(24 * 28 + 24 + 5), "2024-01-30 05:00");
}

TEST_CASE("dates: the calendar is that of the C library, for 2000 years") {
  Random random(1, "dates");
  for (int i = 0; i < 2000; ++i) {
    const Index at = random.below(Index{86400} * 365 * 2000) - Index{86400} * 365 * 1000;
    const std::time_t time = static_cast<std::time_t>(at);
    std::tm known{};
    REQUIRE(gmtime_r(&time, &known));
    char text[40];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &known);
    if (known.tm_year + 1900 < 1000) continue;  // strftime writes fewer digits
    const DateColumn column = dates({text});
    CHECK_EQ(column.first.time_since_epoch(), seconds(at));
    CHECK_EQ(column.text(0), text);
  }
}

TEST_CASE("dates: what is no column of dates, and why") {
  for (const char* cell : {"", "x", "20240101", "1704067200", "45292", "2024-1-1", "2024-01-01T", "2024-01-01 10",
                           "2024-01-01 24:00", "2024-01-01 10:60", "24-01-01", "01-02-2024", "2024-01-01 10:00:00.",
                           "2024-01-01 10:00+01:00", "2024-01-01x", "2024.01.01", "1/2/24", "2024/01"})
    CHECK(says(problem({"2024-01-01", cell}, 1), format("\"%s\" is not a date; dates are YYYY-MM-DD", cell)));
  CHECK_EQ(problem({"2023-02-28", "2023-02-29"}, 1), "\"2023-02-29\" is no day of the calendar");
  CHECK_EQ(problem({"31.04.2023"}, 0), "\"31.04.2023\" is no day of the calendar");
  CHECK(says(problem({"2024-01-01", "02.01.2024"}, 1),
             "\"02.01.2024\" is written otherwise than the first date, \"2024-01-01\""));
  CHECK(says(problem({"2024-01-01", "2024-01-02 00:00"}, 1), "is written otherwise than the first date"));
  CHECK(says(problem({"2024-01-01", "2024-01-02", "2024-01-02"}, 2), "\"2024-01-02\" comes twice: after"));
  CHECK(says(problem({"2024-01-01", "2024-01-03", "2024-01-02"}, 2),
             "\"2024-01-02\" is out of order: it comes after \"2024-01-03\""));
  CHECK(says(problem({"2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 02:30"}, 3),
             "is no whole number of steps after the first date, \"2024-01-01 00:00\"; most rows are 1 hour apart"));
  CHECK(says(problem({"2024-01-01", "2024-02-01", "2024-03-01", "2024-04-02", "2024-05-01", "2024-06-01"}, 3),
             "1 month apart"));
  CHECK(says(problem({"2024-01-02", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"}, 0),
             "has another day of the month than most dates, which are 1 month apart"));
  CHECK(says(problem({"2024-01-01 00:00:00", "2024-01-01 00:00:01", "2024-01-01 00:00:02", "2034-01-01 00:00:00"}, 3),
             "nearly all dates would be absent"));
  CHECK_EQ(problem({}, 0), "has no rows");
}

TEST_CASE("dates: day and month by the file's own numbers, by what was learned, or not at all") {
  CHECK_EQ(dates({"12/01/2024", "13/01/2024"}).form.order, DateForm::Order::day_month_year);
  CHECK_EQ(dates({"01/12/2024", "01/13/2024"}).form.order, DateForm::Order::month_day_year);
  const std::vector<std::string> either{"01/02/2024", "02/02/2024"};
  CHECK(says(problem(either, 0), "may be DD/MM/YYYY or MM/DD/YYYY, for no day of the column is above 12; write dates"));
  CHECK_EQ(dates(either, {.order = DateForm::Order::day_month_year}).step.text(), "1 day");
  CHECK_EQ(dates(either, {.order = DateForm::Order::month_day_year}).step.text(), "1 month");
  CHECK(says(problem(either, 0, {.order = DateForm::Order::year_month_day}), "may be DD/MM/YYYY"));
  CHECK(says(problem({"13/01/2024", "01/14/2024"}, 1), "has its day in another place than those before"));
  // The numbers win over what was learned.
  CHECK_EQ(dates({"12/01/2024", "13/01/2024"}, {.order = DateForm::Order::month_day_year}).form.order,
           DateForm::Order::day_month_year);
  const DateStep day{.span = days(1)}, hour{.span = hours(1)};
  CHECK_EQ(dates({"2024-01-01", "2024-01-02"}, {.step = day}).step, day);
  CHECK(
      says(problem({"2024-01-01", "2024-01-02"}, 1, {.step = hour}), "the dates are 1 day apart, and must be 1 hour"));
}
