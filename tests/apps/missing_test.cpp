// Targets that are missing: the loss, its gradient, the metrics and the forecasts beside them, by arithmetic.
#include <doctest/doctest.h>

#include <cmath>

#include "apps/trainer/answers.h"
#include "apps/trainer/evaluate.h"
#include "core/strings.h"
#include "data/forecasting.h"
#include "tests/support/make_task.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::make;
using testing::TemporaryFolder;

namespace {

const float kMissing = std::nanf("");

doctest::Approx about(double value) { return doctest::Approx(value).epsilon(1e-5); }

TaskShape numbers(Index outputs) { return {{.features = 1, .outputs = outputs}, Objective::numbers, 2}; }

Batch batch_of(Index rows, std::vector<float> targets) {
  Batch batch;
  batch.batch = rows;
  batch.length = 2;
  batch.target_values = std::move(targets);
  return batch;
}

Variable outputs_of(Index rows, const std::vector<float>& values) {
  return Variable(Tensor::of(Shape{rows, static_cast<Index>(values.size()) / rows}, values), true);
}

}  // namespace

TEST_CASE("missing targets: the loss is the mean over those that are known, and so is its gradient") {
  const std::vector<float> given{1, -2, 3, 0.5f, 4, -1}, targets{2, kMissing, 1, kMissing, kMissing, -4};
  const Batch batch = batch_of(2, targets);
  CHECK_EQ(batch.scored(), 3);
  CHECK_EQ(batch.rows(0, 1).scored(), 2);
  const auto loss = [&](const std::vector<float>& at) {
    return static_cast<double>(batch_loss(outputs_of(2, at), batch, numbers(3)).data()[0]);
  };
  CHECK(loss(given) == about((1 + 4 + 9) / 3.0));
  // Micro-batches weigh by what they score.
  const auto part = [&](Index row) {
    const std::vector<float> some(given.begin() + 3 * row, given.begin() + 3 * row + 3);
    const Batch rows = batch.rows(row, row + 1);
    return rows.scored() * static_cast<double>(batch_loss(outputs_of(1, some), rows, numbers(3)).data()[0]);
  };
  CHECK((part(0) + part(1)) / 3 == about(loss(given)));
  Tape tape;
  Variable outputs = outputs_of(2, given);
  tape.backward(batch_loss(outputs, batch, numbers(3)));
  for (std::size_t i = 0; i < given.size(); ++i) {
    CAPTURE(i);
    const auto gradient = static_cast<double>(outputs.grad().data()[i]);
    const double wanted = std::isnan(targets[i]) ? 0 : 2 * static_cast<double>(given[i] - targets[i]) / 3;
    CHECK(gradient == about(wanted));
    // Of a square, central differences are exact.
    std::vector<float> up = given, down = given;
    up[i] += 0.25f, down[i] -= 0.25f;
    CHECK((loss(up) - loss(down)) / 0.5 == doctest::Approx(wanted).epsilon(1e-4).scale(1));
  }
}

TEST_CASE("missing targets: without any, loss and gradient have the bits of before; where all are, both are 0") {
  const std::vector<float> given{0.1f, 0.7f, -0.3f, 1.9f}, targets{0.4f, -0.6f, 0.2f, 3.1f};
  const auto bits = [&](const auto& loss) {
    Tape tape;
    Variable outputs = outputs_of(2, given);
    const Variable value = loss(outputs);
    tape.backward(value);
    std::vector<float> all{value.data()[0]};
    all.insert(all.end(), outputs.grad().data(), outputs.grad().data() + 4);
    return all;
  };
  CHECK(bits([&](const Variable& x) { return batch_loss(x, batch_of(2, targets), numbers(2)); }) ==
        bits([&](const Variable& x) {
          return mse_loss(x, Variable(Tensor::of(Shape{2, 2}, targets)));
        }));
  const Batch none = batch_of(2, {kMissing, kMissing, kMissing, kMissing});
  CHECK(bits([&](const Variable& x) { return batch_loss(x, none, numbers(2)); }) == std::vector<float>(5, 0.0f));
  CHECK_EQ(none.scored(), 0);
}

TEST_CASE("missing targets: an evaluation counts what is known") {
  Score score;
  score.add(outputs_of(2, {1, 5, 2, 7}), batch_of(2, {3, kMissing, 1, 4}), numbers(2));
  CHECK_EQ(score.counts()["n"], 3);
  CHECK(score.loss() == about((4 + 1 + 9) / 3.0));
  CHECK(score.metrics(numbers(2))["mae"] == about(2));
}

TEST_CASE("missing targets: MASE, and naive forecasts, of the values that are known") {
  const TemporaryFolder folder;
  const double nan = std::nan("");
  const std::vector<double> y{1, 4, nan, 8, 5, 9, nan, 12, 9, 13, nan, 16, 14, nan, 19, nan, 17, 23};
  std::string text = "y\n";
  for (const double value : y) text += std::isnan(value) ? "NA\n" : format("%g\n", value);
  write_file(folder / "a.csv", text);
  const auto task = make("series", {{"path", (folder / "a.csv").string()},
                                    {"columns", {"y"}},
                                    {"missing", "mask"},
                                    {"length", 2},
                                    {"horizon", 2},
                                    {"season", 2},
                                    {"train_fraction", 0.5},
                                    {"test_fraction", 0.3}});
  // Rows 0 to 8 train, 9 to 12 validate, 13 to 17 test: windows ask for 13 and 14, 14 and 15, 15 and 16, 16 and 17.
  double naive = 0, pairs = 0;
  for (std::size_t t = 2; t < 9; ++t)
    if (!std::isnan(y[t] - y[t - 2])) naive += std::fabs(y[t] - y[t - 2]), ++pairs;
  CHECK_EQ(pairs, 3);
  const auto target = task->forecasting()->forecast_targets()[0].trained;
  const auto answers = answers_of(*task, nullptr);
  answers->begin(Split::test);
  Score score;
  const auto pass = task->evaluation(Split::test, {.batch = 3, .chunk = 100});
  double error = 0, last = 0, season = 0, count = 0;
  for (Batch batch; pass->next(batch);) {
    // A model that always says 15.
    const std::vector<float> given(batch.target_values.size(), static_cast<float>((15 - target.mean) / target.scale));
    const Variable outputs = outputs_of(batch.batch, given);
    score.add(outputs, batch, task->shape());
    answers->add(outputs, batch);
  }
  const auto known_at = [&](std::size_t row, std::size_t step) {
    while (std::isnan(y[row])) row -= step;
    return y[row];
  };
  for (std::size_t first = 13; first <= 16; ++first)
    for (std::size_t h = 0; h < 2; ++h) {
      const double truth = y[first + h];
      if (std::isnan(truth)) continue;
      ++count;
      error += std::fabs(truth - 15);
      last += std::fabs(truth - known_at(first - 1, 1));
      season += std::fabs(truth - known_at(first + h - 2, 2));
    }
  Json document = score.metrics(task->shape());
  document.update(score.counts());
  answers->report(document);
  CHECK_EQ(document["n"], count);
  const Json& of = document["targets"][0];
  CHECK(of["model"]["mae"] == about(error / count));
  CHECK(of["last_value"]["mae"] == about(last / count));
  CHECK(of["last_season"]["mae"] == about(season / count));
  CHECK(of["seasonal_error_in_training"] == about(naive / pairs));
  CHECK(document["mase"] == about(error / count / (naive / pairs)));
  CHECK_EQ(document["baselines"]["last_value"]["mase"], of["last_value"]["mase"]);
}
