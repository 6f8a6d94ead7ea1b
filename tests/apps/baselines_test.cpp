// Baselines: each against arithmetic of its own, and the command on planted data.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <sstream>

#include "apps/baselines/minirocket.h"
#include "apps/baselines/ngram.h"
#include "apps/baselines/ridge.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"
#include "core/strings.h"
#include "core/threads.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Workplace;

namespace {

doctest::Approx near(double value) { return doctest::Approx(value).epsilon(1e-9); }

const auto kSilent = [](const std::string&) {};

/// Multiples of 1/64: every sum of a convolution is exact, in float as in double, in any order.
std::vector<float> coarse_series(Index numbers, std::uint64_t seed) {
  Random random(seed, "minirocket test");
  std::vector<float> all;
  for (Index i = 0; i < numbers; ++i) all.push_back(static_cast<float>(std::round(64 * random.normal()) / 64));
  return all;
}

/// A kernel's output at step t by its definition: nine weights, zeros around the series.
double convolved(const std::vector<float>& x, Index channels, const std::vector<Index>& of, Index dilation,
                 const std::vector<Index>& twos, Index t) {
  const Index steps = static_cast<Index>(x.size()) / channels;
  double sum = 0;
  for (Index j = 0; j < 9; ++j) {
    const Index at = t + (j - 4) * dilation;
    if (at < 0 || at >= steps) continue;
    const bool two = std::find(twos.begin(), twos.end(), j) != twos.end();
    for (const Index c : of)
      sum += (two ? 2 : -1) * static_cast<double>(x[static_cast<std::size_t>(at * channels + c)]);
  }
  return sum;
}

Json baselines_of_config(const Workplace& w, const std::string& more = "") {
  const testing::Outcome outcome = testing::seqtape("baselines " + w.config + " --json " + more);
  REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  return Json::parse(outcome.out);
}

Json by_name(const Json& document, const std::string& name) {
  for (const Json& one : document.at("baselines"))
    if (one.at("name") == name) return one;
  FAIL("no baseline " << name << " in " << document.dump(1));
  return {};
}

}  // namespace

TEST_CASE("n-grams: interpolated Kneser-Ney of five letters, by hand") {
  // "aabab": after the start a; after a once a, twice b; after b once a. Of these counts three are 1 and one is 2:
  // D_1 = 3 / (3 + 2). a came after three different tokens, b after one: D_0 = 1 / (1 + 0).
  Ngrams model(2, 1);
  model.count({0, 0, 1, 0, 1});
  model.settle();
  CHECK_EQ(model.size(), 4 + 2);
  const double a = (3 - 1 + 1 * 2 * 0.5) / 4, b = (0 + 1 * 2 * 0.5) / 4;
  CHECK_EQ(model.probability({0, 1}, 1), near((2 - 0.6 + 0.6 * 2 * b) / 3));
  CHECK_EQ(model.probability({0, 0}, 1), near((1 - 0.6 + 0.6 * 2 * a) / 3));
  CHECK_EQ(model.probability({1, 0}, 1), near(1 - 0.6 + 0.6 * a));
  CHECK_EQ(model.probability({1, 1}, 1), near(0.6 * b));
  CHECK_EQ(model.probability({0}, 0), near(1 - 0.6 + 0.6 * a));
}

TEST_CASE("n-grams: probabilities sum to 1 after any context, known or new") {
  Random random(4, "tokens");
  std::vector<std::int32_t> text;
  for (int i = 0; i < 3000; ++i) text.push_back(static_cast<std::int32_t>(random.below(3) + random.below(4)));
  Ngrams model(7, 5);  // token 6 never comes
  model.count(text);
  model.settle();
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<std::int32_t> sequence;
    for (int i = 0; i < 8; ++i) sequence.push_back(static_cast<std::int32_t>(random.below(7)));
    double sum = 0;
    for (std::int32_t last = 0; last < 7; ++last) {
      sequence.back() = last;
      const double p = model.probability(sequence, 7);
      CHECK(p > 0);
      sum += p;
    }
    CHECK_EQ(sum, near(1));
  }
}

TEST_CASE("ridge: a line by hand") {
  // Mean 1 and variance 2/3; the standardised slope is 5 a / (3 + 3 r) with a = sqrt(3/2), that of x is 7.5 / (3 + 3
  // r).
  const LinearCases cases{1, 1, {0, 1, 2}, {1, 2, 6}};
  const auto maps = fit_ridge(cases, {0, 1}, kSilent);
  REQUIRE_EQ(maps.size(), 2);
  CHECK_EQ(maps[0].weights[0], near(2.5));
  CHECK_EQ(maps[0].intercept[0], near(0.5));
  CHECK_EQ(maps[1].weights[0], near(1.25));
  CHECK_EQ(maps[1].intercept[0], near(1.75));
  float y = 0;
  const float x = 2;
  maps[1].apply(&x, &y);
  CHECK_EQ(y, 4.25f);
}

TEST_CASE("ridge: the gradient is zero, with more cases than features and fewer, across tiles, on any threads") {
  for (const auto& [n, p] : {std::pair<Index, Index>{700, 290}, {290, 700}}) {
    Random random(5, "ridge", static_cast<std::uint64_t>(n));
    LinearCases cases{p, 2};
    for (Index i = 0; i < n * p; ++i)
      cases.x.push_back(static_cast<float>(i % p == 7 ? 3 : 5 + random.normal() * static_cast<double>(1 + i % p % 4)));
    for (Index i = 0; i < n * 2; ++i) cases.y.push_back(static_cast<float>(random.normal() + 2));
    std::vector<LinearMap> maps;
    {
      const ThreadLimit one(1);
      maps = fit_ridge(cases, {1e-3, 0.1}, kSilent);
    }
    REQUIRE_EQ(maps.size(), 2);
    for (const LinearMap& map : maps) {
      std::vector<double> error(static_cast<std::size_t>(n * 2));
      double size = 0;
      for (Index i = 0; i < n; ++i)
        for (Index o = 0; o < 2; ++o) {
          double answer = map.intercept[static_cast<std::size_t>(o)];
          for (Index f = 0; f < p; ++f)
            answer += map.weights[static_cast<std::size_t>(f * 2 + o)] *
                      static_cast<double>(cases.x[static_cast<std::size_t>(i * p + f)]);
          error[static_cast<std::size_t>(i * 2 + o)] =
              static_cast<double>(cases.y[static_cast<std::size_t>(i * 2 + o)]) - answer;
        }
      double worst = 0;
      for (Index f = 0; f < p; ++f) {
        double mean = 0, variance = 0;
        const auto x = [&](Index i) { return static_cast<double>(cases.x[static_cast<std::size_t>(i * p + f)]); };
        for (Index i = 0; i < n; ++i) mean += x(i) / static_cast<double>(n);
        for (Index i = 0; i < n; ++i) variance += std::pow(x(i) - mean, 2) / static_cast<double>(n);
        for (Index o = 0; o < 2; ++o) {
          // Of w in units: sum (x - mean) error = penalty n variance w.
          const double weight = map.weights[static_cast<std::size_t>(f * 2 + o)];
          double left = 0;
          for (Index i = 0; i < n; ++i) left += (x(i) - mean) * error[static_cast<std::size_t>(i * 2 + o)];
          worst = std::max(worst, std::fabs(left - map.penalty * static_cast<double>(n) * variance * weight));
          size += std::fabs(weight);
        }
        if (f == 7) CHECK_EQ(map.weights[static_cast<std::size_t>(f * 2)], 0);
      }
      CHECK(size > 0.1);
      CHECK(worst < 1e-6);
    }
    const ThreadLimit three(3);
    CHECK(fit_ridge(cases, {0.1}, kSilent)[0].weights == maps[1].weights);
  }
}

TEST_CASE("minirocket: features and biases are the definition's, of 20 series, in plain loops and in NumPy") {
  for (const auto& [steps, channels] : {std::pair<Index, Index>{9, 1}, {50, 1}, {133, 1}, {60, 12}}) {
    CAPTURE(steps);
    constexpr Index kSeries = 20;
    std::vector<std::vector<float>> series;
    for (Index i = 0; i < kSeries; ++i)
      series.push_back(coarse_series(steps * channels, static_cast<std::uint64_t>(i + 1)));
    const MiniRocket rocket(steps, channels, kSeries, 1, [&](Index i) { return series[static_cast<std::size_t>(i)]; });
    std::vector<std::vector<float>> features(kSeries, std::vector<float>(MiniRocket::kFeatures));
    for (std::size_t i = 0; i < series.size(); ++i) rocket.transform({series[i].data(), steps}, features[i].data());

    const auto dilations = MiniRocket::dilations(steps);
    CHECK_EQ(dilations.back().step, (steps - 1) / 8);
    const auto kernels = MiniRocket::kernels();
    REQUIRE_EQ(kernels.size(), 84);
    Index wrong = 0, feature = 0, inner = 0;
    for (std::size_t d = 0; d < dilations.size(); ++d)
      for (std::size_t k = 0; k < kernels.size(); ++k) {
        const Index reach = (d + k) % 2 == 0 ? 0 : 4 * dilations[d].step;
        const auto& of = rocket.channels()[d * 84 + k];
        CHECK((of.size() >= 1 && static_cast<Index>(of.size()) <= std::min<Index>(channels, 9)));
        for (std::size_t i = 0; i < series.size(); ++i) {
          std::vector<double> output;
          for (Index t = reach; t < steps - reach; ++t)
            output.push_back(convolved(series[i], channels, of, dilations[d].step, kernels[k], t));
          for (Index q = 0; q < dilations[d].biases; ++q) {
            const auto at = static_cast<std::size_t>(feature + q);
            Index above = 0;
            for (const double value : output) above += value > static_cast<double>(rocket.biases()[at]);
            const float want = static_cast<float>(above) / static_cast<float>(output.size());
            wrong += features[i][at] != want;
            inner += want > 0 && want < 1;
          }
        }
        feature += dilations[d].biases;
      }
    CHECK_EQ(feature, MiniRocket::kFeatures);
    CHECK_EQ(wrong, 0);
    CHECK(inner > kSeries * MiniRocket::kFeatures / 3);  // many tell something

    Json given = {{"channels", channels},      {"drawn", rocket.drawn()}, {"combinations", rocket.channels()},
                  {"biases", rocket.biases()}, {"features", features},    {"series", Json::array()}};
    for (const auto& one : series) {
      Json rows = Json::array();
      for (Index t = 0; t < steps; ++t)
        rows.push_back(std::vector<float>(one.begin() + t * channels, one.begin() + (t + 1) * channels));
      given["series"].push_back(rows);
    }
    const testing::TemporaryFolder folder;
    write_file(folder / "m.json", given.dump());
    const std::string script = SEQTAPE_SOURCE_DIR "/tests/apps/minirocket_test.py ";
    const int status = std::system(("/usr/bin/python3 " + script + (folder / "m.json").string()).c_str());
    if (WEXITSTATUS(status) == 77)
      MESSAGE("skipped: NumPy is not installed for /usr/bin/python3");
    else
      CHECK_EQ(status, 0);
  }
}

TEST_CASE("minirocket: a series too short for a dilation sees zeros around it") {
  const auto x = coarse_series(200, 1), brief = coarse_series(20, 2);
  const MiniRocket rocket(200, 1, 1, 1, [&](Index) { return x; });
  std::vector<float> features(MiniRocket::kFeatures);
  rocket.transform({brief.data(), 20}, features.data());
  const auto last = MiniRocket::dilations(200).back();
  for (Index k = 0; k < 84; ++k) {
    const auto at = static_cast<std::size_t>(MiniRocket::kFeatures - (84 - k) * last.biases);
    double above = 0;
    for (Index t = 0; t < 20; ++t)
      above += convolved(brief, 1, {0}, last.step, MiniRocket::kernels()[static_cast<std::size_t>(k)], t) >
               static_cast<double>(rocket.biases()[at]);
    CHECK_EQ(features[at], static_cast<float>(above / 20));
  }
}

TEST_CASE("minirocket: its time for 10,000 series of 500 steps" * doctest::skip()) {
  const auto x = coarse_series(500, 1);
  const MiniRocket rocket(500, 1, 1, 1, [&](Index) { return x; });
  const auto start = Clock::now();
  std::vector<std::vector<float>> features(100, std::vector<float>(MiniRocket::kFeatures));
  for (int hundred = 0; hundred < 100; ++hundred)
    parallel_for(100, [&](Index i) {
      rocket.transform({x.data(), 500}, features[static_cast<std::size_t>(i)].data());
    });
  const double seconds = seconds_since(start);
  MESSAGE(seconds << " s on " << thread_count() << " threads");
  CHECK(seconds < 60);
}

TEST_CASE("baselines of forecasts: a planted linear series, naive forecasts by arithmetic, missing values") {
  const Workplace w(
      R"({"task": {"name": "series", "path": "s.csv", "columns": ["x", "y"], "targets": ["x", "y"], "length": 32,
    "horizon": 8, "season": 7, "eval_stride": 3, "missing": "mask"}, "model": {"name": "gru"}})");
  // Sums of three waves: each value is a linear map of the six before it.
  std::string csv = "x,y\n";
  std::vector<double> xs;
  for (int t = 0; t < 1200; ++t) {
    xs.push_back(3 + std::sin(0.9 * t) + 0.5 * std::cos(0.23 * t) + 0.3 * std::sin(2.1 * t));
    csv += format("%.9g,%s\n", xs.back(), t % 100 == 57 ? "" : format("%.9g", 10 * std::sin(0.9 * t + 1)).c_str());
  }
  write_file(w.folder / "s.csv", csv);
  const Json document = baselines_of_config(w, "--set task.targets='[\"x\"]'");
  const Json nlinear = by_name(document, "nlinear");
  for (const char* split : {"validation", "test"}) {
    CHECK(nlinear.at(split).at("mse").get<double>() < 1e-6);
    CHECK(by_name(document, "window ridge").at(split).at("mse").get<double>() < 1e-6);
    CHECK(by_name(document, "last value").at(split).at("mse").get<double>() > 0.5);
  }
  // Windows of the test split start to be asked for at row 960 (0.2 of 1200 are for test), every third row.
  double drift = 0, naive = 0, n = 0, mean = 0, square = 0;
  for (int t = 0; t < 840; ++t) mean += xs[static_cast<std::size_t>(t)] / 840;
  for (int t = 0; t < 840; ++t) square += std::pow(xs[static_cast<std::size_t>(t)] - mean, 2) / 840;
  for (std::size_t row = 960; row + 8 <= 1200; row += 3)
    for (std::size_t h = 0; h < 8; ++h, ++n) {
      const double last = xs[row - 1];
      drift += std::pow(xs[row + h] - last - static_cast<double>(h + 1) * (last - xs[row - 32]) / 31, 2);
      naive += std::pow(xs[row + h] - last, 2);
    }
  CHECK_EQ(by_name(document, "drift").at("test").at("mse").get<double>(),
           doctest::Approx(drift / n / square).epsilon(1e-4));
  CHECK_EQ(by_name(document, "last value").at("test").at("mse").get<double>(),
           doctest::Approx(naive / n / square).epsilon(1e-4));
  // Two targets, one with gaps: all baselines answer.
  const Json both = baselines_of_config(w);
  CHECK(by_name(both, "nlinear").at("test").at("mse").get<double>() < 0.05);
  CHECK(by_name(both, "nlinear").at("test").at("mase").is_number());
}

TEST_CASE("baselines of classes: planted series of unequal lengths; the same document again; tables of 80 columns") {
  const Workplace w(R"({"task": {"name": "arrays", "path": "a.jsonl", "length": 100, "validation_fraction": 0.2,
    "test_fraction": 0.3}, "model": {"name": "gru"}})");
  Random random(2, "planted");
  std::string lines;
  for (int i = 0; i < 300; ++i) {
    const int kind = i % 3;
    Json values = Json::array();
    const double phase = 6 * random.uniform();
    for (Index t = 0, steps = 30 + random.below(60); t < steps; ++t)
      values.push_back(std::sin((0.3 + 0.4 * kind) * static_cast<double>(t) + phase) + 0.5 * random.normal());
    lines += Json{{"values", values}, {"label", str("k", kind)}}.dump() + "\n";
  }
  write_file(w.folder / "a.jsonl", lines);
  Json document = baselines_of_config(w, "--threads 2"), again = baselines_of_config(w, "--threads 1");
  for (Json* one : {&document, &again})
    for (Json& baseline : one->at("baselines")) baseline.erase("seconds");
  CHECK_EQ(document, again);
  const Json rocket = by_name(document, "minirocket").at("test");
  CHECK(rocket.at("accuracy").get<double>() >= 0.95);
  CHECK_EQ(rocket.at("n").get<int>(), 90);
  CHECK_EQ(rocket.at("intervals").at("accuracy").at("method"), "wilson");
  CHECK_FALSE(rocket.contains("loss"));
  CHECK(by_name(document, "most frequent").at("test").at("accuracy").get<double>() < 0.5);
  const testing::Outcome shown = testing::seqtape("baselines " + w.config);
  CHECK_EQ(shown.exit_code, 0);
  std::istringstream text(shown.out);
  for (std::string line; std::getline(text, line);) CHECK_MESSAGE(line.size() <= 80, line);
  CHECK(shown.out.find("dilations for the median") != std::string::npos);
}

TEST_CASE("baselines of numbers: a planted frequency, and how many letters are a") {
  Random random(4, "numbers");
  const Workplace waves(R"({"task": {"name": "arrays", "target": "numbers", "path": "a.jsonl", "length": 100,
    "validation_fraction": 0.2, "test_fraction": 0.3}, "model": {"name": "gru"}})");
  std::string lines;
  for (int i = 0; i < 300; ++i) {
    const double turns = random.uniform(0.2, 1.2), phase = 6 * random.uniform();
    Json values = Json::array();
    for (int t = 0; t < 60; ++t) values.push_back(std::sin(turns * t + phase) + 0.2 * random.normal());
    lines += Json{{"values", values}, {"label", 1000 + 50 * turns}}.dump() + "\n";
  }
  write_file(waves.folder / "a.jsonl", lines);
  const Json rocket = by_name(baselines_of_config(waves), "minirocket").at("test");
  CHECK(rocket.at("r2").get<double>() > 0.95);
  const Workplace texts(R"({"task": {"name": "documents", "target": "numbers", "path": "d.jsonl", "length": 80,
    "validation_fraction": 0.2, "test_fraction": 0.3}, "model": {"name": "gru"}})");
  lines.clear();
  for (int i = 0; i < 300; ++i) {
    std::string text;
    const double share = random.uniform();
    for (int t = 0; t < 60; ++t) text += random.uniform() < share ? 'a' : static_cast<char>('b' + random.below(4));
    lines += Json{{"text", text}, {"label", std::count(text.begin(), text.end(), 'a')}}.dump() + "\n";
  }
  write_file(texts.folder / "d.jsonl", lines);
  const Json bag = by_name(baselines_of_config(texts), "bag of n-grams").at("test");
  CHECK(bag.at("r2").get<double>() > 0.9);
}

TEST_CASE("baselines of documents: classes that differ in the order of letters alone") {
  const Workplace w(R"({"task": {"name": "documents", "path": "d.tsv", "length": 60, "validation_fraction": 0.2,
    "test_fraction": 0.3}, "model": {"name": "gru"}})");
  Random random(3, "documents");
  std::string lines;
  for (int i = 0; i < 300; ++i) {
    std::string text;  // pairs "ab" or "ba" between random letters: single letters tell nothing
    for (Index n = 0, words = 3 + random.below(10); n < words; ++n)
      text += str(i % 2 ? "ab" : "ba", static_cast<char>('c' + random.below(20)),
                  static_cast<char>('c' + random.below(20)));
    lines += str(i % 2 ? "right" : "left", "\t", text, "\n");
  }
  write_file(w.folder / "d.tsv", lines);
  const Json document = baselines_of_config(w);
  CHECK(by_name(document, "bag of n-grams").at("test").at("accuracy").get<double>() >= 0.95);
  CHECK(by_name(document, "most frequent").at("test").at("accuracy").get<double>() < 0.7);
}

TEST_CASE("baselines of texts: order 5 learns a repeating text, on validation that it has not read") {
  const Workplace w(
      R"({"task": {"name": "text", "path": "t.txt", "length": 64, "train_fraction": 0.8, "test_fraction": 0.1},
    "model": {"name": "gru"}})");
  std::string text;
  for (int i = 0; i < 600; ++i) text += "the quick brown fox ";
  write_file(w.folder / "t.txt", text);
  const Json document = baselines_of_config(w);
  const Json ngrams = by_name(document, "n-grams");
  for (const char* split : {"validation", "test"}) {
    CHECK(ngrams.at(split).at("bits_per_byte").get<double>() < 0.1);
    CHECK(by_name(document, "training shares").at(split).at("bits_per_byte").get<double>() > 3);
  }
  CHECK_EQ(ngrams.at("validation").at("n").get<int>(), 1199);
}

TEST_CASE("baselines of a drawn task: chance; of a run: its config; of none: refused") {
  const Workplace w;
  const Json document = baselines_of_config(w);
  CHECK_EQ(by_name(document, "chance").at("validation").at("accuracy").get<double>(), doctest::Approx(1.0 / 8));
  CHECK(document.at("left_out").empty());
  REQUIRE_EQ(w.train("--set train.steps=2").exit_code, 0);
  CHECK_EQ(testing::seqtape("baselines " + w.run).exit_code, 0);
  CHECK_EQ(testing::seqtape("baselines " + (w.folder / "none.json").string()).exit_code, 2);
}
