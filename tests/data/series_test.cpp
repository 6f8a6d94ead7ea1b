// The series task on files as people have them: dates, gaps, categories, splits of their own.
#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/forecasting.h"
#include "data/readers/csv.h"
#include "data/task.h"
#include "tests/support/make_task.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::make;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

doctest::Approx about(double value) { return doctest::Approx(value).epsilon(1e-5); }

bool says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

bool noted(const Task& task, const std::string& what) {
  for (const auto& lines : {task.contents(), task.notes()})
    for (const std::string& line : lines)
      if (line == what) return true;
  return false;
}

/// A CSV file and the settings of the task on it; windows of 2 rows and a horizon of 1, unless set otherwise.
struct Series {
  TemporaryFolder folder;
  Json settings = {{"path", path("a.csv")}, {"columns", {"y"}},      {"length", 2},
                   {"horizon", 1},          {"train_fraction", 0.5}, {"test_fraction", 0.25}};

  std::string path(const std::string& name) const { return (folder / name).string(); }
  void write(const std::vector<std::string>& lines, const std::string& name = "a.csv") const {
    write_file(path(name), join(lines, "\n") + "\n");
  }
  /// A column y.
  void write_column(const std::vector<std::string>& cells, const std::string& name = "a.csv") const {
    std::vector<std::string> lines{"x,y"};
    for (const std::string& cell : cells) lines.push_back("1," + cell);
    write(lines, name);
  }
  std::unique_ptr<Task> task(const Json& more = Json::object()) const {
    Json all = settings;
    all.update(more);
    return make("series", all);
  }
  /// The task as a run has it, before its data are read.
  std::unique_ptr<Task> of_run(const Task& trained, const Json& more = Json::object()) const {
    Json all = settings;
    all.update(more);
    auto task = tasks().find("series")->make();
    read_fields([&](Fields& f) { task->fields(f); }, all, "task");
    task->use(Json::parse(trained.learned().dump()));
    return task;
  }
  std::string refused(const Json& more = Json::object()) const {
    return message_of<Error>([&] { task(more); });
  }
};

struct Windows {
  std::vector<std::vector<float>> inputs, targets;
};

/// The windows of a split, in order.
Windows windows(const Task& task, Split split) {
  Windows all;
  const auto pass = task.evaluation(split, {.batch = 1, .chunk = 1000});
  for (Batch batch; pass->next(batch);) {
    all.inputs.push_back(batch.values);
    all.targets.push_back(batch.target_values);
  }
  return all;
}

/// The training's windows, by the epoch's order.
Windows training(const Task& task) {
  Windows all;
  Batch batch;
  for (Index step = 0; step < task.training_sequences(); ++step) {
    task.training_batch(step, 1, batch);
    all.inputs.push_back(batch.values);
    all.targets.push_back(batch.target_values);
  }
  return all;
}

Forecasting::Target target_of(const Task& task) { return task.forecasting()->forecast_targets()[0]; }

/// The values of the windows' last target, in the data's units.
std::vector<double> in_units(const Task& task, const std::vector<std::vector<float>>& rows, std::size_t at) {
  std::vector<double> values;
  for (const auto& row : rows) values.push_back(target_of(task).trained.value(static_cast<double>(row[at])));
  return values;
}

/// What `predict` reads of a file.
std::vector<NewInput> read_new(Task& task, const std::string& path, Index backtests = 0) {
  std::vector<NewInput> all;
  const auto add = [&](NewInput input) { all.push_back(std::move(input)); };
  const NewInputs inputs = task.new_inputs();
  backtests ? inputs.backtest(path, backtests, add) : inputs.read(path, add);
  return all;
}

std::vector<float> steps_of(NewInput& input) {
  Steps steps;
  while (input.next(steps)) {
  }
  return steps.values;
}

void same(const std::vector<double>& got, const std::vector<double>& wanted) {
  REQUIRE_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    if (std::isnan(wanted[i]))
      CHECK(std::isnan(got[i]));
    else
      CHECK(got[i] == about(wanted[i]));
  }
}

}  // namespace

TEST_CASE("series: a column that is always the same, and one whose squares doubles do not hold") {
  Series series;
  series.write_column({"5", "5", "5", "5", "5", "5", "5", "5"});
  CHECK(noted(*series.task(), "y is 5 throughout the training part: errors are in its own units"));
  std::vector<std::string> cells;
  for (int r = 0; r < 16; ++r) cells.push_back(r % 2 ? "1e-300" : "3e-300");
  series.write_column(cells);
  const auto task = series.task();
  CHECK(noted(*task, "errors are in deviations of y in the training part: 1e-300 (mean 2e-300)"));
  Batch batch;
  task->training_batch(0, 1, batch);
  CHECK_EQ(std::fabs(batch.values[0]), about(1));
  CHECK_EQ(batch.values[0], about(-static_cast<double>(batch.values[1])));
}

TEST_CASE("series: what stands for a missing cell, and what does not") {
  const Series s;
  for (const char* cell : {"", "NaN", "nan", "NA", "n/a", "NULL", "null", "Nil", "None", "-", "?"}) {
    s.write_column({"1", "2", "3", "4", cell, "6", "7", "8"});
    CHECK(says(s.refused(), str("a.csv:6: column y has no value: \"", cell, "\"; set task.missing")));
    CHECK(noted(*s.task({{"missing", "linear"}}), "y: 1 of 8 missing, filled by linear"));
  }
  for (const char* cell : {"inf", "-inf", ".", "x", "--"}) {
    s.write_column({"1", "2", "3", "4", cell, "6", "7", "8"});
    CHECK(says(s.refused({{"missing", "mask"}}), "a.csv:6: column y is not a "));
  }
  for (const char* cell : {"1", " -2.5 ", "+1e3", "1e-400"}) CHECK(is_number(cell));
  for (const char* cell : {"", "nan", "inf", "1e200", "1,5", "2024-01-01", "x"}) CHECK_FALSE(is_number(cell));
  CHECK(says(s.refused({{"missing", "zero"}}), "task.missing: unknown name \"zero\""));
}

TEST_CASE("series: fills by hand's arithmetic; none takes a value of a later part") {
  // Rows 0 to 7 train, 8 to 11 validate, 12 to 15 test. The gaps: at the start, within, over each border, at the end.
  const Series s;
  s.write_column({"", "10", "", "", "40", "20", "30", "", "", "5", "6", "", "", "9", "11", ""});
  const auto values = [&](const char* rule) {
    const auto task = s.task({{"missing", rule}, {"length", 1}, {"season", 1}});
    std::vector<float> before;
    task->forecasting()->history(Split::validation, 0, 8, before);
    std::vector<double> all;
    for (const float value : before) all.push_back(target_of(*task).trained.value(static_cast<double>(value)));
    for (const Split split : {Split::validation, Split::test})
      for (const double value : in_units(*task, windows(*task, split).targets, 0)) all.push_back(value);
    return all;
  };
  same(values("forward"), {10, 10, 10, 10, 40, 20, 30, 30, 30, 5, 6, 6, 6, 9, 11, 11});
  // Row 7 trains: it must not know of row 9, which row 8 of the same part does.
  same(values("linear"), {10, 10, 20, 30, 40, 20, 30, 30, 30 + 2 * (5 - 30) / 3.0, 5, 6, 6, 8, 9, 11, 11});
  same(values("mask"), {kNan, 10, kNan, kNan, 40, 20, 30, kNan, kNan, 5, 6, kNan, kNan, 9, 11, kNan});
  // Mean and deviation are of the known cells that train.
  for (const char* rule : {"forward", "linear", "mask"}) {
    const auto task = s.task({{"missing", rule}});
    CHECK(target_of(*task).trained.mean == about(25));
    CHECK(target_of(*task).trained.scale == about(std::sqrt((225 + 225 + 25 + 25) / 4.0)));
    CHECK(noted(*task, str("y: 8 of 16 missing, ", std::string(rule) == "mask" ? "masked" : str("filled by ", rule))));
  }
  s.write_column({"", "", "", "", "", "", "", "", "1", "2", "3", "4", "5", "6", "7", "8"});
  CHECK(says(s.refused({{"missing", "forward"}}), "column y has no value in the 8 rows of the training part"));
  s.write_column({"1", "2", "3", "4", "5", "6", "7", "8", "9", "1", "2", "3", "", "", "", ""});
  CHECK(says(s.refused({{"missing", "mask"}}), "task.targets: all values of the test split are missing in "));
}

TEST_CASE("series: a straight line within a window does not know what comes after the window") {
  const Series s;
  s.write_column({"0", "1", "2", "3", "4", "", "", "7", "8", "9", "10", "11", "12", "", "14", "15"});
  const auto task = s.task({{"missing", "linear"}, {"length", 4}, {"horizon", 1}});
  const Windows test = windows(*task, Split::test);  // from row 12
  REQUIRE_EQ(test.inputs.size(), 4);
  // Rows 10 to 13 are read: row 13 is filled by row 12 alone. Rows 11 to 14: by both sides.
  same(in_units(*task, {test.inputs[2]}, 3), {12});
  same(in_units(*task, {test.inputs[3]}, 2), {13});
  same(in_units(*task, {test.targets[1]}, 0), {13});
  // Nor does a naive forecast of it.
  std::vector<float> naive;
  REQUIRE(task->forecasting()->naive_forecast(Split::test, 2, 1, naive));
  same({target_of(*task).trained.value(static_cast<double>(naive[0]))}, {12});
  REQUIRE(task->forecasting()->naive_forecast(Split::test, 3, 2, naive));
  same({target_of(*task).trained.value(static_cast<double>(naive[0]))}, {13});
  for (const auto& [inputs, targets] = training(*task); const auto& window : inputs) {
    const auto row = [&](std::size_t t) { return target_of(*task).trained.value(static_cast<double>(window[t])); };
    if (row(0) == about(2)) same({row(3)}, {4});             // rows 2 to 5
    if (row(0) == about(3)) same({row(2), row(3)}, {4, 4});  // rows 3 to 6: both are filled by row 4
    CHECK(row(3) <= 4.0001);                                 // a window that reads row 7 asks for row 8
  }
  // What `predict` reads of the file up to row 13 is what the evaluation read.
  s.write_column({"0", "1", "2", "3", "4", "", "", "7", "8", "9", "10", "11", "12", ""}, "b.csv");
  const auto run = s.of_run(*task, {{"missing", "linear"}, {"length", 4}});
  auto inputs = read_new(*run, s.path("b.csv"));
  const std::vector<float> steps = steps_of(inputs[0]);
  CHECK(std::vector<float>(steps.end() - 4, steps.end()) == test.inputs[2]);
  // And so does a backtest on the whole file, which has the later rows.
  auto back = read_new(*run, s.path("a.csv"), 2);
  REQUIRE_EQ(back.size(), 3);
  CHECK(steps_of(back[0]) == test.inputs[2]);
  CHECK(back[0].actual == std::vector<double>{14});
  CHECK_EQ(back[0].begin, 10);
  CHECK(back[2].actual.empty());
}

TEST_CASE("series: mask reads 0 and says so in a feature of its own") {
  Series s;
  s.write({"x,y", "1,10", ",20", "3,", "5,40", "1,50", ",", "3,70", "4,80"});
  s.settings["columns"] = {"x", "y"};
  s.settings["targets"] = {"y"};
  const auto task = s.task({{"missing", "mask"}, {"length", 2}, {"train_fraction", 0.5}, {"test_fraction", 0.25}});
  CHECK_EQ(task->shape().features, 4);
  const Windows test = windows(*task, Split::test);
  REQUIRE_EQ(test.inputs.size(), 2);
  const double x = (1 + 3 + 5) / 3.0, dx = std::sqrt((4 + 0 + 4) / 3.0);
  const auto& rows = test.inputs[0];  // rows 4 and 5
  CHECK(static_cast<double>(rows[0]) == about((1 - x) / dx));
  CHECK_EQ(rows[1], 1.0f);
  CHECK_EQ(rows[3], 1.0f);
  CHECK(std::vector<float>(rows.begin() + 4, rows.end()) == std::vector<float>{0, 0, 0, 0});
  Batch batch;
  task->training_batch(0, 2, batch);
  CHECK_EQ(batch.scored(), 1);  // rows 2 and 3 are asked for, of which row 2 is missing
  // Naive forecasts take the last value that is known.
  std::vector<float> naive;
  REQUIRE(task->forecasting()->naive_forecast(Split::test, 0, 1, naive));
  same({target_of(*task).trained.value(static_cast<double>(naive[0]))}, {50});
  REQUIRE(task->forecasting()->naive_forecast(Split::test, 1, 2, naive));
  same({target_of(*task).trained.value(static_cast<double>(naive[0]))}, {40});  // rows 5 and 3
}

TEST_CASE("series: dates that are absent are rows; out of order, twice and off the grid are refused") {
  Series s;
  s.settings["time"] = "day";
  std::vector<std::string> lines{"day,y"};
  for (int d : {1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16}) lines.push_back(format("%02d.03.2024,%d", d, d));
  s.write(lines);
  CHECK(says(s.refused(),
             "a.csv:5: column day: 1 date is absent between 03.03.2024 and 05.03.2024, at a step of 1 day; "
             "set task.missing"));
  const auto task = s.task({{"missing", "linear"}});
  CHECK(noted(*task, "3 dates absent, filled by linear"));
  CHECK(noted(*task, "train: 8 rows, 6 windows, 01.03.2024 to 08.03.2024"));
  CHECK(noted(*task, "validation: 4 rows, 4 windows, 09.03.2024 to 12.03.2024"));
  CHECK(noted(*task, "test: 4 rows, 4 windows, 13.03.2024 to 16.03.2024"));
  same(in_units(*task, windows(*task, Split::test).targets, 0), {13, 14, 15, 16});
  lines[4] = "05.03.2024,";
  s.write(lines);
  CHECK(noted(*s.task({{"missing", "mask"}}), "y: 1 of 13 missing, masked; 3 dates absent"));
  const auto with = [&](const std::string& line) {
    auto more = lines;
    more.push_back(line);
    s.write(more);
    return s.refused({{"missing", "linear"}});
  };
  CHECK(says(with("16.03.2024,1"), "a.csv:15: column day: \"16.03.2024\" comes twice: after \"16.03.2024\""));
  CHECK(says(with("14.03.2024,1"), "a.csv:15: column day: \"14.03.2024\" is out of order"));
  CHECK(says(with(",1"), "a.csv:15: column day: \"\" is not a date"));
  CHECK(says(with("31.02.2025,1"), "a.csv:15: column day: \"31.02.2025\" is no day of the calendar"));
  s.write({"t,y", "2024-01-01 00:00,1", "2024-01-01 01:00,1", "2024-01-01 02:00,2", "2024-01-01 02:30,1"});
  CHECK(says(s.refused({{"time", "t"}}), "a.csv:5: column t: \"2024-01-01 02:30\" is no whole number of steps"));
  CHECK(says(s.refused({{"time", "when"}}), "task.time: "));
  CHECK(says(s.refused({{"time", "y"}}), "a.csv:2: column y: \"1\" is not a date"));
}

TEST_CASE("series: a run keeps its step and its order of day and month") {
  Series s;
  s.settings["time"] = "day";
  std::vector<std::string> lines{"day,y"};
  for (int d = 1; d <= 16; ++d) lines.push_back(format("%02d/03/2024,%d", d, d % 5));
  s.write(lines);
  const auto task = s.task();
  CHECK_EQ(task->learned()["dates"], (Json{{"form", "DD/MM"}, {"months", 0}, {"microseconds", 86400000000}}));
  const auto run = s.of_run(*task);
  lines.resize(10);
  s.write(lines, "few.csv");  // no day above 12: alone it would not be known
  CHECK_EQ(read_new(*run, s.path("few.csv"))[0].time(9), "10/03/2024");
  CHECK_EQ(read_new(*run, s.path("few.csv"))[0].time(31), "01/04/2024");
  s.write({"day,y", "01/03/2024,1", "08/03/2024,1", "15/03/2024,1"}, "weeks.csv");
  CHECK(says(message_of<DataError>([&] { read_new(*run, s.path("weeks.csv")); }),
             "weeks.csv:3: column day: \"08/03/2024\": the dates are 7 days apart, and must be 1 day"));
}

TEST_CASE("series: categories are features of 0 and 1; unknown ones are refused by name") {
  Series s;
  s.settings["columns"] = {"shop", "y"};
  s.settings["categorical"] = {"shop"};
  s.write({"shop,y", "b,1", "a,2", "c,3", "b,4", "a,5", "a,6", "c,7", "b,8"});
  const auto task = s.task();
  CHECK_EQ(task->shape().features, 4);
  CHECK_EQ(task->shape().outputs, 1);  // a category is no target
  CHECK_EQ(task->learned()["categories"], (Json{{"shop", {"a", "b", "c"}}}));
  CHECK_FALSE(task->learned()["scales"].contains("shop"));
  const Windows test = windows(*task, Split::test);
  CHECK(std::vector<float>(test.inputs[0].begin(), test.inputs[0].begin() + 3) == std::vector<float>{1, 0, 0});
  CHECK(std::vector<float>(test.inputs[1].begin() + 4, test.inputs[1].begin() + 7) == std::vector<float>{0, 0, 1});
  const auto run = s.of_run(*task);
  CHECK_EQ(run->shape().features, 4);  // before any data are read
  s.write({"shop,y", "c,1", "x,2"}, "b.csv");
  CHECK_EQ(message_of<DataError>([&] { read_new(*run, s.path("b.csv")); }),
           s.path("b.csv") + ":3: column shop: \"x\" was not among the 3 of training: a, b, c");
  // Of fewer categories each keeps its place.
  s.write({"y,shop", "1,c", "2,c"}, "b.csv");
  auto inputs = read_new(*run, s.path("b.csv"));
  const std::vector<float> steps = steps_of(inputs[0]);
  CHECK(std::vector<float>(steps.begin(), steps.begin() + 3) == std::vector<float>{0, 0, 1});
  // Missing: nothing is known, or it is the last one.
  s.write({"shop,y", "b,1", "?,2", "c,3", "b,4", "a,5", ",6", "c,7", "b,8"});
  CHECK(windows(*s.task({{"missing", "mask"}}), Split::test).inputs[0][5] == 0);
  const Windows filled = windows(*s.task({{"missing", "linear"}}), Split::test);
  CHECK(std::vector<float>(filled.inputs[0].begin() + 4, filled.inputs[0].begin() + 7) == std::vector<float>{1, 0, 0});
  CHECK(says(s.refused(), "a.csv:3: column shop has no value: \"?\""));
  CHECK_EQ(s.refused({{"targets", {"shop"}}}), "task.targets: \"shop\" is categorical; what is forecast are numbers");
  CHECK(says(s.refused({{"categorical", {"shp"}}}), "task.categorical: \"shp\" is not among task.columns; did you"));
  CHECK(says(s.refused({{"columns", {"shop"}}}), "task.targets: must name a column of numbers"));
}

TEST_CASE("series: calendar features turn with the calendar") {
  Series s;
  s.settings.update({{"time", "t"}, {"length", 1}, {"train_fraction", 0.4}, {"test_fraction", 0.2}});
  s.settings["calendar"] = {"hour_of_day", "day_of_week", "day_of_month", "day_of_year", "month_of_year"};
  s.write({"t,y", "2024-02-28 06:00,1", "2024-02-28 18:00,2", "2024-02-29 06:00,3", "2024-02-29 18:00,4",
           "2024-03-01 06:00,5"});
  const auto task = s.task();
  CHECK_EQ(task->shape().features, 11);
  const auto rows = windows(*task, Split::test).inputs;  // row 3, Thursday the 29th, 60th of 366, at 18 o'clock
  const double turns[] = {0.75, 3 / 7.0, 28 / 29.0, 59 / 366.0, 1 / 12.0};
  for (std::size_t k = 0; k < 5; ++k) {
    CAPTURE(k);
    CHECK(static_cast<double>(rows[0][1 + 2 * k]) == doctest::Approx(std::sin(2 * std::numbers::pi * turns[k])));
    CHECK(static_cast<double>(rows[0][2 + 2 * k]) ==
          doctest::Approx(std::cos(2 * std::numbers::pi * turns[k])).scale(1).epsilon(1e-6));
  }
  CHECK_EQ(s.refused({{"time", ""}}), "task.calendar: takes dates; name their column in task.time");
  CHECK(says(s.refused({{"calendar", {"day_of_weak"}}}), "unknown name \"day_of_weak\"; did you mean"));
}

TEST_CASE("series: files of their own for splits") {
  Series s;
  const auto count = [](int from, int rows) {
    std::vector<std::string> cells;
    for (int i = from; i < from + rows; ++i) cells.push_back(std::to_string(i));
    return cells;
  };
  s.write_column(count(0, 20));
  s.write_column(count(10, 8), "v.csv");
  s.write_column(count(30, 6), "t.csv");
  const Json validation{{"validation_path", s.path("v.csv")}}, test{{"test_path", s.path("t.csv")}};
  const auto first = [](const Task& task, Split split) { return in_units(task, windows(task, split).targets, 0); };
  {
    const auto task = s.task(validation);  // rows 0 to 14 train
    CHECK_EQ(task->training_sequences(), 13);
    CHECK(target_of(*task).trained.mean == about(7));
    same(first(*task, Split::validation), {12, 13, 14, 15, 16, 17});
    same(first(*task, Split::test), {15, 16, 17, 18, 19});
    CHECK(noted(*task, "validation: 8 rows, 6 windows"));
  }
  {
    const auto task = s.task(test);  // rows 0 to 9 train, 10 to 19 validate
    CHECK(target_of(*task).trained.mean == about(4.5));
    same(first(*task, Split::validation), {10, 11, 12, 13, 14, 15, 16, 17, 18, 19});
    same(first(*task, Split::test), {32, 33, 34, 35});
    // Of season 3, a window that begins a file of its own has no row before it.
    std::vector<float> naive;
    CHECK_FALSE(task->forecasting()->naive_forecast(Split::test, 0, 3, naive));
    REQUIRE(task->forecasting()->naive_forecast(Split::test, 1, 3, naive));
    same({target_of(*task).trained.value(static_cast<double>(naive[0]))}, {30});
  }
  Json both = validation;
  both.update(test);
  both["train_path"] = s.path("a.csv");
  both["path"] = "";
  const auto task = s.task(both);
  CHECK_EQ(task->training_sequences(), 18);  // all of it
  CHECK(target_of(*task).trained.mean == about(9.5));
  CHECK_NE(task->fingerprint(), s.task(validation)->fingerprint());
  CHECK_EQ(s.refused({{"train_path", "x"}}), "task.train_path: is another name of task.path; one of them can be given");
  CHECK_EQ(s.refused({{"path", ""}}),
           "task.path: is required: where the data are; or task.train_path, beside task.validation_path");
  CHECK(says(s.refused({{"test_path", s.path("no.csv")}}), "no.csv does not exist or is not a file"));
  s.write_column(count(0, 2), "t.csv");
  CHECK(says(s.refused(test), "do not fit the test split; " + s.path("t.csv") + " has 2 rows; lower them"));
  s.write_column({"1000", "2000", "3000", "4000"}, "t.csv");
  CHECK(says(s.refused(test), "t.csv: column y: lies "));
  s.write({"x,z", "1,2", "1,2", "1,2"}, "t.csv");
  CHECK(says(s.refused(test), s.path("t.csv") + " has no column \"y\""));
}

TEST_CASE("series: a run whose own file has other values by now keeps the means that it learned") {
  Series s;
  s.write_column({"10", "20", "30", "40", "50", "60", "70", "80"});
  const auto trained = s.task();
  s.write_column({"60", "50", "40", "30", "20", "10", "20", "30"});
  const auto run = s.of_run(*trained);
  run->prepare(1);
  CHECK_EQ(run->learned(), trained->learned());
  // By 25 and the root of 125, of 10, 20, 30, 40.
  CHECK(static_cast<double>(windows(*run, Split::test).targets[0][0]) == about((20 - 25) / std::sqrt(125.0)));
}

TEST_CASE("series: other data are scored by what the run learned, all of them") {
  Series s;
  s.settings.update({{"columns", {"x", "y"}}, {"targets", {"y"}}});
  s.write({"x,y", "1,10", "2,20", "3,30", "4,40", "5,50", "6,60", "7,70", "8,80"});
  const auto trained = s.task();
  const auto on = [&](const std::string& name) {
    auto run = s.of_run(*trained);
    run->evaluate_on(s.path(name));
    run->prepare(1);
    return run;
  };
  // Another mean and deviation, other columns between, another order.
  s.write({"y,z,x", "90,a,1", "120,b,2", "80,c,3", "10,d,4", "70,e,9"}, "b.csv");
  const auto run = on("b.csv");
  CHECK_FALSE(run->has(Split::train));
  CHECK_FALSE(run->has(Split::validation));
  REQUIRE(run->has(Split::test));
  const Windows test = windows(*run, Split::test);
  REQUIRE_EQ(test.targets.size(), 3);
  // By the training's 10, 20, 30, 40 and 1, 2, 3, 4: means and deviations that are fitted again fail here.
  const double dy = std::sqrt(125.0), dx = std::sqrt(1.25);
  CHECK(static_cast<double>(test.targets[0][0]) == about((80 - 25) / dy));
  CHECK(static_cast<double>(test.inputs[0][0]) == about((1 - 2.5) / dx));
  CHECK(static_cast<double>(test.inputs[0][1]) == about((90 - 25) / dy));
  CHECK(run->forecasting()->window(Split::test, 0).seasonal[0] == about(10));  // of the training's 10, 20, 30, 40
  CHECK_EQ(run->training_sequences(), 0);
  s.write({"x,y", "1000,10000", "2000,20000", "3000,30000", "4000,40000"}, "b.csv");
  CHECK(says(message_of<DataError>([&] { on("b.csv"); }), "b.csv: column x: lies "));
  s.write({"x,z", "1,2", "1,2", "3,4"}, "b.csv");
  CHECK(says(message_of<ConfigError>([&] { on("b.csv"); }), "b.csv has no column \"y\""));
  s.write({"x,y", "1,2", "1,2"}, "b.csv");
  CHECK(says(message_of<DataError>([&] { on("b.csv"); }), "do not fit the test split; " + s.path("b.csv") + " has 2"));
  // Data of a run that learned nothing cannot be scored.
  auto fresh = s.of_run(*trained);
  fresh->use(Json::object());
  fresh->evaluate_on(s.path("b.csv"));
  CHECK(says(message_of<DataError>([&] { fresh->prepare(1); }), "by what a run has learned"));
}

TEST_CASE("series: what is learned of a config without the new keys has no new keys, and predict does not refit") {
  const Series s;
  s.write_column({"1", "2", "3", "4", "5", "6", "7", "8"});
  const auto task = s.task();
  CHECK_EQ(task->learned().dump().substr(0, 53), R"({"columns":["y"],"targets":["y"],"scales":{"y":{"mean)");
  CHECK_EQ(task->learned().size(), 4);
  CHECK(task->learned()["seasonal_errors"]["targets"]["y"] == about(1));
  const auto run = s.of_run(*task);
  s.write_column({"6", "8"}, "b.csv");
  auto inputs = read_new(*run, s.path("b.csv"));
  const std::vector<float> steps = steps_of(inputs[0]);
  CHECK(static_cast<double>(steps[0]) == about((6 - 2.5) / std::sqrt(1.25)));
  CHECK(static_cast<double>(steps[1]) == about((8 - 2.5) / std::sqrt(1.25)));
  CHECK(says(message_of<DataError>([&] { read_new(*run, s.path("b.csv"), 1); }),
             "b.csv: has 2 rows, and 1 windows of 2 rows with horizons of 1 take 3; lower --backtest"));
  const auto old = s.of_run(*task);
  old->use({{"columns", {"y"}}});
  CHECK(says(message_of<DataError>([&] { old->new_inputs(); }), "it is of an earlier version"));
}
