// What a run knows of its data: moved, changed, renamed, split otherwise; runs among the data; evaluations that cannot
// be.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "core/random.h"
#include "core/strings.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Outcome;
using testing::Workplace;

namespace {

constexpr const char* kSmall = R"("model": {"name": "gru", "d_model": 8, "layers": 1},
  "train": {"steps": 4, "batch": 4, "eval_every": 2, "tensorboard": false}})";

std::string letters(std::size_t size, std::uint64_t seed = 1) {
  Random random(seed, "letters");
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + random.below(16));
  return text;
}

bool says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

Outcome eval(const Workplace& w, const std::string& more = "") {
  return testing::seqtape("eval " + w.run + " --json " + more);
}

}  // namespace

TEST_CASE("text: moved data are the same, changed data and another split are told") {
  const Workplace w(std::string(R"({"task": {"name": "text", "path": "d", "length": 16, "train_fraction": 0.8}, )") +
                    kSmall);
  std::filesystem::create_directory(w.folder / "d");
  write_file(w.folder / "d" / "t.txt", letters(3000));
  REQUIRE_EQ(w.train().exit_code, 0);
  const Outcome before = eval(w);
  CHECK(before.err.empty());
  // A run among its own data is none of them.
  std::filesystem::rename(w.run, w.folder / "d" / "run");
  CHECK(testing::seqtape("eval " + (w.folder / "d" / "run").string() + " --json").err.empty());
  CHECK(says(testing::seqtape("show " + w.config).out, "1 folders of runs or comparisons were left out (d/run)"));
  std::filesystem::rename(w.folder / "d" / "run", w.run);
  const std::string moved = "--set task.path=" + (w.folder / "e").string();
  std::filesystem::rename(w.folder / "d", w.folder / "e");
  const Outcome after = eval(w, moved);
  CHECK(after.err.empty());
  CHECK_EQ(Json::parse(after.out)["loss"], Json::parse(before.out)["loss"]);
  CHECK_EQ(w.train("--resume --set train.steps=6 " + moved).exit_code, 0);
  CHECK(says(eval(w, moved + " --set task.train_fraction=0.5").err,
             "warning: in training task.train_fraction was 0.8, is 0.5: what validates or tests now may have been "
             "trained on"));
  write_file(w.folder / "e" / "t.txt", letters(3000).substr(0, 2500));
  CHECK(says(eval(w, moved).err, "of 3000 bytes, are "));
  CHECK(says(w.train("--resume --set train.steps=8 " + moved).err, "error: task: the data have changed"));
}

TEST_CASE("classes: their names are kept with the run, other ones are refused, other lengths are the same data") {
  const Workplace w(std::string(R"({"task": {"name": "documents", "path": "d.tsv", "classes": 3, "length": 8,
    "validation_fraction": 0.2}, )") +
                    kSmall);
  std::string lines, renamed;
  for (int i = 0; i < 40; ++i) {
    const std::string text = letters(static_cast<std::size_t>(5 + i % 20), static_cast<std::uint64_t>(i)) + "\n";
    lines += std::string(i % 3 == 0 ? "10" : i % 3 == 1 ? "2" : "1") + "\t" + text;
    renamed += std::string(i % 3 == 0 ? "10" : i % 3 == 1 ? "2" : "0") + "\t" + text;
  }
  write_file(w.folder / "d.tsv", lines);
  write_file(w.folder / "e.tsv", renamed);
  REQUIRE_EQ(w.train().exit_code, 0);
  CHECK_EQ(Json::parse(w.bytes("step-00000004", "state.json"))["learned"]["classes"], Json({"1", "10", "2"}));
  const Outcome at_lengths = eval(w, "--lengths 4,8,30");
  CHECK_EQ(at_lengths.exit_code, 0);
  CHECK(at_lengths.err.empty());
  const Outcome other = eval(w, "--set task.path=" + (w.folder / "e.tsv").string());
  CHECK_EQ(other.exit_code, 1);
  CHECK(says(other.err, "e.tsv: class \"0\" was not among the 3 of training: 1, 10, 2"));
  // Fewer of them keep their numbers.
  std::string some;
  for (std::size_t begin = 0, end = 0; begin < lines.size(); begin = end + 1) {
    end = lines.find('\n', begin);
    if (lines.compare(begin, 2, "1\t") != 0) some += lines.substr(begin, end - begin + 1);
  }
  write_file(w.folder / "e.tsv", some);
  CHECK_EQ(eval(w, "--set task.path=" + (w.folder / "e.tsv").string()).exit_code, 0);
}

TEST_CASE("a class that is never trained and a batch beyond the data are told") {
  const Workplace w(std::string(R"({"task": {"name": "documents", "path": "d.tsv", "classes": 3, "length": 8,
    "validation_fraction": 0.5}, )") +
                    kSmall);
  bool told = false;
  for (int place = 0; place < 20 && !told; ++place) {
    std::string lines;
    for (int i = 0; i < 20; ++i) lines += i == place ? "rare\tzzz\n" : std::string(i % 2 ? "a" : "b") + "\tabc\n";
    write_file(w.folder / "d.tsv", lines);
    const Outcome shown = testing::seqtape("show " + w.config);
    REQUIRE_EQ(shown.exit_code, 0);
    told = says(shown.out, "class \"rare\" has no training sequence");
  }
  CHECK(told);
  CHECK(says(w.train("--set train.batch=64").out, "train.batch, 64, is more than the 8 training sequences"));
}

TEST_CASE("series: another scale is measured by the run's own; other columns are refused") {
  const Workplace w(std::string(R"({"task": {"name": "series", "path": "a.csv", "columns": ["x", "y"], "length": 8,
    "horizon": 1}, )") +
                    kSmall);
  std::string near = "x,y\n", far = near;
  for (int i = 0; i < 200; ++i) {
    near += format("%d,%f\n", i % 7, std::sin(i));
    far += format("%d,%f\n", i % 7, 500 + std::sin(i));
  }
  write_file(w.folder / "a.csv", near);
  write_file(w.folder / "b.csv", far);
  REQUIRE_EQ(w.train().exit_code, 0);
  const Outcome other = eval(w, "--set task.path=" + (w.folder / "b.csv").string());
  CHECK(Json::parse(other.out)["mse"].get<double>() > 1e4);
  CHECK(says(other.err, "warning: in training the data were "));
  const Outcome turned = eval(w, "--set 'task.columns=[\"y\",\"x\"]' --set 'task.targets=[\"x\",\"y\"]'");
  CHECK_EQ(turned.exit_code, 2);
  CHECK(says(turned.err, "task.columns: must be what the model was trained on, in the same order: x, y"));
}

TEST_CASE("learned positions that end before an evaluation's length are refused before the first step") {
  const Workplace w(R"({"task": {"name": "text", "path": "t.txt", "length": 32, "train_fraction": 0.8},
    "model": {"name": "transformer", "d_model": 8, "layers": 1, "positions": "learned", "max_length": 32},
    "train": {"steps": 4, "batch": 4, "tensorboard": false}})");
  write_file(w.folder / "t.txt", letters(3000));
  testing::refused(w.train("--set train.eval_lengths=64"), 2,
                   "train.eval_lengths: a sequence of 64 steps is longer than the model's learned positions; raise "
                   "model.max_length, 32");
  testing::refused(w.train("--set task.length=40"), 2,
                   "task.length: a sequence of 40 steps is longer than the model's learned positions; raise "
                   "model.max_length, 32");
  const std::string longer = w.train("--set train.eval_lengths=700 --set model.max_length=1000").err;
  CHECK_EQ(longer.rfind("error: train.eval_lengths: 700 cannot be: task.length: the validation split has 600 bytes", 0),
           0);
  CHECK_FALSE(std::filesystem::exists(w.run));
  CHECK_EQ(w.train("--set train.eval_lengths=16").exit_code, 0);
}
