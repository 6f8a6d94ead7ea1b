// What `eval` says of answers, from answers that are planted.
#include "apps/trainer/answers.h"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "apps/trainer/answers_text.h"
#include "apps/trainer/evaluate.h"
#include "apps/trainer/metrics.h"
#include "core/error.h"
#include "core/strings.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

doctest::Approx about(double value) { return doctest::Approx(value).epsilon(1e-6); }

/// A task that has a shape and counts, and no data.
struct Planted : Task {
  TaskShape shape_;
  std::vector<Index> counts;
  std::vector<std::string> names;
  Planted(Index classes, Objective objective, std::vector<Index> counts_ = {})
      : shape_({.vocabulary = 2, .outputs = classes}, objective, 8), counts(std::move(counts_)) {
    shape_.unit = "byte";
  }
  void fields(Fields&) override {}
  void prepare(std::uint64_t) override {}
  TaskShape shape() const override { return shape_; }
  void training_batch(Index, Index, Batch& out) const override { out = blank_batch(shape_, 1, shape_.length); }
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override { return nullptr; }
  std::vector<Index> training_counts() const override { return counts; }
  Json learned() const override { return names.empty() ? Json::object() : Json{{"classes", names}}; }
};

/// A chunk with these targets, and what a model gave for it.
struct Chunk {
  Index batch, length;
  std::vector<std::int32_t> targets;
  std::vector<float> logits;
  bool first = true, last = true;
};

Json report(const Task& task, const std::vector<Chunk>& chunks, AnswerFile* file = nullptr) {
  const TaskShape shape = task.shape();
  Score score;
  const auto answers = answers_of(task, file);
  answers->begin(Split::validation);
  for (const Chunk& chunk : chunks) {
    Batch batch;
    batch.batch = chunk.batch, batch.length = chunk.length;
    batch.targets = chunk.targets;
    batch.first = chunk.first, batch.last = chunk.last;
    const Variable logits(Tensor::of(Shape{static_cast<Index>(chunk.targets.size()), shape.outputs}, chunk.logits));
    score.add(logits, batch, shape);
    answers->add(logits, batch);
  }
  Json document = score.metrics(shape);
  document.update(score.counts());
  answers->report(document);
  return document;
}

/// Logits of two classes whose second has these log-odds.
std::vector<float> two(const std::vector<float>& odds) {
  std::vector<float> logits;
  for (const float one : odds) logits.insert(logits.end(), {0, one});
  return logits;
}

void fits_80_columns(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK_LE(line.size(), 80);
  }
}

}  // namespace

TEST_CASE("log-odds tell apart what rounds to a probability of 1") {
  float odds[3];
  const float logits[] = {0, 1, -1};
  log_odds(logits, 3, odds);
  double sum = 0;
  for (int c = 0; c < 3; ++c) {
    const double power = std::exp(static_cast<double>(logits[c]));
    CHECK(probability_of(odds[c]) == about(power / (std::exp(0.0) + std::exp(1.0) + std::exp(-1.0))));
    sum += probability_of(odds[c]);
  }
  CHECK(sum == about(1));
  const float sure[] = {50, 0, 0}, surer[] = {60, 0, 0};
  float one, other[3];
  log_odds(sure, 3, odds), one = odds[0];
  log_odds(surer, 3, other);
  CHECK(one == about(50 - std::log(2.0)));
  CHECK(other[0] > one);
  CHECK(other[1] == about(-60));
}

TEST_CASE("one label a sequence: figures by hand, Wilson's interval, what is always answered") {
  Planted task(3, Objective::label, {2, 6, 2});
  task.names = {"a", "b", "c"};
  // Truth a a b b b, answers a b b b a; c never occurs.
  const Json document =
      report(task, {{3, 8, {0, 0, 1}, {2, 0, -9, 0, 1, -9, 0, 3, -9}}, {2, 8, {1, 1}, {0, 0.5f, -9, 0.25f, 0, -9}}});
  CHECK_EQ(document["n"], 5);
  CHECK(document["accuracy"] == about(0.6));
  CHECK(document["balanced_accuracy"] == about((0.5 + 2.0 / 3) / 2));
  CHECK(document["macro_f1"] == about((0.5 + 2.0 / 3) / 2));
  const Json& a = document["by_class"][0];
  CHECK_EQ(a["support"], 2);
  CHECK(a["precision"] == about(0.5));
  CHECK(a["recall"] == about(0.5));
  // Odds of a: 2 and -1 where it is right, -3, -0.5, 0.25 where not: of six pairs four.
  CHECK(a["auroc"] == about(4.0 / 6));
  CHECK(a["average_precision"] == about(0.5 * 1 + 0.5 * 2 / 4));
  CHECK(document["by_class"][2]["auroc"].is_null());
  CHECK(document["by_class"][2]["recall"].is_null());
  CHECK(document["auroc"] == about(4.0 / 6));
  CHECK_EQ(document["remarks"][0],
           "no AUROC and average precision of c: none of the answers, or all, are of the class");
  CHECK_EQ(document["intervals"]["accuracy"]["method"], "wilson");
  CHECK(document["intervals"]["accuracy"]["low"] == about(wilson_interval(3, 5).low));
  CHECK_EQ(document["intervals"]["balanced_accuracy"]["method"], "bootstrap over sequences");
  CHECK_EQ(document["confusion"]["answers_of_truth"], Json({{1, 1, 0}, {1, 2, 0}, {0, 0, 0}}));
  CHECK_EQ(document["largest_confusions"].size(), 2);
  const Json& most = document["baselines"]["most_frequent"];
  CHECK_EQ(most["class"], "b");
  CHECK(most["accuracy"] == about(0.6));
  CHECK(most["balanced_accuracy"] == about(0.5));
  CHECK(document["baselines"]["chance"]["accuracy"] == about(1.0 / 3));
  CHECK(document["baselines"]["chance"]["average_precision"] == about(0.5));  // of a and b: 2 / 5 and 3 / 5
  const std::string text = answers_text(document);
  fits_80_columns(text);
  CHECK(text.find("balanced accuracy     58.3 %") != std::string::npos);
  CHECK(text.find("always b, 60.0 % of the training's answers") != std::string::npos);
  CHECK(text.find("no AUROC and average precision of c") != std::string::npos);
}

TEST_CASE("a label at each step: chunks of one sequence are one, and sequences are resampled, not steps") {
  const Planted task(2, Objective::label_per_step, {1, 1});
  const TemporaryFolder folder;
  const auto path = folder / "p.csv";
  AnswerFile file(path);
  // Three sequences of four steps in two chunks; right: 4, 2 and 0 of 4; a step of the first is not scored.
  const Json document = report(task,
                               {{3, 2, {1, 0, 1, 1, 0, 0}, two({1, -1, 1, -1, 1, 1}), true, false},
                                {3, 2, {kIgnore, 1, 0, 0, 1, 1}, two({1, 2, -1, 1, -1, -1}), false, true}},
                               &file);
  CHECK_FALSE(std::filesystem::exists(path));
  file.finish();
  CHECK_EQ(document["n"], 11);
  CHECK_EQ(document["sequences"], 3);
  const Json& interval = document["intervals"]["accuracy"];
  CHECK_EQ(interval["method"], "bootstrap over sequences");
  CHECK_EQ(interval["sequences"], 3);
  CHECK_EQ(interval["low"], 0);  // all three drawn are the third: 1 in 27
  CHECK_EQ(interval["high"], 1);
  std::istringstream rows(read_file(path));
  std::string line;
  std::vector<std::string> lines;
  while (std::getline(rows, line)) lines.push_back(line);
  REQUIRE_EQ(lines.size(), 12);
  CHECK_EQ(lines[0], "sequence,step,truth,prediction,0,1");
  CHECK_EQ(lines[1], "0,0,1,1,0.2689414,0.7310586");
  CHECK_EQ(lines[4].substr(0, 8), "1,1,1,0,");
  CHECK_EQ(lines[7].substr(0, 8), "0,3,1,1,");
  CHECK_FALSE(std::filesystem::exists(path.string() + kUnfinished));
}

TEST_CASE("sequences that are equally right: resampling has no width, Wilson's over sequences does") {
  const Planted task(2, Objective::label_per_step, {1, 1});
  std::vector<std::int32_t> targets(8, 1);
  const Json right = report(task, {{4, 2, targets, two(std::vector<float>(8, 1))}});
  CHECK_EQ(right["accuracy"], 1);
  CHECK_EQ(right["intervals"]["accuracy"]["method"], "wilson");
  CHECK(right["intervals"]["accuracy"]["low"] == about(wilson_interval(4, 4).low));
  CHECK_EQ(right["intervals"]["accuracy"]["sequences"], 4);
  CHECK_EQ(right["intervals"].size(), 1);
  // One sequence says nothing of others.
  const Json alone = report(task, {{1, 8, targets, two(std::vector<float>(8, 1))}});
  CHECK(alone["intervals"].empty());
  // No class is told from another: all are of one.
  CHECK(right["auroc"].is_null());
  fits_80_columns(answers_text(right));
  fits_80_columns(answers_text(alone));
}

TEST_CASE("outputs that are not finite have no scores; too few drawn answers no most frequent class") {
  const Planted task(2, Objective::label, {1, 1});
  const Json document = report(task, {{2, 1, {1, 0}, {NAN, NAN, 0, 1}}});
  CHECK_EQ(document["accuracy"], "nan");
  CHECK_FALSE(document.contains("balanced_accuracy"));
  CHECK_EQ(answers_text(document), "");
  // Drawn: 4096 sequences of one blank answer each, or of none where every step is left out.
  Planted drawn(2, Objective::label);
  CHECK_EQ(report(drawn, {{2, 1, {1, 0}, two({1, 1})}})["baselines"]["most_frequent"]["class"], "0");
  drawn.shape_.length = 1 << 20;  // one sequence
  CHECK_FALSE(report(drawn, {{2, 1, {1, 0}, two({1, 1})}})["baselines"].contains("most_frequent"));
}

TEST_CASE("many classes: the largest confusions instead of the matrix, within 80 columns") {
  for (const Index classes : {12, 13, 150}) {
    Planted task(classes, Objective::label, std::vector<Index>(static_cast<std::size_t>(classes), 1));
    for (Index c = 0; c < classes; ++c)
      task.names.push_back(format("class \xC3\xBC of a name that is long, %lld", static_cast<long long>(c)));
    std::vector<std::int32_t> targets;
    std::vector<float> logits;
    for (Index i = 0; i < 400; ++i) {
      targets.push_back(static_cast<std::int32_t>(i * i % classes));
      for (Index c = 0; c < classes; ++c) logits.push_back(c == (i % 5 ? i * i : i + 1) % classes ? 1 : 0);
    }
    const Json document = report(task, {{400, 1, targets, logits}});
    const std::string text = answers_text(document);
    CHECK_EQ(text.find("truth \\ answer") != std::string::npos, classes == 12);
    CHECK_EQ(text.find("largest confusions") != std::string::npos, classes > 12);
    CHECK_EQ(document.contains("confusion"), classes <= 100);
    CHECK_LE(document["largest_confusions"].size(), 10);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      CHECK_LE(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }), 80);
    }
  }
}

TEST_CASE("perplexity is 2 to the bits; the training's shares as a model of the answers") {
  const Planted task(4, Objective::next_token, {5, 1, 0, 0});
  const Json document = report(task, {{1, 3, {0, 1, 2}, {1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0}}});
  CHECK(document["perplexity"] == about(std::exp2(document["bits_per_byte"].get<double>())));
  CHECK(document["perplexity"] == about(std::exp(document["loss"].get<double>())));
  const Json& baselines = document["baselines"];
  CHECK(baselines["equal_shares"]["bits_per_byte"] == about(2));
  CHECK(baselines["equal_shares"]["perplexity"] == about(4));
  // With one added to each: 6, 2, 1, 1 of 10.
  CHECK(baselines["training_shares"]["bits_per_byte"] ==
        about(-(std::log2(0.6) + std::log2(0.2) + std::log2(0.1)) / 3));
  fits_80_columns(answers_text(document));
}

TEST_CASE("the new metrics have a direction and a way to be told") {
  CHECK(metric("auroc").higher_is_better);
  CHECK_FALSE(metric("mase").higher_is_better);
  CHECK_EQ(metric_text("smape", 12.34), "12.3 %");
  CHECK_EQ(metric_text("balanced_accuracy", 0.1234), "12.3 %");
  CHECK_EQ(metric_text("perplexity", 3.7), "3.7");
  // What ranks models is what it was.
  CHECK_EQ(main_metric({{"mse", 1}, {"mae", 1}, {"rmse", 1}}), "mse");
  CHECK_EQ(main_metric({{"accuracy", 1}, {"auroc", 1}}), "accuracy");
}

TEST_CASE("a file of answers that cannot be is refused; one that is not finished leaves nothing") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(AnswerFile(folder / "no" / "p.csv"), CheckpointError);
  CHECK(message_of<CheckpointError>([&] { AnswerFile{folder.path()}; }).find(": is a folder") != std::string::npos);
  { AnswerFile(folder / "p.csv").row({"a,b", "say \"x\""}); }
  CHECK(std::filesystem::is_empty(folder.path()));
  AnswerFile file(folder / "p.csv");
  file.row({"a,b", "say \"x\"", "c"});
  file.finish();
  CHECK_EQ(read_file(folder / "p.csv"), "\"a,b\",\"say \"\"x\"\"\",c\n");
}

TEST_CASE("several labels: F1 of each and of all, rankings, and answers without a model") {
  Planted task(2, Objective::labels);
  task.names = {"hot", "wet"};
  const std::vector<float> truths{1, 0, 1, 1, 0, 1, 0, 0}, logits{2, -1, -1, 3, 1, 1, -2, -3};
  Batch batch;
  batch.batch = 4, batch.length = 8;
  batch.target_values = truths;
  const Variable given(Tensor::of(Shape{4, 2}, logits));
  Score score;
  score.add(given, batch, task.shape());
  double loss = 0;
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const double x = static_cast<double>(logits[i]), y = static_cast<double>(truths[i]);
    loss += std::log1p(std::exp(x)) - y * x;  // binary cross entropy
  }
  CHECK(score.loss() == about(loss / 8));
  batch.weights = {2, 1, 1, 1, 1, 1, 1, 0};
  const double first = std::log1p(std::exp(2.0)) - 2, last = std::log1p(std::exp(-3.0));
  CHECK(static_cast<double>(batch_loss(given, batch, task.shape()).data()[0]) == about((loss + first - last) / 8));

  const TemporaryFolder folder;
  AnswerFile file(folder / "a.csv");
  const auto answers = answers_of(task, &file);
  answers->add(given, batch);
  Json document = score.metrics(task.shape());
  document.update(score.counts());
  answers->report(document);
  file.finish();
  CHECK(document["n"] == 8);
  CHECK(document["accuracy"].get<double>() == about(6.0 / 8));
  CHECK(document["sequence_accuracy"].get<double>() == about(2.0 / 4));
  // hot: truths 1 1 0 0, answers 1 0 1 0; wet: truths 0 1 1 0, answers the same.
  CHECK(document["by_class"][0]["f1"].get<double>() == about(0.5));
  CHECK(document["by_class"][1]["f1"].get<double>() == about(1));
  CHECK(document["macro_f1"].get<double>() == about(0.75));
  CHECK(document["micro_f1"].get<double>() == about(2.0 * 3 / (4 + 4)));
  // hot by rank: 2 (1), 1 (0), -1 (1), -2 (0)
  CHECK(document["by_class"][0]["average_precision"].get<double>() == about((1 + 2.0 / 3) / 2));
  CHECK(document["average_precision"].get<double>() == about((5.0 / 6 + 1) / 2));
  CHECK(document["baselines"]["every_label"]["micro_f1"].get<double>() == about(2.0 * 4 / (4 + 8)));
  CHECK(document["baselines"]["no_label"]["accuracy"].get<double>() == about(0.5));
  fits_80_columns(answers_text(document));
  const std::string text = read_file(folder / "a.csv");
  CHECK(text.starts_with("sequence,hot truth,hot,wet truth,wet\n0,1,0.8807971,0,0.2689414\n"));
}

TEST_CASE("numbers at each step, in units: padding does not count") {
  struct Units final : Planted {
    Units() : Planted(1, Objective::numbers_per_step) {}
    Signature signature() const override {
      Signature all = Task::signature();
      all.numbers = {{"height", 100, 10}};
      return all;
    }
  } const task;
  const float none = std::nanf("");
  const TemporaryFolder folder;
  AnswerFile file(folder / "a.csv");
  const auto answers = answers_of(task, &file);
  Score score;
  // Two sequences in two chunks of two steps; the second has three steps.
  for (const bool first : {true, false}) {
    Batch batch;
    batch.batch = 2, batch.length = 2;
    batch.first = first, batch.last = !first;
    batch.target_values = first ? std::vector<float>{0, 1, 2, 3} : std::vector<float>{-1, 0, 1, none};
    const Variable given(
        Tensor::of(Shape{2, 2, 1}, first ? std::vector<float>{0, 1, 2, 2} : std::vector<float>{0, 0, 1, 9}));
    score.add(given, batch, task.shape());
    answers->add(given, batch);
  }
  Json document = score.metrics(task.shape());
  document.update(score.counts());
  answers->report(document);
  file.finish();
  CHECK(document["n"] == 7);
  CHECK(document["sequences"] == 2);
  CHECK(document["mse"].get<double>() == about(2.0 / 7));
  const Json& target = document["targets"][0];
  CHECK(target["target"] == "height");
  CHECK(target["model"]["mae"].get<double>() == about(20.0 / 7));
  const double mean = 6.0 / 7, spread = 16 - 7 * mean * mean;
  CHECK(target["model"]["r2"].get<double>() == about(1 - 2 / spread));
  CHECK(document["r2"] == target["model"]["r2"]);
  CHECK(target["training_mean"]["mae"].get<double>() == about(80.0 / 7));
  fits_80_columns(answers_text(document));
  CHECK(read_file(folder / "a.csv") ==
        "sequence,step,target,truth,prediction\n0,0,height,100,100\n0,1,height,110,110\n1,0,height,120,120\n"
        "1,1,height,130,120\n0,2,height,90,100\n0,3,height,100,100\n1,2,height,110,110\n");
}
