// Panels: several entities in one file, what is known of the future, scales of each window.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/forecasting.h"
#include "tests/support/make_task.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::make;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

doctest::Approx nearly(double value) { return doctest::Approx(value).epsilon(1e-4); }

bool has_text(const std::string& text, const std::string& what) {
  CAPTURE(text);
  CAPTURE(what);
  return text.find(what) != std::string::npos;
}

std::string day(Index number) {  // from January on, up to the end of February
  return format("2024-%02d-%02d", static_cast<int>(number / 31 + 1), static_cast<int>(number % 31 + 1));
}

/// Shops "a" and "b" with `rows` days of January each, interleaved; b begins `late` days later. a sells 100 + day, b
/// 1000 + 10 day; `promo` is day modulo 3.
struct Panel {
  TemporaryFolder folder;
  std::vector<std::string> lines{"shop,day,sales,promo,town"};
  Json settings = {{"path", path()}, {"id", "shop"}, {"time", "day"},         {"columns", {"sales"}},
                   {"length", 3},    {"horizon", 2}, {"train_fraction", 0.5}, {"test_fraction", 0.25}};

  explicit Panel(Index rows = 20, Index late = 0) {
    for (Index d = 0; d < rows; ++d) {
      add("a", d, str(100 + d), "x");
      if (d >= late) add("b", d, str(1000 + 10 * d), "y");
    }
    write();
  }
  void add(const std::string& shop, Index d, const std::string& sales, const std::string& town) {
    lines.push_back(str(shop, ",", day(d), ",", sales, ",", d % 3, ",", town));
  }
  void write() const { write_file(path(), join(lines, "\n") + "\n"); }
  std::string path() const { return (folder / "shops.csv").string(); }
  Json with(const Json& more) const {
    Json all = settings;
    all.update(more);
    return all;
  }
  std::unique_ptr<Task> task(const Json& more = Json::object()) const { return make("series", with(more)); }
  std::string refused(const Json& more = Json::object()) const {
    return message_of<Error>([&] { task(more); });
  }
  std::unique_ptr<Task> of_run(const Task& trained, const Json& more = Json::object()) const {
    auto run = tasks().find("series")->make();
    read_fields([&](Fields& f) { run->fields(f); }, with(more), "task");
    run->use(Json::parse(trained.learned().dump()));
    return run;
  }
};

/// A window of an evaluation in the data's units.
struct Read {
  std::string entity;
  std::vector<double> targets;
  std::vector<float> inputs;
};

std::vector<Read> windows_of(const Task& task, Split split, Index chunk = 1000) {
  std::vector<Read> all;
  const Forecasting& known = *task.forecasting();
  const auto pass = task.evaluation(split, {.batch = 2, .chunk = chunk});
  std::vector<Read> open;
  for (Batch batch; pass->next(batch);) {
    if (batch.first) open.assign(static_cast<std::size_t>(batch.batch), {});
    const std::size_t width = batch.values.size() / static_cast<std::size_t>(batch.batch);
    for (std::size_t b = 0; b < open.size(); ++b)
      open[b].inputs.insert(open[b].inputs.end(), batch.values.begin() + static_cast<std::ptrdiff_t>(b * width),
                            batch.values.begin() + static_cast<std::ptrdiff_t>((b + 1) * width));
    if (!batch.last) continue;
    const std::size_t outputs = batch.target_values.size() / open.size();
    for (std::size_t b = 0; b < open.size(); ++b) {
      const auto window = known.window(split, static_cast<Index>(all.size()));
      open[b].entity = known.entities(split)[static_cast<std::size_t>(window.entity)];
      for (std::size_t o = 0; o < outputs; ++o)
        open[b].targets.push_back(
            window.scales[o % window.scales.size()].value(static_cast<double>(batch.target_values[b * outputs + o])));
      all.push_back(open[b]);
    }
  }
  return all;
}

}  // namespace

TEST_CASE("panel: windows never cross entities, and all are cut at the same dates") {
  // Of 20 days 10 train, 5 validate, 5 test; b begins on day 6.
  const Panel panel(20, 6);
  const auto task = panel.task();
  const auto test = windows_of(*task, Split::test), validation = windows_of(*task, Split::validation);
  REQUIRE_EQ(test.size(), 8);  // days 15 to 19: four windows a shop
  REQUIRE_EQ(validation.size(), 8);
  for (std::size_t i = 0; i < 8; ++i) {
    CAPTURE(i);
    const double d = 15 + static_cast<double>(i % 4);
    CHECK_EQ(test[i].entity, i < 4 ? "a" : "b");
    CHECK(test[i].targets[0] == nearly(i < 4 ? 100 + d : 1000 + 10 * d));
    CHECK(test[i].targets[1] == nearly(i < 4 ? 101 + d : 1010 + 10 * d));
  }
  // Training: a has windows that forecast from day 3 to 9 (two rows each), b, which begins on day 6, on day 9 none.
  CHECK_EQ(task->training_sequences(), 6);
  CHECK(
      has_text(join(task->contents(), "\n"), "train: 10 rows of 1 of 2 entities, 6 windows, 2024-01-01 to 2024-01-10"));
  CHECK(
      has_text(join(task->contents(), "\n"), "test: 10 rows of 2 of 2 entities, 8 windows, 2024-01-16 to 2024-01-20"));
  CHECK_EQ(task->forecasting()->date(Split::test, 5, 0), "2024-01-17");
  // A chunk of a window is a part of it.
  const auto parts = windows_of(*task, Split::test, 2);
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK_EQ(parts[i].targets, test[i].targets);
    std::vector<float> sorted = parts[i].inputs, whole = test[i].inputs;
    CHECK_EQ(sorted, whole);
  }
}

TEST_CASE("panel: mean and deviation are of the training rows of all entities") {
  const Panel panel(20, 6);
  const auto task = panel.task();
  std::vector<double> rows;
  for (int d = 0; d < 10; ++d) rows.push_back(100 + d);
  for (int d = 6; d < 10; ++d) rows.push_back(1000 + 10 * d);
  double mean = 0, square = 0;
  for (const double row : rows) mean += row / 14;
  for (const double row : rows) square += (row - mean) * (row - mean) / 14;
  CHECK(task->learned()["scales"]["sales"]["mean"] == nearly(mean));
  CHECK(task->learned()["scales"]["sales"]["deviation"] == nearly(std::sqrt(square)));
}

TEST_CASE("panel: what is known of the future is read with the values of the horizon's rows") {
  Panel panel;
  const Json known = {{"known_future", {"promo"}}, {"static", {"town"}}, {"categorical", {"town"}}};
  const auto task = panel.task(known);
  REQUIRE_EQ(task->shape().features, 1 + 2 + 3);  // sales, two towns, promo now and in the next two rows
  const auto test = windows_of(*task, Split::test);
  const Json scale = task->learned()["scales"]["promo"];
  for (std::size_t i = 0; i < test.size(); ++i)
    for (std::size_t t = 0; t < 3; ++t) {
      CAPTURE(i);
      CAPTURE(t);
      const float* row = test[i].inputs.data() + t * 6;
      const auto d = static_cast<Index>(15 + i % 4 - 3 + t);
      CHECK_EQ(row[1], i < 4 ? 1 : 0);
      CHECK_EQ(row[2], i < 4 ? 0 : 1);
      for (Index ahead = 0; ahead < 3; ++ahead)
        CHECK(static_cast<double>(row[3 + ahead]) ==
              nearly((static_cast<double>((d + ahead) % 3) - scale["mean"].get<double>()) /
                     scale["deviation"].get<double>()));
    }
  const Signature signature = task->signature();
  REQUIRE_EQ(signature.columns.size(), 5);
  CHECK_EQ(signature.columns[4].name, "promo+2");
  // Rows that have the promotions alone are the future: two of them for a, and one for b, which is too few.
  panel.add("a", 20, "", "x");
  panel.add("a", 21, "", "x");
  panel.add("b", 20, "", "y");
  panel.write();
  const auto again = panel.task(known);
  CHECK_EQ(windows_of(*again, Split::test).size(), test.size());
  const auto run = panel.of_run(*task, known);
  std::vector<std::string> entities;
  std::string failed;
  run->new_inputs().read(panel.path(), [&](NewInput input) {
    Steps steps;
    try {
      while (input.next(steps)) {
      }
    } catch (const DataError& error) {
      failed = error.what();
      return;
    }
    entities.push_back(input.entity);
    REQUIRE_EQ(steps.values.size() % 6, 0);
    const float* last = steps.values.data() + steps.values.size() - 6;  // day 19
    for (Index ahead = 0; ahead < 3; ++ahead)
      CHECK(static_cast<double>(last[3 + ahead]) ==
            nearly((static_cast<double>((19 + ahead) % 3) - scale["mean"].get<double>()) /
                   scale["deviation"].get<double>()));
    CHECK_EQ(input.time(input.begin + static_cast<Index>(steps.values.size()) / 6), "2024-01-21");
  });
  CHECK_EQ(entities, std::vector<std::string>{"a"});
  CHECK(has_text(failed, "shop b: promo must be known for the 2 rows to be forecast, and 1 row follows the last"));
  CHECK_EQ(run->new_inputs().id, "shop");
}

TEST_CASE("panel: the scale of a window is of what it reads, and is undone") {
  const Panel panel;
  const auto task = panel.task({{"normalise", "window"}});
  const auto test = windows_of(*task, Split::test);
  const double deviation = std::sqrt(2.0 / 3);  // of three numbers that rise by one
  for (std::size_t i = 0; i < test.size(); ++i) {
    CAPTURE(i);
    const double d = 15 + static_cast<double>(i % 4);
    CHECK(test[i].targets[1] == nearly(i < 4 ? 101 + d : 1010 + 10 * d));
    for (std::size_t t = 0; t < 3; ++t)
      CHECK(static_cast<double>(test[i].inputs[t]) == nearly((static_cast<double>(t) - 1) / deviation));
  }
  std::vector<float> history, naive;
  task->forecasting()->history(Split::test, 0, 2, history);
  REQUIRE(task->forecasting()->naive_forecast(Split::test, 0, 1, naive));
  CHECK(static_cast<double>(history[1]) == nearly(1 / deviation));
  CHECK(static_cast<double>(naive[0]) == nearly(1 / deviation));
  // New inputs carry the scale of the rows that are read.
  const auto run = panel.of_run(*task, {{"normalise", "window"}});
  const NewInputs inputs = run->new_inputs();
  Index count = 0;
  inputs.read(panel.path(), [&](NewInput input) {
    REQUIRE_EQ(input.scales.size(), 1);
    CHECK(inputs.in_units(0, input.scales[0].value(0)) == nearly(input.entity == "a" ? 118 : 1180));
    CHECK(inputs.in_units(0, input.scales[0].value(1 / deviation)) == nearly(input.entity == "a" ? 119 : 1190));
    Steps steps;
    while (input.next(steps)) {
    }
    CHECK_EQ(steps.values.size(), 3);
    ++count;
  });
  CHECK_EQ(count, 2);
  CHECK(has_text(message_of<ConfigError>([&] { panel.of_run(*task)->prepare(1); }),
                 "task.normalise: must be what the model was trained with, window"));
}

TEST_CASE("panel: a window of equal values keeps the training's deviation, and missing ones do not count") {
  TemporaryFolder folder;
  const std::string path = (folder / "a.csv").string();
  write_file(path, "y\n1\n3\n1\n3\n1\n3\n5\n5\n5\n7\n-\n9\n1\n8\n");
  const auto task = make("series", {{"path", path},
                                    {"columns", {"y"}},
                                    {"length", 3},
                                    {"horizon", 1},
                                    {"normalise", "window"},
                                    {"missing", "mask"},
                                    {"train_fraction", 0.45},
                                    {"test_fraction", 0.36}});
  const double mean = 2, deviation = 1;  // of the six values that train
  const auto scales = [&](Split split, Index number) { return task->forecasting()->window(split, number).scales[0]; };
  // Row 9, of the 14, is the first that is tested: 5, 5, 5 before it.
  CHECK(scales(Split::test, 0).mean == nearly(mean + 3 * deviation));
  CHECK(scales(Split::test, 0).scale == nearly(deviation));
  // 7, missing, 9 before row 12.
  CHECK(scales(Split::test, 3).mean == nearly(8));
  CHECK(scales(Split::test, 3).scale == nearly(1));
  const auto test = windows_of(*task, Split::test);
  CHECK_EQ(test[3].inputs[2], 0);  // missing
  CHECK_EQ(test[3].inputs[3], 0);
  CHECK(static_cast<double>(test[3].inputs[4]) == nearly(1));
}

TEST_CASE("panel: whole entities for each split, drawn by their number alone") {
  Panel panel;
  for (const char* shop : {"c", "d", "e", "f", "g", "h", "i", "j"})
    for (Index d = 0; d < 12; ++d) panel.add(shop, d, str(d), "z");
  panel.write();
  const auto task = panel.task({{"split", "entity"}, {"train_fraction", 0.6}, {"test_fraction", 0.2}});
  std::map<Split, std::set<std::string>> all;
  for (const Split split : {Split::train, Split::validation, Split::test})
    for (const Read& one : windows_of(*task, split)) all[split].insert(one.entity);
  CHECK_EQ(all[Split::train].size(), 6);
  CHECK_EQ(all[Split::validation].size(), 2);
  CHECK_EQ(all[Split::test].size(), 2);
  std::set<std::string> together;
  for (const auto& [split, names] : all) together.insert(names.begin(), names.end());
  CHECK_EQ(together.size(), 10);
  CHECK(has_text(panel.refused({{"split", "entity"}, {"id", ""}, {"time", ""}}), "name their column in task.id"));
}

TEST_CASE("panel: training draws windows alike, or entities alike") {
  Panel panel(40);
  for (Index d = 0; d < 8; ++d) panel.add("c", d, str(500 + d), "z");
  panel.write();
  const auto drawn = [&](const char* sampling) {
    const auto task = panel.task({{"sampling", sampling}, {"train_fraction", 0.8}, {"test_fraction", 0.1}});
    double of_c = 0, all = 0;
    const Json scale = task->learned()["scales"]["sales"];
    for (Index step = 0; step < 60; ++step) {
      Batch batch;
      task->training_batch(step, 6, batch);
      for (Index b = 0; b < 6; ++b, ++all) {
        const double sales = scale["mean"].get<double>() +
                             scale["deviation"].get<double>() * static_cast<double>(batch.target_values[2 * b]);
        of_c += sales > 450 && sales < 550;
      }
    }
    return of_c / all;
  };
  // c has 4 of the 62 windows.
  CHECK(drawn("windows") == doctest::Approx(4.0 / 62).epsilon(0.2));
  CHECK(drawn("entities") == doctest::Approx(1.0 / 3).epsilon(1e-9));
}

TEST_CASE("panel: the naive error is each entity's own") {
  const Panel panel;
  const auto task = panel.task({{"season", 2}});
  CHECK(task->forecasting()->window(Split::test, 0).seasonal[0] == nearly(2));
  CHECK(task->forecasting()->window(Split::test, 4).seasonal[0] == nearly(20));
}

TEST_CASE("panel: bad input is refused by file, entity, row and remedy") {
  Panel panel;
  CHECK(has_text(panel.refused({{"id", "shopp"}}), "has no column \"shopp\"; did you mean \"shop\"?"));
  CHECK(has_text(panel.refused({{"static", {"promo"}}}), "; move it to task.columns or task.known_future"));
  CHECK(has_text(panel.refused({{"known_future", {"sales"}}}),
                 "task.known_future: \"sales\" is among task.columns too, whose future is not known"));
  CHECK(has_text(panel.refused({{"normalise", "window"}, {"targets", {"promo"}}}),
                 "task.normalise: \"window\" scales a target by its past, and \"promo\" is not among task.columns"));
  CHECK(has_text(panel.refused({{"columns", {"sales", "shop"}}}), "\"shop\" is task.id"));
  for (Index d = 0; d < 4; ++d) panel.add("c", d, "1", "z");
  panel.write();
  CHECK(has_text(panel.refused(),
                 "shops.csv: shop c: has 4 rows, and a window of 3 (task.length) with a horizon of 2 "
                 "takes 5; lower them"));
  panel.lines.resize(41);
  panel.add("a", 19, "7", "x");  // twice
  panel.write();
  CHECK(has_text(panel.refused(), "shops.csv:42: column day of shop a: "));
  panel.lines.back() = "a,2024-01-05,7,0,x";  // back
  panel.write();
  CHECK(has_text(panel.refused(), "shops.csv:42: column day of shop a: "));
  panel.lines.back() = ",2024-01-21,7,0,x";
  panel.write();
  CHECK(has_text(panel.refused(), "shops.csv:42: column shop is empty: a row must name its entity (task.id)"));
}
