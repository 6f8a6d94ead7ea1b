// From data to figures that can be used: what `train` says of the splits, classes that nobody counted, and `eval
// --data`.
#include <doctest/doctest.h>

#include <filesystem>

#include "core/random.h"
#include "core/strings.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Outcome;
using testing::refused;
using testing::Workplace;

namespace {

namespace fs = std::filesystem;

constexpr const char* kSmall = R"("model": {"name": "gru", "d_model": 8, "layers": 1},
  "train": {"steps": 4, "batch": 4, "eval_every": 2, "tensorboard": false}})";

bool says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

Json eval(const Workplace& w, const std::string& more) {
  const Outcome outcome = testing::seqtape("eval " + w.run + " --json " + more);
  INFO(outcome.err);
  REQUIRE_EQ(outcome.exit_code, 0);
  return Json::parse(outcome.out);
}

std::string letters(std::size_t size, std::uint64_t seed) {
  Random random(seed, "letters");
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + random.below(16));
  return text;
}

}  // namespace

TEST_CASE("folders with own splits: told in the log, with chance; eval --data is eval of the same split") {
  const Workplace w(std::string(R"({"task": {"name": "documents", "train_path": "train", "test_path": "test",
    "validation_fraction": 0.25, "split": "stratified", "length": 24}, )") +
                    kSmall);
  const auto write = [&](const std::string& folder, const std::string& label, int count, std::uint64_t seed) {
    fs::create_directories(w.folder / folder / label);
    for (int i = 0; i < count; ++i)
      write_file(w.folder / folder / label / std::to_string(i),
                 letters(10 + static_cast<std::size_t>(i), 1000 * seed + static_cast<std::uint64_t>(i)));
  };
  write("train", "sports", 8, 1), write("train", "cooking", 20, 2), write("train", "travel", 12, 3);
  write("test", "travel", 6, 4), write("test", "cooking", 3, 5);
  const Outcome trained = w.train();
  REQUIRE_EQ(trained.exit_code, 0);
  CHECK(says(testing::unwrapped(trained.out),
             "data       train 30 sequences (cooking 15, sports 6, travel 9), validation 10 (cooking 5, sports 2, "
             "travel 3), test 9 (cooking 3, travel 6)\n"));
  CHECK(says(trained.out, "data       of 10 to 24 steps, median "));
  CHECK(says(testing::unwrapped(trained.out),
             "data       5 of 49 sequences were longer than task.length, 24, and cut; the longest has 29\n"));
  CHECK(says(trained.out, "validation accuracy without a model: chance 33.3 %, always cooking 50.0 %\n"));
  // Nobody counted the classes: the run knows them, and a resume asks no more.
  CHECK_EQ(Json::parse(read_file(w.run + "/config.json"))["task"]["classes"], 3);
  CHECK_EQ(w.train("--resume --set train.steps=6").exit_code, 0);
  CHECK_EQ(testing::seqtape("check " + w.config).exit_code, 0);
  Json split = eval(w, "--split test"), data = eval(w, "--data " + (w.folder / "test").string());
  CHECK_EQ(data["data"], (w.folder / "test").string());
  CHECK_FALSE(data.contains("split"));
  for (const char* key : {"loss", "accuracy", "n", "baselines", "by_class", "confusion"})
    CHECK_EQ(data[key], split[key]);
  CHECK(data["baselines"]["most_frequent"]["accuracy"].get<double>() == doctest::Approx(3.0 / 9));
  // Without the training's data, from elsewhere.
  fs::rename(w.folder / "test", w.folder / "moved");
  fs::remove_all(w.folder / "train");
  data = eval(w, "--data " + (w.folder / "moved").string());
  CHECK_EQ(data["loss"], split["loss"]);
  CHECK_EQ(data["baselines"], split["baselines"]);
  fs::rename(w.folder / "moved" / "travel", w.folder / "moved" / "tech");
  refused(testing::seqtape("eval " + w.run + " --data " + (w.folder / "moved").string()), 1,
          "--data: " + (w.folder / "moved").string() +
              ": class \"tech\" was not among the 3 of training: cooking, sports, travel");
}

TEST_CASE("text: own files in the log; eval --data scores all of a file") {
  const Workplace w(std::string(R"({"task": {"name": "text", "path": "a", "validation_path": ["b"], "length": 16}, )") +
                    kSmall);
  write_file(w.folder / "a", letters(3000, 1));
  write_file(w.folder / "b", letters(500, 2));
  const Outcome trained = w.train();
  REQUIRE_EQ(trained.exit_code, 0);
  CHECK(says(trained.out, "data       train 3,000 bytes, validation 500, test none\n"));
  CHECK(says(trained.out, "validation bits per byte without a model: equal shares 8, training shares 4."));
  const Json split = eval(w, ""), data = eval(w, "--data " + (w.folder / "b").string());
  CHECK_EQ(data["n"], 499);
  CHECK_EQ(data["loss"], split["loss"]);
  CHECK_EQ(data["baselines"], split["baselines"]);
  refused(testing::seqtape("eval " + w.run + " --data " + (w.folder / "none").string()), 1,
          "--data: " + (w.folder / "none").string() + " does not exist");
}

TEST_CASE("a run of an earlier program goes on and is scored: it has neither counts nor the newer keys") {
  const Workplace w(std::string(R"({"task": {"name": "documents", "path": "d.tsv", "classes": 2, "length": 8}, )") +
                    kSmall);
  std::string lines;
  for (int i = 0; i < 40; ++i)
    lines += format("%s\t%s\n", i % 3 ? "a" : "b", letters(9, static_cast<std::uint64_t>(i)).c_str());
  write_file(w.folder / "d.tsv", lines);
  REQUIRE_EQ(w.train().exit_code, 0);
  const Json before = eval(w, "");
  // As it was saved then.
  Json config = Json::parse(read_file(w.run + "/config.json"));
  for (const char* key : {"train_path", "validation_path", "test_path", "split", "group", "group_column"})
    CHECK_EQ(config["task"].erase(key), 1);
  write_file(w.run + "/config.json", config.dump());
  const fs::path folder = fs::path(w.run) / "checkpoints" / "step-00000004";
  Json state = Json::parse(read_file(folder / "state.json"));
  CHECK_EQ(state["learned"].erase("training_counts"), 1);
  state.erase("crc32_of_state");
  state["crc32_of_state"] = crc32_of(state.dump());
  write_file(folder / "state.json", state.dump());
  const Json after = eval(w, "");
  CHECK_EQ(after["loss"], before["loss"]);
  CHECK_EQ(after["baselines"], before["baselines"]);
  const Json data = eval(w, "--data " + (w.folder / "d.tsv").string());
  CHECK_EQ(data["n"], 40);
  CHECK(data["baselines"].contains("chance"));
  CHECK_FALSE(data["baselines"].contains("most_frequent"));
  CHECK_EQ(w.train("--resume --set train.steps=6").exit_code, 0);
  // A config without the number of classes is the same run.
  Json without = Json::parse(read_file(w.config));
  without["task"].erase("classes");
  write_file(w.config, without.dump());
  CHECK_EQ(w.train("--resume --set train.steps=8").exit_code, 0);
  CHECK(says(w.train("--resume --set task.split=stratified").err, "task.split: saved \"random\", now \"stratified\""));
}

TEST_CASE("the log begins with answers without a model: of forecasts and of drawn data too") {
  const Workplace series(std::string(R"({"task": {"name": "series", "path": "a.csv", "columns": ["y"], "length": 8,
    "horizon": 2, "season": 4}, )") +
                         kSmall);
  std::string rows = "y\n";
  for (int i = 0; i < 200; ++i) rows += format("%d\n", i % 4);
  write_file(series.folder / "a.csv", rows);
  // The last season is right; the squares of the last value's errors, 3.5 in the mean, stand beside a variance of 1.25.
  const std::string told = series.train().out;
  CHECK(says(told, "validation squared error without a model: last value 2.8"));
  CHECK(says(told, ", last season (4) 0\n"));
  const Workplace drawn;
  CHECK(says(drawn.train("--set train.steps=1").out, "validation accuracy without a model: chance 12.5 %, always "));
}

TEST_CASE("series_classes with groups: predict reads lines with and without them") {
  const Workplace w(std::string(R"({"task": {"name": "series_classes", "path": "d.csv", "group_column": 2, "length": 8,
    "validation_fraction": 0.3}, )") +
                    kSmall);
  std::string lines, plain, labelled;
  for (int i = 0; i < 24; ++i) {
    const std::string values = format("%d,%d,%d", i % 5, i % 3, i % 7);
    lines += format("%s,%d,%s\n", i % 2 ? "up" : "down", i / 4, values.c_str());
    plain += values + "\n";
  }
  write_file(w.folder / "d.csv", lines);
  REQUIRE_EQ(w.train().exit_code, 0);
  fs::rename(w.folder / "d.csv", w.folder / "e.csv");
  write_file(w.folder / "plain.csv", plain);
  const auto answers = [&](const std::string& name) {
    const Outcome outcome = testing::seqtape("predict " + w.run + " " + (w.folder / name).string());
    REQUIRE_EQ(outcome.exit_code, 0);
    std::string without;  // the names of the files
    for (std::size_t at = 0, end = 0; at < outcome.out.size(); at = end + 1) {
      end = outcome.out.find('\n', at);
      const std::string line = outcome.out.substr(at, end - at);
      without += line.substr(line.find(',')) + "\n";
    }
    return without;
  };
  CHECK_EQ(answers("e.csv"), answers("plain.csv"));
}
