// Formulas of judging answers, against other arithmetic.
#include "apps/trainer/scores.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "data/forecasting.h"
#include "tests/support/draw.h"

using namespace seqtape;
using testing::between;
using testing::draw;

namespace {

doctest::Approx about(double value, double epsilon = 1e-9) { return doctest::Approx(value).epsilon(epsilon); }

/// Drawn scores, many of them equal, and which are of the class.
struct Ranking {
  std::vector<float> scores;
  std::vector<bool> positive;
};
Ranking drawn_ranking(Random& random) {
  Ranking ranking;
  const Index levels = between(random, 1, 12);
  for (Index i = between(random, 2, 60); i > 0; --i) {
    ranking.scores.push_back(static_cast<float>(random.below(levels)) / 8);
    ranking.positive.push_back(random.below(3) == 0);
  }
  return ranking;
}

}  // namespace

namespace {
/// In one pass, and of two halves that are added.
double r2_of(const std::vector<double>& truths, const std::vector<double>& answers) {
  ForecastErrors all, halves[2], sum;
  for (std::size_t i = 0; i < truths.size(); ++i) {
    all.add(truths[i], answers[i]);
    halves[2 * i < truths.size() ? 0 : 1].add(truths[i], answers[i]);
  }
  for (const ForecastErrors& half : halves) sum.add(half);
  if (!std::isnan(all.r2())) CHECK(sum.r2() == doctest::Approx(all.r2()).epsilon(1e-9));
  return all.r2();
}
}  // namespace

TEST_CASE("Wilson's interval solves (p - x)^2 n = z^2 x (1 - x)") {
  // By bisection of that equation, in another program.
  struct Case {
    double hits, count, low, high;
  };
  for (const Case& one :
       {Case{0, 10, 0, 0.2775327999}, Case{5, 10, 0.2365930905, 0.7634069095}, Case{9, 10, 0.5958499732, 0.9821237869},
        Case{10, 10, 0.7224672001, 1}, Case{81, 263, 0.2552885199, 0.3662095770},
        Case{9512, 10000, 0.9468012612, 0.9552522187}, Case{1, 1, 0.2065493144, 1}}) {
    const Interval interval = wilson_interval(one.hits, one.count);
    CHECK(interval.low == about(one.low));
    CHECK(interval.high == about(one.high));
  }
  CHECK_EQ(wilson_interval(0, 10).low, 0);
  CHECK_EQ(wilson_interval(7, 7).high, 1);
  CHECK(std::isnan(wilson_interval(0, 0).low));
}

TEST_CASE("precision, recall, F1 and balanced accuracy of a matrix by hand") {
  // Truth by rows: 5 2 0 / 1 3 0 / 0 1 0, and a class 3 that neither occurs nor is answered.
  std::vector<std::int32_t> truth, answers;
  const auto add = [&](std::int32_t t, std::int32_t a, int count) {
    truth.insert(truth.end(), static_cast<std::size_t>(count), t);
    answers.insert(answers.end(), static_cast<std::size_t>(count), a);
  };
  add(0, 0, 5), add(0, 1, 2), add(1, 0, 1), add(1, 1, 3), add(2, 1, 1);
  const Confusion cells = confusion(truth, answers);
  CHECK_EQ(cells.size(), 5);
  CHECK_EQ(cells.at({0, 1}), 2);
  const auto classes = class_counts(cells, 4);
  CHECK(classes[0].precision() == about(5.0 / 6));
  CHECK(classes[0].recall() == about(5.0 / 7));
  CHECK(classes[0].f1() == about(10.0 / 13));
  CHECK(classes[1].precision() == about(0.5));
  CHECK(classes[1].recall() == about(0.75));
  CHECK(classes[1].f1() == about(0.6));
  CHECK(std::isnan(classes[2].precision()));  // never answered
  CHECK_EQ(classes[2].recall(), 0);
  CHECK_EQ(classes[2].f1(), 0);
  CHECK(std::isnan(classes[3].recall()));
  CHECK(std::isnan(classes[3].f1()));
  CHECK_EQ(classes[0].support, 7);
  CHECK(balanced_accuracy(classes) == about((5.0 / 7 + 0.75 + 0) / 3));
  CHECK(macro_f1(classes) == about((10.0 / 13 + 0.6 + 0) / 3));
  CHECK_THROWS_AS(confusion({0, 1}, {0}), ShapeError);
}

TEST_CASE("balanced accuracy of one answer for all is 1 / classes, whatever their shares") {
  draw("one answer", [](Random& random) {
    const Index classes = between(random, 2, 7);
    std::vector<std::int32_t> truth;
    for (Index c = 0; c < classes; ++c)
      truth.insert(truth.end(), static_cast<std::size_t>(between(random, 1, 30)), static_cast<std::int32_t>(c));
    const std::vector<std::int32_t> answers(truth.size(), static_cast<std::int32_t>(random.below(classes)));
    CHECK(balanced_accuracy(class_counts(confusion(truth, answers), classes)) ==
          about(1.0 / static_cast<double>(classes)));
  });
}

TEST_CASE("rankings by hand: perfect, reversed, all equal, a tie, a class that is absent") {
  const std::vector<bool> positive{true, true, false, false};
  CHECK_EQ(auroc({4, 3, 2, 1}, positive), 1);
  CHECK_EQ(auroc({1, 2, 3, 4}, positive), 0);
  CHECK_EQ(auroc({7, 7, 7, 7}, positive), 0.5);
  CHECK_EQ(auroc({4, 2, 2, 1}, positive), 0.875);  // of four pairs three, and half of one
  CHECK_EQ(average_precision({4, 3, 2, 1}, positive), 1);
  CHECK(average_precision({1, 2, 3, 4}, positive) == about(0.5 * (1.0 / 3 + 2.0 / 4)));
  CHECK_EQ(average_precision({7, 7, 7, 7}, positive), 0.5);  // one threshold: the share of positives
  CHECK(average_precision({4, 2, 2, 1}, positive) == about(0.5 * 1 + 0.5 * 2 / 3));
  // The example of scikit-learn's documentation.
  CHECK(average_precision({0.1f, 0.4f, 0.35f, 0.8f}, {false, false, true, true}) == about(0.8333333333));
  for (const bool all : {false, true}) {
    CHECK(std::isnan(auroc({1, 2}, {all, all})));
    CHECK(std::isnan(average_precision({1, 2}, {all, all})));
  }
  CHECK(std::isnan(auroc({}, {})));
  CHECK_THROWS_AS(auroc({1, 2}, {true}), ShapeError);
}

TEST_CASE("AUROC is the share of ordered pairs; average precision the mean over thresholds") {
  Index judged = 0;
  draw("rankings", [&](Random& random) {
    const Ranking ranking = drawn_ranking(random);
    double pairs = 0, ordered = 0, precisions = 0, positives = 0;
    for (std::size_t i = 0; i < ranking.scores.size(); ++i) {
      if (!ranking.positive[i]) continue;
      ++positives;
      double above = 0, hits = 0;  // with a score at least as great
      for (std::size_t j = 0; j < ranking.scores.size(); ++j) {
        if (ranking.scores[j] >= ranking.scores[i]) ++above, hits += ranking.positive[j];
        if (ranking.positive[j]) continue;
        ++pairs;
        ordered += ranking.scores[i] > ranking.scores[j] ? 1 : ranking.scores[i] == ranking.scores[j] ? 0.5 : 0;
      }
      precisions += hits / above;
    }
    if (pairs == 0) return;
    ++judged;
    CHECK(auroc(ranking.scores, ranking.positive) == about(ordered / pairs));
    CHECK(average_precision(ranking.scores, ranking.positive) == about(precisions / positives));
    // The negatives' ranking is the reversed one.
    std::vector<float> turned = ranking.scores;
    for (float& score : turned) score = -score;
    CHECK(auroc(turned, ranking.positive) == about(1 - ordered / pairs));
  });
  CHECK_GT(judged, 30);
}

TEST_CASE("errors of forecasts by hand") {
  CHECK_EQ(smape_term(0, 0), 0);
  CHECK_EQ(smape_term(0, 3), 200);
  CHECK_EQ(smape_term(-2, 2), 200);
  CHECK(smape_term(0.1, 0.2) == about(200.0 / 3));
  CHECK(smape_term(100, 110) == about(2000.0 / 210));
  ForecastErrors errors, one;
  errors.add(1, 2, 0.5);
  errors.add(5, 2, 2);
  CHECK_EQ(errors.mae(), 2);
  CHECK(errors.rmse() == about(std::sqrt(5.0)));
  CHECK(errors.smape() == about((200.0 / 3 + 600.0 / 7) / 2));
  CHECK_EQ(errors.mase(), (1 / 0.5 + 3 / 2.0) / 2);
  one.add(0, 4, 0);  // a constant training part
  CHECK(std::isnan(one.mase()));
  CHECK(r2_of({1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 6}, {1e9 + 1.5, 1e9 + 2, 1e9 + 2, 1e9 + 7}) == about(1 - 2.25 / 14));
  CHECK(r2_of({1, 2, 3}, {2, 2, 2}) == about(0));
  CHECK(std::isnan(r2_of({4, 4}, {4, 5})));
  errors.add(one);
  CHECK_EQ(errors.count(), 3);
  CHECK_EQ(errors.mase(), (1 / 0.5 + 3 / 2.0) / 2);
  CHECK(errors.mae() == about(8.0 / 3));
  CHECK(std::isnan(ForecastErrors().mae()));
}

TEST_CASE("the seasonal naive error: of a season that repeats it is 0, of a line its slope") {
  CHECK_EQ(seasonal_error({1, 4, 2, 1, 4, 2, 1}, 3), 0);
  CHECK(seasonal_error({1, 4, 2, 1, 4, 2, 1}, 1) == about((3 + 2 + 1 + 3 + 2 + 1) / 6.0));
  CHECK(seasonal_error({0, 2, 4, 6, 8}, 2) == about(4));
  CHECK(std::isnan(seasonal_error({1, 2}, 2)));
  CHECK(std::isnan(seasonal_error({1, 2}, 0)));
}

TEST_CASE("the bootstrap draws every item, is repeatable, and has nothing of one item") {
  std::vector<Index> drawn(5, 0);
  Index calls = 0;
  const auto statistics = [&](const std::vector<Index>& times) {
    ++calls;
    Index all = 0;
    double sum = 0;
    for (std::size_t i = 0; i < times.size(); ++i)
      drawn[i] += times[i], all += times[i], sum += static_cast<double>(times[i]) * std::sqrt(static_cast<double>(i));
    CHECK_EQ(all, 5);
    return std::vector<double>{sum / 5, NAN};
  };
  const auto first = bootstrap_intervals(5, statistics), again = bootstrap_intervals(5, statistics);
  CHECK_EQ(calls, 2000);
  REQUIRE_EQ(first.size(), 2);
  CHECK_EQ(first[0].low, again[0].low);
  CHECK_EQ(first[0].high, again[0].high);
  CHECK_LT(first[0].low, 1.229);  // the mean of the five
  CHECK_GT(first[0].high, 1.230);
  CHECK(std::isnan(first[1].low));
  for (const Index times : drawn) CHECK(std::abs(static_cast<double>(times) / 2000 - 1) < 0.1);
  const auto other = bootstrap_intervals(5, statistics, {.seed = 2});
  CHECK((other[0].low != first[0].low || other[0].high != first[0].high));
  CHECK(bootstrap_intervals(1, statistics).empty());
}

TEST_CASE("the bootstrap over sequences covers an accuracy about 95 times in 100; over steps it does not") {
  // Sequences of 20 steps with a rate of their own: 0.5 or 0.9, in the mean 0.7.
  constexpr Index kRounds = 300, kSequences = 60, kSteps = 20;
  Index covered = 0, covered_by_steps = 0;
  for (Index round = 0; round < kRounds; ++round) {
    Random random(7, "coverage", static_cast<std::uint64_t>(round));
    std::vector<double> hits(kSequences, 0);
    double all = 0;
    for (double& one : hits) {
      const double rate = random.below(2) ? 0.9 : 0.5;
      for (Index step = 0; step < kSteps; ++step) one += random.uniform() < rate;
      all += one;
    }
    const auto accuracy = [&](const std::vector<Index>& times) {
      double sum = 0;
      for (std::size_t i = 0; i < hits.size(); ++i) sum += static_cast<double>(times[i]) * hits[i];
      return std::vector<double>{sum / (kSequences * kSteps)};
    };
    const Interval interval = bootstrap_intervals(kSequences, accuracy, {.resamples = 400})[0];
    covered += interval.low <= 0.7 && 0.7 <= interval.high;
    const Interval naive = wilson_interval(all, kSequences * kSteps);
    covered_by_steps += naive.low <= 0.7 && 0.7 <= naive.high;
  }
  MESSAGE("covered: " << covered << " of " << kRounds << "; with steps taken as independent: " << covered_by_steps);
  CHECK_GE(covered, 273);  // 91 %
  CHECK_LE(covered, 297);  // 99 %
  CHECK_LT(covered_by_steps, 255);
}
