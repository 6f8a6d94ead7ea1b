// A series as its owner has it, from train over eval to predict: with dates, gaps, shops, in its units.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <map>
#include <numbers>
#include <sstream>

#include "core/random.h"
#include "core/strings.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Outcome;
using testing::Workplace;

namespace {

bool says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

using Table = std::vector<std::map<std::string, std::string>>;

/// CSV without quotes; a line may end in an empty cell.
Table table(const std::string& csv) {
  const auto cells_of = [](const std::string& line) {
    std::vector<std::string> cells(1);
    for (const char c : line) c == ',' ? void(cells.emplace_back()) : void(cells.back() += c);
    return cells;
  };
  std::istringstream lines(csv);
  std::string line;
  REQUIRE(std::getline(lines, line));
  const auto names = cells_of(line);
  Table rows;
  while (std::getline(lines, line)) {
    const auto cells = cells_of(line);
    REQUIRE_EQ(cells.size(), names.size());
    auto& row = rows.emplace_back();
    for (std::size_t c = 0; c < cells.size(); ++c) row[names[c]] = cells[c];
  }
  return rows;
}

Table predicted(const Workplace& w, const std::string& more) {
  const Outcome outcome = testing::seqtape("predict " + w.run + " " + more);
  INFO(outcome.err);
  REQUIRE_EQ(outcome.exit_code, 0);
  return table(outcome.out);
}

Json scored(const Workplace& w, const std::string& more) {
  const Outcome outcome = testing::seqtape("eval " + w.run + " --json " + more);
  INFO(outcome.err);
  REQUIRE_EQ(outcome.exit_code, 0);
  return Json::parse(outcome.out);
}

/// Day `t` from 2010-01-01 on.
std::string date(int t) {
  using namespace std::chrono;
  const year_month_day day(sys_days(year(2010) / January / 1) + days(t));
  return format("%02u.%02u.%04d", static_cast<unsigned>(day.day()), static_cast<unsigned>(day.month()),
                static_cast<int>(day.year()));
}

/// Sales around 5000 with a week's rhythm of 300.
double sales(int t) { return 5000 + 300 * std::sin(2 * std::numbers::pi * t / 7); }

/// Days [from, to) in the columns' order; a cell in 50 is missing, days 700 and 701 are absent.
std::string file(int from, int to, bool turned = false, double scale = 1) {
  std::string text = turned ? "sales;note;shop;day\n" : "day;shop;sales\n";
  for (int t = from; t < to; ++t) {
    if (t == 700 || t == 701) continue;
    const std::string cell = t % 50 == 20 ? "n/a" : format("%.3f", scale * sales(t)), shop = t % 2 ? "east" : "west";
    text += turned ? cell + ";x;" + shop + ";" + date(t) + "\n" : date(t) + ";" + shop + ";" + cell + "\n";
  }
  return text;
}

std::string config(const std::string& more) {
  return R"({"task": {"name": "series", "path": "d.csv", "columns": ["sales", "shop"], "targets": ["sales"],
    "time": "day", "categorical": ["shop"], "calendar": ["day_of_week"], "length": 14, "horizon": 7, "season": 7, )" +
         more + R"(}, "model": {"name": "gru", "d_model": 16, "layers": 1}, "optimizer": {"name": "adamw", "lr": 0.02},
    "train": {"steps": 200, "batch": 16, "eval_every": 200, "tensorboard": false}})";
}

}  // namespace

TEST_CASE("a series with dates and gaps: train, eval and predict, in units and dates") {
  for (const char* rule : {"linear", "mask"}) {
    CAPTURE(rule);
    const Workplace w(config(format(R"("missing": "%s")", rule)));
    write_file(w.folder / "d.csv", file(0, 5000));
    const Outcome trained = w.train();
    INFO(trained.err);
    REQUIRE_EQ(trained.exit_code, 0);
    CHECK(says(trained.out, std::string("sales: 100 of 4,998 missing, ") +
                                (rule[0] == 'm' ? "masked" : "filled by linear") + "; 2 dates absent"));
    CHECK(says(trained.out, "train: 3,500 rows, 3,480 windows, 01.01.2010 to " + date(3499)));
    CHECK(says(trained.out, "test: 1,000 rows, 994 windows, " + date(4000) + " to " + date(4999)));
    const Json test = scored(w, "--split test");
    CHECK(test["targets"][0]["model"]["mae"].get<double>() < 60);  // of a rhythm of 300
    // Days 4000 to 4999 have 20 that are missing; windows that ask for one are 7 but at the ends.
    if (rule[0] == 'm') CHECK_EQ(test["n"], 994 * 7 - 20 * 7);

    // What follows has the next dates, and the values of those days.
    const Table rows = predicted(w, "");
    REQUIRE_EQ(rows.size(), 7);
    for (int h = 0; h < 7; ++h) {
      const auto& row = rows[static_cast<std::size_t>(h)];
      CHECK_EQ(row.at("time"), date(5000 + h));
      CHECK_EQ(row.at("step"), std::to_string(h + 1));
      CHECK(std::fabs(std::stod(row.at("sales")) - sales(5000 + h)) < 150);
    }
    const Json json = Json::parse(testing::seqtape("predict " + w.run + " --json").out);
    CHECK_EQ(json[0]["steps"][6]["time"], date(5006));

    // A new file: the columns in another order, one more between them.
    write_file(w.folder / "new.csv", file(5000, 5060, true));
    write_file(w.folder / "same.csv", file(5000, 5060));
    const std::string fresh = (w.folder / "new.csv").string();
    CHECK_EQ(predicted(w, fresh)[0].at("time"), date(5060));
    CHECK_EQ(predicted(w, fresh), predicted(w, (w.folder / "same.csv").string()));
    CHECK(says(testing::seqtape("predict " + w.run + " " + fresh).err, "new.csv: sales: 1 of 60 missing, "));

    // A backtest stands beside what came, and its answers are those of the files that ended then.
    const Table back = predicted(w, fresh + " --backtest 3");
    REQUIRE_EQ(back.size(), 28);
    for (int k = 0; k < 3; ++k) {
      const int end = 5060 - 7 * (3 - k);
      write_file(w.folder / "cut.csv", file(5000, end));
      const Table cut = predicted(w, (w.folder / "cut.csv").string());
      for (int h = 0; h < 7; ++h) {
        const auto& row = back[static_cast<std::size_t>(7 * k + h)];
        CHECK_EQ(row.at("window"), date(end - 1));
        CHECK_EQ(row.at("time"), date(end + h));
        CHECK_EQ(row.at("step"), std::to_string(h + 1));
        CHECK(std::stod(row.at("sales")) == doctest::Approx(std::stod(cut[static_cast<std::size_t>(h)].at("sales"))));
        const std::string actual =
            (end + h) % 50 == 20 ? "" : format("%.10g", std::stod(format("%.3f", sales(end + h))));
        CHECK_EQ(row.at("sales_actual"), actual);
      }
    }
    CHECK_EQ(back[27].at("window"), date(5059));
    CHECK_EQ(back[27].at("sales_actual"), "");
    const Json beside = Json::parse(testing::seqtape("predict " + w.run + " " + fresh + " --json --backtest 1").out);
    REQUIRE_EQ(beside.size(), 2);
    CHECK_EQ(beside[0]["window"], date(5052));
    CHECK_EQ(beside[0]["steps"][0]["actual"]["sales"], doctest::Approx(sales(5053)).epsilon(1e-6));
    CHECK(beside[1]["steps"][0]["actual"]["sales"].is_null());

    // Other data are scored in the run's own scale: the same numbers as where they are a part of its file.
    write_file(w.folder / "part.csv", file(4000 - 14, 5000));
    write_file(w.folder / "turned.csv", file(4000 - 14, 5000, true));
    const Json part = scored(w, "--data " + (w.folder / "part.csv").string());
    CHECK_EQ(part["n"], test["n"]);
    CHECK(part["mse"] == doctest::Approx(test["mse"].get<double>()).epsilon(1e-5));
    CHECK(part["targets"][0]["model"]["mae"] ==
          doctest::Approx(test["targets"][0]["model"]["mae"].get<double>()).epsilon(1e-5));
    CHECK_EQ(part.value("remarks", Json()), test.value("remarks", Json()));  // the week's rhythm leaves no naive error
    CHECK_EQ(scored(w, "--data " + (w.folder / "turned.csv").string())["mse"], part["mse"]);
    // A smaller piece has another mean; were it fitted again, its error would change by its size.
    write_file(w.folder / "scaled.csv", file(4000 - 14, 5000, false, 1.5));
    CHECK(scored(w, "--data " + (w.folder / "scaled.csv").string())["mse"].get<double>() >
          20 * test["mse"].get<double>());
    write_file(w.folder / "far.csv", file(4000, 5000, false, 1000));
    for (const char* command : {"eval", "predict"}) {
      const std::string data = (command[0] == 'e' ? "--data " : "") + (w.folder / "far.csv").string();
      const Outcome far = testing::seqtape(std::string(command) + " " + w.run + " " + data);
      CHECK_EQ(far.exit_code, 1);
      CHECK(says(far.err, "far.csv: column sales: lies "));
    }
    std::string north = file(5000, 5060);
    north.replace(north.rfind("west"), 4, "nord");
    write_file(w.folder / "north.csv", north);
    for (const char* data : {"--data ", ""}) {
      const Outcome unknown =
          testing::seqtape((*data ? "eval " : "predict ") + w.run + " " + data + (w.folder / "north.csv").string());
      CHECK_EQ(unknown.exit_code, 1);
      CHECK(says(unknown.err, "north.csv:60: column shop: \"nord\" was not among the 2 of training: east, west"));
    }
  }
}

TEST_CASE("a series: a file for each split, and a run that resumes") {
  const Workplace w(config(R"("missing": "forward", "train_path": "d.csv", "validation_path": "v.csv",
                              "test_path": "t.csv")"));
  Json json = Json::parse(read_file(w.config));
  json["task"].erase("path");
  write_file(w.config, json.dump());
  write_file(w.folder / "d.csv", file(0, 1200));
  write_file(w.folder / "v.csv", file(1200, 1300));
  write_file(w.folder / "t.csv", file(1300, 1350));
  REQUIRE_EQ(w.train("--set train.steps=120").exit_code, 0);
  const Outcome whole = w.train("--resume --set train.steps=200");
  INFO(whole.err);
  CHECK_EQ(whole.exit_code, 0);
  CHECK(says(whole.out, "train: 1,200 rows, 1,180 windows, 01.01.2010 to " + date(1199)));
  CHECK(says(whole.out, "validation: 100 rows, 80 windows, " + date(1200) + " to " + date(1299)));
  CHECK(says(whole.out, "test: 50 rows, 30 windows, " + date(1300) + " to " + date(1349)));
  CHECK_EQ(scored(w, "--split test")["n"], 30 * 7);
  CHECK_EQ(predicted(w, "")[0].at("time"), date(1200));
  write_file(w.folder / "v.csv", file(1200, 1301));
  CHECK_NE(w.train("--resume --set train.steps=240").exit_code, 0);  // other data
  write_file(w.folder / "v.csv", file(1200, 1300, false, 1000));
  CHECK(says(w.train("--force").err, "v.csv: column sales: lies "));
}

TEST_CASE("MASE of other data is by the naive error of the training, for the season that the run kept it for") {
  const Workplace w(R"({"task": {"name": "series", "path": "d.csv", "columns": ["y"], "length": 4, "horizon": 2,
    "season": 3}, "model": {"name": "gru", "d_model": 8, "layers": 1}, "train": {"steps": 4, "batch": 4}})");
  std::string all = "y\n", last = "y\n";
  for (int t = 0; t < 100; ++t) {
    const std::string row = std::to_string(t * t % 17) + "\n";
    all += row;
    if (t >= 80 - 4) last += row;  // the test split, and the window before it
  }
  write_file(w.folder / "d.csv", all);
  write_file(w.folder / "last.csv", last);
  REQUIRE_EQ(w.train().exit_code, 0);
  const Json test = scored(w, "--split test");
  REQUIRE(test["mase"].is_number());
  const std::string other = "--data " + (w.folder / "last.csv").string();
  CHECK(scored(w, other)["mase"] == doctest::Approx(test["mase"].get<double>()).epsilon(1e-6));
  const Json another = scored(w, other + " --set task.season=2");
  CHECK(another["mase"].is_null());
  CHECK(says(another["remarks"][0].get<std::string>(), "which the run has not kept for task.season 2"));
  CHECK(scored(w, "--split test --set task.season=2")["mase"].is_number());
}

TEST_CASE("a backtest without dates has numbers; it takes forecasts, and rows enough") {
  const Workplace w(R"({"task": {"name": "series", "path": "d.csv", "columns": ["x", "y"], "length": 8, "horizon": 2},
    "model": {"name": "gru", "d_model": 8, "layers": 1}, "train": {"steps": 2, "batch": 4, "tensorboard": false}})");
  std::string text = "x,y\n";
  for (int i = 0; i < 100; ++i) text += format("%d,%g\n", i % 7, 0.5 * i);
  write_file(w.folder / "d.csv", text);
  REQUIRE_EQ(w.train().exit_code, 0);
  const Outcome outcome = testing::seqtape("predict " + w.run + " --backtest 2");
  CHECK_EQ(outcome.out.rfind("window,time,step,x,x_actual,y,y_actual\n1,96,1,", 0), 0);
  const Table rows = table(outcome.out);
  REQUIRE_EQ(rows.size(), 6);
  const char* const windows[] = {"1", "1", "2", "2", "3", "3"};
  for (int i = 0; i < 6; ++i) {
    const auto& row = rows[static_cast<std::size_t>(i)];
    CHECK_EQ(row.at("window"), windows[i]);
    CHECK_EQ(row.at("time"), std::to_string(96 + i));
    CHECK_EQ(row.at("x_actual"), i < 4 ? std::to_string((96 + i) % 7) : "");
    CHECK_EQ(row.at("y_actual"), i < 4 ? format("%g", 0.5 * (96 + i)) : "");
  }
  CHECK(says(testing::seqtape("predict " + w.run + " --backtest 47").err,
             "has 100 rows, and 47 windows of 8 rows with horizons of 2 take 102; lower --backtest"));
  testing::refused(testing::seqtape("predict " + w.run + " --backtest 0"), 2, "--backtest: must be > 0");
  CHECK_EQ(testing::seqtape("predict " + w.run + " --backtest 1 --whole").exit_code, 2);
  const Workplace classes(R"({"task": {"name": "documents", "path": "d.tsv", "classes": 2, "length": 8},
    "model": {"name": "gru", "d_model": 8, "layers": 1}, "train": {"steps": 2, "batch": 4, "tensorboard": false}})");
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += format("%s\tabc%d\n", i % 2 ? "a" : "b", i);
  write_file(classes.folder / "d.tsv", lines);
  REQUIRE_EQ(classes.train().exit_code, 0);
  testing::refused(testing::seqtape("predict " + classes.run + " --backtest 1 x"), 2,
                   "predict: --backtest: the task documents makes no forecasts of a series");
}

TEST_CASE("intervals are kept with the checkpoints that were validated, and told where they are asked for") {
  const Workplace w(R"({"task": {"name": "series", "path": "d.csv", "columns": ["x"], "length": 8, "horizon": 2},
    "model": {"name": "gru", "d_model": 8, "layers": 1},
    "train": {"steps": 6, "batch": 4, "eval_every": 4, "checkpoint_every": 1, "keep_last": 9, "tensorboard": false}})");
  std::string text = "x\n";
  for (int i = 0; i < 400; ++i) text += format("%d\n", i * i % 17);
  write_file(w.folder / "d.csv", text);
  REQUIRE_EQ(w.train().exit_code, 0);
  const std::string at = w.run + "/checkpoints/step-0000000";
  for (const char* validated : {"4", "6"}) {
    const Outcome outcome = testing::seqtape("predict " + at + validated + " --intervals");
    REQUIRE_EQ(outcome.exit_code, 0);
    for (const auto& row : table(outcome.out)) {
      double before = -1e9;
      for (const char* column : {"x_q0.025", "x_q0.1", "x", "x_q0.9", "x_q0.975"}) {
        CHECK(std::stod(row.at(column)) > before);
        before = std::stod(row.at(column));
      }
    }
    CHECK(says(testing::seqtape("predict " + at + validated).out, "time,step,x\n"));
  }
  const Outcome between = testing::seqtape("predict " + at + "5 --intervals");
  CHECK_EQ(between.exit_code, 2);
  CHECK(says(between.err, "--intervals: the checkpoint keeps none"));
}
