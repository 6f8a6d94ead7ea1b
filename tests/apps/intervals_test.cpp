// Forecasts that are distributions: their quantiles, their scores, and intervals by errors on validation.
#include "apps/trainer/intervals.h"

#include <doctest/doctest.h>

#include <cmath>

#include "apps/trainer/answers.h"
#include "apps/trainer/evaluate.h"
#include "apps/trainer/scores.h"
#include "core/io/file.h"
#include "core/random.h"
#include "core/strings.h"
#include "data/forecasting.h"
#include "tests/support/make_task.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;

namespace {

doctest::Approx nearly(double value, double within = 1e-6) { return doctest::Approx(value).epsilon(within); }

TaskShape one_number() {
  TaskShape shape{{.features = 1, .outputs = 1}, Objective::numbers, 1};
  return shape;
}

/// A batch of truths, and a model that always says 0.
void add_errors(SplitConformal& errors, const std::vector<float>& truths) {
  Batch batch;
  batch.batch = std::ssize(truths);
  batch.length = 1;
  batch.target_values = truths;
  errors.add(Variable(Tensor::full(Shape{batch.batch, 1}, 0)), batch);
}

/// Numbers of a skewed law with heavy tails.
std::vector<float> fresh(Index count, const char* stream) {
  Random random(7, stream);
  std::vector<float> all;
  for (Index i = 0; i < count; ++i) all.push_back(static_cast<float>(std::exp(random.normal()) * random.normal()));
  return all;
}

}  // namespace

TEST_CASE("quantiles of the normal and of Student's t distribution, by tables") {
  CHECK(normal_quantile(0.975) == nearly(1.959963984540054, 1e-9));
  CHECK(normal_quantile(0.5) == 0);
  CHECK(normal_quantile(0.001) == nearly(-3.090232306167813, 1e-9));
  CHECK(student_quantile(0.975, 4) == nearly(2.776445105197793, 1e-9));
  CHECK(student_quantile(0.9, 1) == nearly(3.077683537175254, 1e-9));  // tan(0.4 pi)
  CHECK(student_quantile(0.05, 10) == nearly(-1.812461122811676, 1e-9));
  CHECK(student_quantile(0.3, 1e6) == nearly(normal_quantile(0.3), 1e-5));
}

TEST_CASE("quantiles never cross, and the median is between those that there are") {
  const Distribution of{Distribution::Kind::quantiles, {0.1, 0.4, 0.6, 0.9}};
  const float outputs[] = {3, 1, 4, 2};
  double values[4];
  of.quantiles(outputs, values);
  CHECK_EQ(std::vector<double>(values, values + 4), std::vector<double>{1, 2, 3, 4});
  CHECK(of.point(outputs) == nearly(2.5));
  const Distribution high{Distribution::Kind::quantiles, {0.7, 0.9}};
  CHECK_EQ(high.point(outputs), 1);
  const Distribution normal{Distribution::Kind::gaussian, {0.025, 0.5}};
  const float mean_and_scale[] = {10, 0};
  normal.quantiles(mean_and_scale, values);
  CHECK(values[0] == nearly(10 - 1.959963984540054 * (std::log(2.0) + 1e-3)));
  CHECK(values[1] == nearly(10));
  CHECK_EQ(normal.point(mean_and_scale), 10);
}

TEST_CASE("pinball loss, coverage, width and CRPS by hand") {
  QuantileErrors errors({0.25, 0.5, 0.75});
  const double first[] = {1, 2, 4}, second[] = {-1, 0, 1};
  errors.add(3, first);    // 0.25 2, 0.5 1, 0.25 1
  errors.add(-3, second);  // 0.75 2, 0.5 3, 0.25 4
  CHECK(errors.pinball() == nearly((0.5 + 0.5 + 0.25 + 1.5 + 1.5 + 1) / 6));
  CHECK(errors.crps() == nearly(2 * (0.5 + 0.5 + 0.25 + 1.5 + 1.5 + 1) / 6));
  const auto intervals = errors.intervals();
  REQUIRE_EQ(intervals.size(), 1);
  CHECK(intervals[0].coverage == nearly(0.5));
  CHECK_EQ(intervals[0].covered, 0.5);
  CHECK(intervals[0].width == nearly(2.5));
  CHECK_EQ(QuantileErrors::crps_levels({0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975}).size(), 9);
  CHECK(std::isnan(QuantileErrors({0.1, 0.9}).crps()));
  // Of a normal law the score of its own quantiles nears E|X - y| - E|X - X'| / 2 as the levels grow dense.
  std::vector<double> levels, quantiles;
  for (int k = 1; k < 1000; ++k) levels.push_back(k / 1000.0), quantiles.push_back(normal_quantile(k / 1000.0));
  QuantileErrors dense(levels);
  dense.add(0.3, quantiles.data());
  const double density = std::exp(-0.045) / std::sqrt(2 * 3.14159265358979),
               share = std::erfc(-0.3 / std::sqrt(2.0)) / 2;
  CHECK(dense.crps() == nearly(0.3 * (2 * share - 1) + 2 * density - 1 / std::sqrt(3.14159265358979), 2e-3));
}

TEST_CASE("conformal intervals: the rank of the definition, and its coverage on fresh windows") {
  SplitConformal few(one_number());
  add_errors(few, {1, -2, 3, -4, 5, -6, 7, -8, 9});
  const Json by_hand = few.intervals();  // ceil(10 * 0.8) is the 8th of nine; of 95 % there are too few
  CHECK_EQ(by_hand["coverages"], Json({0.2, 0.4, 0.6, 0.8}));
  CHECK_EQ(by_hand["half_widths"], Json({{2.0, 4.0, 6.0, 8.0}}));
  CHECK_EQ(by_hand["windows"], 9);
  CHECK(SplitConformal(one_number()).intervals().is_null());

  SplitConformal errors(one_number());
  for (int part = 0; part < 10; ++part) {
    const auto all = fresh(5000, "calibration");
    add_errors(errors, {all.begin() + part * 500, all.begin() + part * 500 + 500});
  }
  const ToldNumbers told = told_by(errors.intervals());
  REQUIRE_EQ(told.levels.size(), 11);
  QuantileErrors scores(told.levels);
  std::vector<double> values(12);
  const float zero = 0;
  for (const float truth : fresh(5000, "test")) {
    told.read(&zero, 0, values.data());
    CHECK_EQ(values[0], 0);
    scores.add(static_cast<double>(truth), values.data() + 1);
  }
  for (const auto& one : scores.intervals()) {
    CAPTURE(one.coverage);
    CHECK(std::fabs(one.covered - one.coverage) < 0.02);
  }
  CHECK(std::is_sorted(values.begin() + 1, values.end()));
  CHECK_EQ(told.shown().levels, std::vector<double>{0.025, 0.1, 0.9, 0.975});
  CHECK_EQ(told.shown().offsets[3], told.offsets[10]);
  CHECK_EQ(told_by(nullptr).levels.size(), 0);
}

TEST_CASE("conformal intervals: of many windows every so manieth is kept, of missing ones none") {
  TaskShape wide = one_number();
  wide.outputs = 1 << 20;
  SplitConformal errors(wide);
  Batch batch;
  batch.batch = 1;
  batch.target_values.assign(1 << 20, 1);
  batch.target_values[1] = std::nanf("");
  for (int window = 0; window < 40; ++window) {
    batch.target_values[0] = static_cast<float>(window);
    errors.add(Variable(Tensor::full(Shape{1, 1 << 20}, 0)), batch);
  }
  CHECK(errors.intervals().is_null());  // of number 1 nothing is known
}

TEST_CASE("eval of a panel: means over the entities, each by its own naive error, in units") {
  testing::TemporaryFolder folder;
  // a has 40 rows, 10, 12, 10, 12 ...; b 24, of hundreds. Of each 0.25 are tested: 10 windows and 6.
  std::string lines = "shop,y\n";
  for (int t = 0; t < 40; ++t) lines += str("a,", 10 + 2 * (t % 2), "\n");
  for (int t = 0; t < 24; ++t) lines += str("b,", 100 + 50 * (t % 2), "\n");
  write_file(folder / "p.csv", lines);
  for (const char* normalise : {"train", "window"}) {
    CAPTURE(normalise);
    const auto task = testing::make("series", {{"path", (folder / "p.csv").string()},
                                               {"id", "shop"},
                                               {"columns", {"y"}},
                                               {"normalise", normalise},
                                               {"length", 2},
                                               {"horizon", 1},
                                               {"train_fraction", 0.5},
                                               {"test_fraction", 0.25}});
    const auto answers = answers_of(*task, nullptr);
    answers->begin(Split::test);
    Score score;
    const auto pass = task->evaluation(Split::test, {.batch = 4, .chunk = 100});
    Index window = 0;
    for (Batch batch; pass->next(batch);) {
      // A model that always says 11.
      std::vector<float> given;
      for (Index b = 0; b < batch.batch; ++b, ++window) {
        const auto scale = task->forecasting()->window(Split::test, window).scales[0];
        given.push_back(static_cast<float>((11 - scale.mean) / scale.scale));
      }
      const Variable outputs(Tensor::of(Shape{batch.batch, 1}, given));
      score.add(outputs, batch, task->shape());
      answers->add(outputs, batch);
    }
    CHECK_EQ(window, 16);
    Json document = score.metrics(task->shape());
    document.update(score.counts());
    answers->report(document);
    const Json& target = document["targets"][0];
    // |10 - 11| and |12 - 11|; |100 - 11| and |150 - 11|. Naive errors: 2 and 50.
    CHECK(target["model"]["mae"].get<double>() == nearly((1 + 114) / 2.0, 1e-4));
    CHECK(target["model"]["mase"].get<double>() == nearly((1 / 2.0 + 114 / 50.0) / 2, 1e-4));
    CHECK(target["last_value"]["mae"].get<double>() == nearly((2 + 50) / 2.0, 1e-4));
    CHECK(target["last_value"]["mase"].get<double>() == nearly(1, 1e-4));
    REQUIRE_EQ(target["entities"].size(), 2);
    CHECK_EQ(target["entities"][0]["entity"], "b");
    CHECK_EQ(target["entities"][0]["n"], 6);
    CHECK(document["mase"].get<double>() == nearly((1 / 2.0 + 114 / 50.0) / 2, 1e-4));
  }
}
