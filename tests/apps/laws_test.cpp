// Laws of training, judging and showing.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "apps/report/curve.h"
#include "apps/trainer/answers.h"
#include "apps/trainer/metrics.h"
#include "apps/trainer/training.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/readers/files.h"
#include "tests/support/draw.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::between;
using testing::draw;
using testing::TemporaryFolder;

namespace {

constexpr const char* kTasks[] = {"induction_heads", "parity", "group_word", "adding", "documents", "text"};

template <std::size_t N>
const char* one_of(Random& random, const char* const (&names)[N]) {
  return names[random.below(N)];
}

/// A small training of random sizes. Documents and words of a group are of unequal lengths, the former's classes
/// weighted.
RunConfig drawn_config(Random& random, const TemporaryFolder& folder, Index batch) {
  const std::string name = one_of(random, kTasks), path = (folder / "data").string();
  Json task = {{"name", name}, {"length", between(random, 6, 24)}};
  std::string content;
  if (name == "documents") {
    for (Index i = between(random, 40, 60); i > 0; --i)
      content += (i % 3 ? "a\t" : "b\t") + std::string(static_cast<std::size_t>(between(random, 1, 24)), 'x') + "\n";
    task.update({{"path", path}, {"class_weights", "balanced"}, {"length", 24}});
  }
  if (name == "text") {
    for (Index i = 0; i < 2000; ++i) content += static_cast<char>('a' + random.below(6));
    task.update({{"path", path}, {"train_fraction", 0.8}});
  }
  if (name == "induction_heads") task["vocab"] = 8;
  if (name == "group_word") task["shortest"] = 3;
  if (content.empty()) task["eval_sequences"] = between(random, 3, 30);
  if (!content.empty()) write_file(path, content);
  const std::vector<std::string> names = mixers().names();
  const Json model = {{"name", names[static_cast<std::size_t>(random.below(static_cast<Index>(names.size())))]},
                      {"d_model", 8},
                      {"layers", between(random, 1, 2)},
                      {"dropout", 0.2}};
  return RunConfig::from_json({{"task", task}, {"model", model}, {"train", {{"batch", batch}}}}, "");
}

}  // namespace

TEST_CASE("law: micro-batches of any size give the step of the whole batch, dropout and weights included") {
  draw("micro-batches", [](Random& random) {
    const TemporaryFolder folder;
    const Index batch = between(random, 2, 9);
    Training training(drawn_config(random, folder, batch));
    training.allocate();
    Batch data;
    training.config.task->training_batch(between(random, 0, 5), batch, data);
    const auto gradients = [&](Index micro) {
      training.optimizer().clear_gradients();
      std::vector<std::vector<float>> all;
      const double loss = BatchGradients(*training.model, training.shape, micro).add(data, 7);
      for (const Parameter* p : training.model->parameters()) all.push_back(p->variable.grad().to_vector());
      all.push_back({static_cast<float>(loss)});
      return all;
    };
    const auto whole = gradients(0), parts = gradients(between(random, 1, batch));
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
      for (std::size_t k = 0; k < whole[i].size(); ++k) {
        difference = std::max(difference, std::fabs(static_cast<double>(whole[i][k] - parts[i][k])));
        size = std::max(size, std::fabs(static_cast<double>(whole[i][k])));
      }
    CAPTURE(training.config.task_name);
    CAPTURE(training.config.model.name);
    CHECK(size > 1e-3);
    CHECK(difference < 2e-5 * size);
  });
}

TEST_CASE("law: the batch of an evaluation changes no number, and n is the answers that were scored") {
  draw("evaluations", [](Random& random) {
    const TemporaryFolder folder;
    Training training(drawn_config(random, folder, 4));
    training.allocate();
    const Task& task = *training.config.task;
    const auto score = [&](Index batch) { return *evaluate(*training.model, task, Split::validation, batch); };
    const Score one = score(1), other = score(between(random, 2, 40));
    CAPTURE(training.config.task_name);
    CAPTURE(training.config.model.name);
    CHECK(one.loss() == doctest::Approx(other.loss()).epsilon(1e-5));
    CHECK(one.counts() == other.counts());
    const Json a = one.metrics(training.shape), b = other.metrics(training.shape);
    if (a.contains("accuracy")) CHECK_EQ(a["accuracy"], b["accuracy"]);
    // Counted without the model.
    Index answers = 0, sequences = 0;
    const auto pass = task.evaluation(Split::validation, {.batch = 5, .chunk = 1 << 20});
    for (Batch chunk; pass->next(chunk);) {
      sequences += chunk.batch;
      for (const std::int32_t target : chunk.targets) answers += target != kIgnore;
      answers += static_cast<Index>(chunk.target_values.size());
    }
    CHECK_EQ(one.counts()["n"], answers);
    CHECK_EQ(one.counts()["sequences"], sequences);
  });
}

TEST_CASE("law: what is said of answers adds up, and the batch changes none of it") {
  draw("answers", [](Random& random) {
    const TemporaryFolder folder;
    Training training(drawn_config(random, folder, 4));
    training.allocate();
    const Task& task = *training.config.task;
    const auto judged = [&](Index batch) {
      const auto answers = answers_of(task, nullptr);
      Score score;
      answers->begin(Split::validation);
      evaluate(
          *training.model, task, Split::validation, batch, score, [] { return false; },
          [&](const Variable& logits, const Batch& chunk) { answers->add(logits, chunk); });
      Json document = score.metrics(training.shape);
      document.update(score.counts());
      answers->report(document);
      return document;
    };
    const Json one = judged(1), other = judged(between(random, 2, 40));
    CAPTURE(training.config.task_name);
    CAPTURE(training.config.model.name);
    // Rankings aside: equal sequences tie, unless the batch moves their last bits.
    for (const char* key : {"balanced_accuracy", "macro_f1", "rmse", "smape", "perplexity"}) {
      if (!one.contains(key) || one[key].is_null()) continue;
      CAPTURE(key);
      CHECK(one[key].get<double>() == doctest::Approx(other[key].get<double>()).epsilon(1e-3));
    }
    CHECK_EQ(one["baselines"], other["baselines"]);
    if (one.contains("rmse"))
      CHECK(one["rmse"].get<double>() == doctest::Approx(one["targets"][0]["model"]["rmse"].get<double>()));
    if (!one.contains("confusion")) return;
    Index all = 0, right = 0;
    const Json& rows = one["confusion"]["answers_of_truth"];
    for (std::size_t t = 0; t < rows.size(); ++t) {
      Index support = 0;
      for (const Json& count : rows[t]) support += count.get<Index>();
      CHECK_EQ(one["by_class"][t]["support"], support);
      all += support;
      right += rows[t][t].get<Index>();
    }
    CHECK_EQ(all, one["n"].get<Index>());
    CHECK(static_cast<double>(right) / static_cast<double>(all) == doctest::Approx(one["accuracy"].get<double>()));
    const Json& interval = one["intervals"]["accuracy"];
    CHECK(interval["low"].get<double>() <= one["accuracy"].get<double>());
    CHECK(interval["high"].get<double>() >= one["accuracy"].get<double>());
  });
}

TEST_CASE("law: one seed gives one run; another gives other weights, and another order of the data") {
  draw("seeds", [](Random& random) {
    const TemporaryFolder folder;
    const Json config = drawn_config(random, folder, 4).to_json();
    struct Start {
      std::vector<float> weights;
      std::vector<std::int32_t> tokens, targets;
      std::vector<float> values;
      std::vector<double> losses;
      bool operator==(const Start&) const = default;
    };
    const auto start = [&](Index seed) {
      Json seeded = config;
      seeded["seed"] = seed;
      Training training(RunConfig::from_json(seeded, ""));
      training.allocate();
      Start made;
      made.weights = training.model->parameters().front()->variable.value().to_vector();
      for (Index step = 0; step < 2; ++step) {
        Batch batch;
        training.config.task->training_batch(step, 4, batch);
        made.tokens.insert(made.tokens.end(), batch.tokens.begin(), batch.tokens.end());
        made.targets.insert(made.targets.end(), batch.targets.begin(), batch.targets.end());
        made.values.insert(made.values.end(), batch.values.begin(), batch.values.end());
        made.losses.push_back(training.step(step).loss);
      }
      return made;
    };
    const Index seed = between(random, 0, 99);
    const Start one = start(seed), again = start(seed), other = start(seed + 1);
    CHECK(one == again);
    CHECK(one.weights != other.weights);
    CHECK((one.tokens != other.tokens || one.targets != other.targets || one.values != other.values));
  });
}

TEST_CASE("law: the order in which files are made changes no number") {
  draw(
      "order of files",
      [](Random& random) {
        const auto batch_of = [](const std::vector<std::int32_t>& order, Index files, std::uint64_t seed) {
          const TemporaryFolder folder;
          for (const char* label : {"a", "b"}) std::filesystem::create_directories(folder / label);
          for (const std::int32_t i : order)
            write_file(folder / (i % 2 ? "a" : "b") / format("%d.txt", i),
                       std::string(static_cast<std::size_t>(i % 7 + 1), 'x'));
          LeftOut left_out;
          const auto read = files_under(folder.path(), left_out);
          CHECK(std::is_sorted(read.begin(), read.end()));  // a folder's own order is another on each file system
          auto task = tasks().find("documents")->make();
          read_fields([&](Fields& f) { task->fields(f); }, {{"path", folder.path().string()}, {"length", 8}}, "task");
          task->prepare(seed);
          Batch batch;
          task->training_batch(1, files / 3, batch);
          return std::pair(task->fingerprint(), std::pair(batch.tokens, batch.targets));
        };
        const Index files = between(random, 12, 40);
        const auto seed = static_cast<std::uint64_t>(between(random, 1, 99));
        CHECK(batch_of(random.permutation(files), files, seed) == batch_of(random.permutation(files), files, seed));
      },
      10);
}

TEST_CASE("law: what is not finite never improves a metric") {
  draw("best", [](Random& random) {
    const Metric& judged = metric(random.below(2) ? "accuracy" : "bits_per_byte");
    double best = worst_value(judged), wanted = best;
    for (Index i = 0; i < 20; ++i) {
      const double odd[] = {NAN, INFINITY, -INFINITY};
      const bool finite = random.below(2) != 0;
      const double value = finite ? random.uniform() : odd[random.below(3)];
      if (is_better(judged, value, best)) best = value;
      if (finite) wanted = judged.higher_is_better ? std::max(wanted, value) : std::min(wanted, value);
    }
    CHECK(best == wanted);
  });
}

TEST_CASE("law: a chart shows the finite numbers of metrics.jsonl, all of them and no others") {
  draw("charts", [](Random& random) {
    const TemporaryFolder folder;
    std::string text;
    std::vector<double> steps, values;
    for (Index step = 1; step <= between(random, 2, 60); ++step) {
      const bool validation = random.below(2) != 0, other_length = random.below(4) == 0, finite = random.below(4) != 0;
      Json line = {{"step", step}, {"split", validation ? "validation" : "train"}};
      if (other_length) line["length"] = 99;
      const double value = random.normal();
      line["loss"] = finite ? Json(value) : Json("nan");
      text += line.dump() + "\n";
      if (validation && !other_length && finite) steps.push_back(static_cast<double>(step)), values.push_back(value);
    }
    write_file(folder / "metrics.jsonl", text + "{\"step\": 7, \"spl");  // cut off by a kill
    if (values.empty()) {
      CHECK_THROWS_AS(read_curve(folder.path(), {}), ConfigError);
      return;
    }
    const Curve curve = read_curve(folder.path(), {});
    CHECK(curve.x == steps);
    CHECK(curve.y == values);
    const std::string svg = svg_chart({curve}, {.title = "t", .x_name = "x", .y_name = "y"});
    const std::size_t begin = svg.find("points=\""), end = svg.find('"', begin + 8);
    CHECK_EQ(std::count(svg.begin() + static_cast<std::ptrdiff_t>(begin),
                        svg.begin() + static_cast<std::ptrdiff_t>(end), ','),
             static_cast<std::ptrdiff_t>(values.size()));
  });
}
