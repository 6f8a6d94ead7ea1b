// The parts of the trainer, in this process: gradients, updates, schedules, what is watched.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "apps/report/curve.h"
#include "apps/trainer/tensorboard.h"
#include "apps/trainer/training.h"
#include "apps/trainer/validation.h"
#include "core/error.h"
#include "core/io/file.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

RunConfig config_of(const char* task, const char* model, const Json& train = {}, const Json& optimizer = {}) {
  Json json = {{"task", Json::parse(task)}, {"model", Json::parse(model)}, {"train", {{"steps", 8}, {"batch", 6}}}};
  if (!train.is_null()) json["train"].update(train);
  if (!optimizer.is_null()) json["optimizer"] = optimizer;
  return RunConfig::from_json(json, ".");
}

constexpr const char* kHeads = R"({"name": "induction_heads", "vocab": 8, "length": 20, "eval_sequences": 8})";
constexpr const char* kMamba = R"({"name": "mamba", "d_model": 12, "layers": 2, "d_state": 4})";

/// Gradients of the first batch, by parameter.
std::vector<std::vector<float>> gradients(Training& training, Index micro_batch) {
  Batch batch;
  training.config.task->training_batch(0, training.config.train.batch, batch);
  training.optimizer().clear_gradients();
  BatchGradients(*training.model, training.shape, micro_batch).add(batch, 1);
  std::vector<std::vector<float>> all;
  for (const Parameter* p : training.model->parameters()) all.push_back(p->variable.grad().to_vector());
  return all;
}

/// A text that repeats nothing soon.
std::string made_up_text(Index bytes) {
  Random random(5, "text");
  std::string text;
  for (Index i = 0; i < bytes; ++i) text += static_cast<char>('a' + random.below(20));
  return text;
}

}  // namespace

TEST_CASE("micro-batches give the gradients of the whole batch, with dropout too") {
  Training training(
      config_of(kHeads, R"({"name": "mamba", "d_model": 12, "layers": 2, "d_state": 4, "dropout": 0.3})"));
  training.allocate();
  const auto whole = gradients(training, 0);
  for (const Index micro : {1, 4, 6, 50}) {
    const auto parts = gradients(training, micro);
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
      for (std::size_t k = 0; k < whole[i].size(); ++k) {
        difference = std::max(difference, std::fabs(static_cast<double>(whole[i][k] - parts[i][k])));
        size = std::max(size, std::fabs(static_cast<double>(whole[i][k])));
      }
    CHECK(size > 1e-3);
    CHECK(difference < 1e-5 * size);
  }
}

TEST_CASE("an evaluation drops nothing") {
  const auto score = [](double dropout) {
    Json model = Json::parse(kMamba);
    model["dropout"] = dropout;
    Training training(config_of(kHeads, model.dump().c_str()));
    training.allocate();
    return evaluate(*training.model, *training.config.task, Split::validation, 4)->metrics(training.shape);
  };
  CHECK_EQ(score(0.5).dump(), score(0).dump());
}

TEST_CASE("carried state: two windows in a row are one sequence") {
  const TemporaryFolder folder;
  write_file(folder / "t.txt", made_up_text(4000));
  const std::string task =
      R"({"name": "text", "carry": true, "length": 30, "path": ")" + (folder / "t.txt").string() + "\"}";
  for (const char* model : {kMamba, R"({"name": "lstm", "d_model": 12, "layers": 2})",
                            R"({"name": "s4d", "d_model": 12, "layers": 1, "d_state": 8})"}) {
    Training training(config_of(task.c_str(), model));
    training.allocate();
    Batch first, second;
    training.config.task->training_batch(0, 3, first);
    training.config.task->training_batch(1, 3, second);
    CHECK(first.first);
    CHECK_FALSE(second.first);
    CHECK(first.targets[29] == second.tokens[0]);  // it goes on where it ended
    BatchGradients carried(*training.model, training.shape, 2);
    carried.add(first, 0);
    const double loss = carried.add(second, 0);
    // The second half of the sequence at once.
    Batch whole;
    whole.batch = 3;
    whole.length = 60;
    for (Index b = 0; b < 3; ++b)
      for (const Batch* half : {&first, &second})
        for (Index t = 0; t < 30; ++t) {
          whole.tokens.push_back(half->tokens[static_cast<std::size_t>(b * 30 + t)]);
          whole.targets.push_back(half == &first ? kIgnore : half->targets[static_cast<std::size_t>(b * 30 + t)]);
        }
    const double wanted = BatchGradients(*training.model, training.shape, 0).add(whole, 0);
    CHECK(loss == doctest::Approx(wanted).epsilon(1e-5));
    carried.undo();
    CHECK(carried.add(second, 0) == doctest::Approx(wanted).epsilon(1e-5));
    // From a zero state the loss is another.
    CHECK(std::fabs(BatchGradients(*training.model, training.shape, 0).add(second, 0) - wanted) > 1e-5);
  }
  CHECK_EQ(
      message_of<ConfigError>(
          [&] { Training(config_of(task.c_str(), R"({"name": "transformer", "d_model": 16, "layers": 1})")); }),
      "task.carry: the state of this model grows with every step, so it cannot be carried from batch to batch; set "
      "task.carry false");
}

TEST_CASE("parameter groups set rates, decay and what is frozen") {
  const Json optimizer = {{"name", "adamw"},
                          {"lr", 0.01},
                          {"weight_decay", 0.1},
                          {"groups",
                           {{{"match", "*.in_proj.weight"}, {"lr", 0.002}, {"weight_decay", 0}},
                            {{"match", "embedding.*"}, {"frozen", true}}}}};
  Training training(config_of(kHeads, kMamba, {}, optimizer));
  training.allocate();
  for (const Parameter* p : training.model->parameters()) {
    const auto settings = training.optimizer().settings_of(*p);
    const bool in_proj = p->path.find("in_proj.weight") != std::string::npos;
    CHECK_EQ(settings.lr, in_proj ? 0.002 : 0.01);
    if (in_proj) CHECK_EQ(settings.weight_decay, 0);
    CHECK_EQ(settings.frozen, p->path == "embedding.weight");
  }
  const auto values = [&] {
    std::vector<std::vector<float>> all;
    for (const Parameter* p : training.model->parameters()) all.push_back(p->variable.value().to_vector());
    return all;
  };
  const auto before = values();
  training.step(0);
  const auto after = values();
  for (std::size_t i = 0; i < before.size(); ++i) {
    CAPTURE(training.model->parameters()[i]->path);
    CHECK_EQ(before[i] == after[i], training.model->parameters()[i]->path == "embedding.weight");
  }
  for (const NamedTensor& named : training.state()) CHECK(named.name.find("embedding") == std::string::npos);
  const auto error = [&](const Json& groups) {
    return message_of<ConfigError>([&] {
      Training(config_of(kHeads, kMamba, {}, {{"name", "sgd"}, {"groups", groups}}));
    });
  };
  CHECK(error({{{"match", "*.log_dtt"}}})
            .rfind("optimizer.groups[0].match: \"*.log_dtt\" fits no parameter; the model has embedding.weight", 0) ==
        0);
  CHECK_EQ(error({{{"match", "*"}, {"frozen", true}}}),
           "optimizer.groups: every parameter is frozen, nothing is left to train");
  CHECK_EQ(error({{{"mach", "*"}}}), "optimizer.groups[0].match: is required");
  CHECK_EQ(error({{{"match", "*"}, {"lr", -1}}}), "optimizer.groups[0].lr: must be >= 0, got -1");
}

TEST_CASE("the average of the weights follows its equation, and swaps") {
  Training training(config_of(kHeads, kMamba, {{"ema", 0.5}}));
  training.allocate();
  const auto weights = [&] {
    std::vector<double> all;
    for (const Parameter* p : training.model->parameters())
      for (Index i = 0; i < p->shape.size(); ++i) all.push_back(static_cast<double>(p->variable.data()[i]));
    return all;
  };
  std::vector<double> average = weights();
  for (Index step = 0; step < 5; ++step) {
    training.step(step);
    const auto now = weights();
    const double t = static_cast<double>(step) + 1, keep = std::min(0.5, (1 + t) / (10 + t));
    for (std::size_t i = 0; i < now.size(); ++i) average[i] = keep * average[i] + (1 - keep) * now[i];
  }
  const auto trained = weights();
  training.average.swap();
  const auto held = weights();
  double apart = 0;
  for (std::size_t i = 0; i < held.size(); ++i) {
    REQUIRE(std::fabs(held[i] - average[i]) < 1e-6 * (1 + std::fabs(average[i])));
    apart = std::max(apart, std::fabs(held[i] - trained[i]));
  }
  CHECK(apart > 1e-4);
  training.average.swap();
  CHECK(weights() == trained);
}

TEST_CASE("statistics of each part: the update's size against the weights'") {
  Training training(config_of(kHeads, kMamba, {}, {{"name", "sgd"}, {"lr", 0.5}, {"clip_norm", 0}}));
  training.allocate();
  const Tensor before = training.model->parameters()[0]->variable.value().clone();
  const auto step = training.step(0, true);
  std::vector<std::string> names;
  for (const auto& part : step.parts) names.push_back(part.part);
  CHECK(names == std::vector<std::string>{"embedding", "blocks.0", "blocks.1", "norm", "head"});
  double norm = 0, all = 0;
  for (Index i = 0; i < before.size(); ++i) norm += std::pow(static_cast<double>(before.data()[i]), 2);
  CHECK(step.parts[0].update_ratio ==
        doctest::Approx(0.5 * step.parts[0].gradient_norm / std::sqrt(norm)).epsilon(1e-4));
  for (const auto& part : step.parts) all += part.gradient_norm * part.gradient_norm;
  CHECK(std::sqrt(all) == doctest::Approx(step.gradient_norm).epsilon(1e-5));
}

TEST_CASE("groups: what a later one does not name stays; attaching after the allocation freezes too") {
  const auto frozen = [](const Json& groups, bool allocate_first) {
    RunConfig config = config_of(kHeads, kMamba, {}, {{"name", "adamw"}, {"groups", groups}});
    config.task->prepare(1);
    SequenceModel model(config.model, config.task->shape());
    if (allocate_first) allocate(model.parameters(), 1);
    config.optimizer->attach(model.parameters());
    if (!allocate_first) allocate(model.parameters(), 1);
    Batch batch;
    config.task->training_batch(0, 4, batch);
    const TaskShape shape = config.task->shape();
    BatchGradients(model, shape, 0).add(batch, 1);
    const Parameter& embedding = *model.parameters().front();
    REQUIRE_EQ(embedding.path, "embedding.weight");
    const auto before = embedding.variable.value().to_vector();
    config.optimizer->step(1, config.optimizer->gradient_norm());
    CHECK_EQ(embedding.variable.value().to_vector() == before, embedding.frozen);
    return embedding.frozen;
  };
  const Json freeze = {{"match", "embedding.*"}, {"frozen", true}};
  for (const bool allocate_first : {false, true}) {
    CHECK(frozen(Json::array({freeze}), allocate_first));
    CHECK(frozen({freeze, {{"match", "*"}, {"weight_decay", 0.01}}}, allocate_first));
    CHECK(frozen({freeze, {{"match", "*"}, {"lr", 0.01}}}, allocate_first));
    CHECK_FALSE(frozen({freeze, {{"match", "*"}, {"frozen", false}}}, allocate_first));
    CHECK(frozen({{{"match", "*"}, {"frozen", false}}, freeze}, allocate_first));
  }
}

namespace {

std::unique_ptr<Schedule> schedule(const char* name, const Json& settings) {
  auto made = schedules().find(name)->make();
  read_fields([&](Fields& f) { made->fields(f); }, settings, "schedule");
  return made;
}

}  // namespace

TEST_CASE("a warm-up is a function of the step, also where the run ends within it") {
  for (const char* name : {"constant", "linear", "cosine", "wsd", "plateau"}) {
    const auto warm = schedule(name, {{"warmup", 40}});
    for (const Index total : {10, 40, 400})
      for (Index step = 0; step < std::min<Index>(total, 40); ++step)
        CHECK(warm->factor(step, total) == static_cast<double>(step + 1) / 40);
    CHECK(schedule(name, {{"warmup", 0.5}})->warmup_steps(10) == 5);
  }
}

TEST_CASE("plateau is multiplied by its factor, down to its floor") {
  const auto plateau = schedule("plateau", {{"factor", 0.5}, {"patience", 1}, {"floor", 0.2}});
  for (const double wanted : {1.0, 0.5, 0.25, 0.2, 0.2}) {
    CHECK(plateau->factor(7, 100) == doctest::Approx(wanted));
    plateau->evaluated(false);
  }
}

TEST_CASE("a metric's direction; what is not finite never improves one") {
  CHECK(is_better(metric("accuracy@4096"), 0.9, 0.8));
  CHECK(is_better(metric("bits_per_byte"), 1.9, 2.0));
  CHECK_FALSE(is_better(metric("mae"), 2, 1));
  for (const char* name : {"accuracy", "loss"})
    for (const double odd : {NAN, INFINITY, -INFINITY}) CHECK_FALSE(is_better(metric(name), odd, 0.5));
  CHECK_EQ(message_of<ConfigError>([] { metric("acuracy"); }),
           "there is no metric \"acuracy\"; did you mean \"accuracy\"?");
}

TEST_CASE("outputs that are not finite have no accuracy") {
  Batch batch;
  batch.batch = 2, batch.length = 1;
  batch.targets = {0, 0};
  Score score;
  score.add(Variable(Tensor::of(Shape{2, 3}, std::vector<float>{1, 0, 0, NAN, NAN, NAN})), batch,
            {{.outputs = 3}, Objective::label, 3});
  const Json metrics = score.metrics({{.outputs = 3}, Objective::label, 3});
  CHECK_EQ(metrics["accuracy"], "nan");
  CHECK_EQ(metrics["loss"], "nan");
  CHECK_EQ(score.counts()["n"], 2);
}

TEST_CASE("one cycle and plateau") {
  const auto cycle = schedule("one_cycle", Json::object());
  CHECK(cycle->factor(0, 100) == doctest::Approx(0.04));
  CHECK(cycle->factor(15, 100) == doctest::Approx(0.52));  // halfway up
  CHECK(cycle->factor(30, 100) == doctest::Approx(1));
  CHECK(cycle->factor(65, 100) == doctest::Approx(0.5).epsilon(1e-4));
  CHECK(cycle->factor(99, 100) < 1e-3);
  const auto plateau = schedule("plateau", {{"factor", 0.1}, {"patience", 2}, {"warmup", 4}});
  CHECK(plateau->factor(0, 100) == 0.25);
  CHECK(plateau->factor(50, 100) == 1);
  for (const bool best : {true, false, true, false}) plateau->evaluated(best);
  CHECK(plateau->factor(50, 100) == 1);
  plateau->evaluated(false);
  CHECK(plateau->factor(50, 100) == doctest::Approx(0.1));
  const auto other = schedule("plateau", {{"factor", 0.1}, {"patience", 2}});
  other->restore(plateau->state());
  CHECK(other->factor(50, 100) == doctest::Approx(0.1));
}

TEST_CASE("evaluations at several lengths, and the one that counts") {
  RunConfig config = config_of(kHeads, kMamba, {{"eval_lengths", {40, 80}}, {"best", "accuracy@80"}});
  Training training(std::move(config));
  training.allocate();
  const Validation validation(training.config, *training.model);
  const auto results = validation.run(*training.model, [] { return false; });
  REQUIRE(results);
  REQUIRE_EQ(results->size(), 3);
  CHECK_EQ((*results)[2].length, 80);
  CHECK_EQ(validation.watched(*results), (*results)[2].metrics["accuracy"].get<double>());
  CHECK(validation.better(0.9, 0.8));
  CHECK_FALSE(validation.run(*training.model, [] { return true; }));
  const auto error = [](const Json& train) {
    return message_of<ConfigError>([&] {
      Training other(config_of(kHeads, kMamba, train));
      const Validation watch(other.config, *other.model);
    });
  };
  CHECK_EQ(error({{"best", "acuracy"}}), "train.best: there will be no metric \"acuracy\"; did you mean \"accuracy\"?");
  CHECK_EQ(error({{"best", "accuracy@80"}}).rfind("train.best: there will be no metric \"accuracy@80\"", 0), 0);
}

TEST_CASE("a pooled task that is read in chunks is scored by its last chunk") {
  // More than one chunk of a sequence: 8192 positions for the batch.
  const char* const images = SEQTAPE_SOURCE_DIR "/configs/smnist/gru.json";
  RunConfig config = RunConfig::load(images, {});
  const TaskShape shape = config.task->shape();
  Batch chunk;
  chunk.batch = 2;
  chunk.length = 3;
  chunk.targets = {1, 2};
  chunk.first = false;
  Tensor logits = Tensor::zeros(Shape{2, shape.outputs});
  logits.data()[1] = 5;                  // right
  logits.data()[shape.outputs + 7] = 5;  // wrong
  Score score;
  score.add(Variable(logits), chunk, shape);
  CHECK_EQ(score.metrics(shape)["accuracy"], 0.5);
}

TEST_CASE("CRC-32C of the check string") { CHECK_EQ(crc32c("123456789"), 0xE3069283u); }

TEST_CASE("curves: ticks, a chart in dots, an SVG") {
  CHECK(ticks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  const Curve curve{"a <run>", {0, 1, 2}, {4, 2, 1}};
  const std::string chart = terminal_chart({curve}, {"loss", "step", "loss"}, 40, 6, false);
  CHECK(chart.find("a <run>  last 1, least 1") != std::string::npos);
  CHECK(chart.find("\xE2\xA1") != std::string::npos);  // braille
  const std::string svg = svg_chart({curve}, {"loss", "step", "loss", true});
  CHECK(svg.find("a &lt;run&gt;") != std::string::npos);
  CHECK(svg.find("<polyline") != std::string::npos);
}
