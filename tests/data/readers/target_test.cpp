// Answers of each kind: as arrays and lines say them, refused by place, and as a task gives them to a model.
#include "data/readers/target.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"
#include "data/readers/arrays.h"
#include "tests/support/make_task.h"
#include "tests/support/numpy.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::bytes_of;
using testing::make;
using testing::message_of;
using testing::npy;
using testing::TemporaryFolder;
using testing::write_zip;

namespace {

using Names = std::vector<std::string>;
using Numbers = std::vector<double>;

/// What is read, or said, of y beside an X of 2 cases of 3 steps.
struct Trial {
  TemporaryFolder folder;
  std::filesystem::path path = folder / "a.npz";

  std::vector<Target> read(TargetKind kind, const std::string& y, const std::string& lengths = "") const {
    const std::string x = npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, 4, 5, 6}));
    std::vector<std::pair<std::string, std::string>> members{{"X.npy", x}, {"y.npy", y}};
    if (!lengths.empty()) members.emplace_back("lengths.npy", npy("|u1", "(2,)", lengths));
    write_zip(path, members);
    return all(path, kind);
  }
  std::vector<Target> all(const std::filesystem::path& file, TargetKind kind) const {
    std::vector<Target> targets;
    read_arrays(file, kind, "", [&](const ArraySequence& one) {
      if (!one.problem.empty()) throw DataError(one.problem);
      targets.push_back(one.target);
    });
    return targets;
  }
  std::string said(TargetKind kind, const std::string& y) const {
    return cut(message_of<DataError>([&] { read(kind, y); }), path);
  }
  std::vector<Target> line(TargetKind kind, const std::string& label) const {
    std::filesystem::remove(folder / "a.jsonl");
    write_file(folder / "a.jsonl", "{\"values\": [1, 2, 3], \"label\": " + label + "}\n");
    return all(folder / "a.jsonl", kind);
  }
  std::string line_said(TargetKind kind, const std::string& label) const {
    return cut(message_of<DataError>([&] { line(kind, label); }), folder / "a.jsonl");
  }
  static std::string cut(const std::string& text, const std::filesystem::path& file) {
    return text.starts_with(file.string()) ? text.substr(file.string().size()) : text;
  }
};

const std::string kNan = bytes_of<double>({std::numeric_limits<double>::quiet_NaN()});

/// Lines whose answers follow from their values, and a task that reads them.
std::unique_ptr<Task> task_of(const TemporaryFolder& folder, const std::function<std::string(int)>& label,
                              Json settings, int count = 40) {
  std::string lines;
  for (int i = 0; i < count; ++i)
    lines += str("{\"values\": [", i, ", ", i + 1, i % 2 ? ", 7" : "", "], \"label\": ", label(i), "}\n");
  std::filesystem::remove(folder / "t.jsonl");
  write_file(folder / "t.jsonl", lines);
  settings.update({{"path", (folder / "t.jsonl").string()}, {"length", 3}, {"validation_fraction", 0.25}});
  return make("arrays", settings);
}

}  // namespace

TEST_CASE("targets: arrays of each kind") {
  const Trial t;
  const std::string two = bytes_of<double>({0.5, 1e150});
  auto all = t.read(TargetKind::numbers, npy("<f8", "(2,)", two));
  CHECK_EQ(all[1].numbers, Numbers{1e150});
  CHECK_EQ(all[1].width, 1);
  all = t.read(TargetKind::numbers, npy("<i2", "(2, 2)", bytes_of<std::int16_t>({1, -2, 3, -4})));
  CHECK_EQ(all[1].numbers, Numbers{3, -4});
  for (const std::string& y : {npy("|b1", "(2, 3)", std::string("\1\0\1\0\0\0", 6)),
                               npy("<f4", "(2, 3)", bytes_of<float>({1, 0, 1, 0, 0, 0}))}) {
    all = t.read(TargetKind::labels, y);
    CHECK_EQ(all[0].names, Names{"0", "2"});
    CHECK_EQ(all[1].names, Names{});
    CHECK_EQ(all[1].width, 3);
  }
  // Of a shorter case the first entries.
  all = t.read(TargetKind::class_per_step, npy("|S1", "(2, 3)", "abcde\xff"), "\3\2");
  CHECK_EQ(all[0].names, Names{"a", "b", "c"});
  CHECK_EQ(all[1].names, Names{"d", "e"});
  all = t.read(TargetKind::numbers_per_step, npy("<f8", "(2, 3)", bytes_of<double>({1, 2, 3, 4, 5}) + kNan), "\3\2");
  CHECK_EQ(all[1].numbers, Numbers{4, 5});
  all = t.read(TargetKind::numbers_per_step,
               npy("<f4", "(2, 3, 2)", bytes_of<float>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})));
  CHECK_EQ(all[1].numbers, Numbers{7, 8, 9, 10, 11, 12});
  CHECK_EQ(all[1].width, 2);
}

TEST_CASE("targets: arrays that do not fit are refused by place, with what would do") {
  const Trial t;
  const std::string x = " for X, float32 of (2, 3)", flat = npy("<i4", "(2,)", bytes_of<std::int32_t>({1, 2}));
  CHECK_EQ(t.said(TargetKind::labels, flat), ": y: is int32 of (2,), must be of (2, labels)" + x);
  CHECK_EQ(t.said(TargetKind::class_per_step, flat),
           ": y: is int32 of (2,), must be of (2, 3)" + x + "; an answer a step");
  CHECK_EQ(t.said(TargetKind::numbers_per_step, npy("<i4", "(2, 2)", bytes_of<std::int32_t>({1, 2, 3, 4}))),
           ": y: is int32 of (2, 2), must be of (2, 3) or with numbers last" + x + "; an answer a step");
  CHECK_EQ(t.said(TargetKind::numbers, npy("<i4", "(3,)", bytes_of<std::int32_t>({1, 2, 3}))),
           ": y: is int32 of (3,), must be of (2, numbers)" + x);
  CHECK_EQ(t.said(TargetKind::numbers, npy("|S1", "(2,)", "ab")), ": y: is text of (2,), must be numbers");
  CHECK_EQ(t.said(TargetKind::labels, npy("|u1", "(2, 2)", std::string("\1\0\0\2", 4))),
           ": y[1, 1]: is 2, must be 0 or 1");
  CHECK_EQ(t.said(TargetKind::numbers, npy("<f8", "(2, 2)", bytes_of<double>({1, 2, 3}) + kNan)),
           ": y[1, 1]: is nan; leave out the case, or fill what is missing");
  CHECK_EQ(t.said(TargetKind::numbers, npy("<f8", "(2,)", bytes_of<double>({1, 1e200}))),
           ": y[1]: is 1e+200, which is too large");
  CHECK_EQ(t.said(TargetKind::numbers_per_step, npy("<f8", "(2, 3)", bytes_of<double>({1, 2, 3, 4}) + kNan + kNan)),
           ": y[1, 1]: is nan; leave out the case, or fill what is missing");
  CHECK_EQ(t.said(TargetKind::class_per_step, npy("|S1", "(2, 3)", std::string("abcd\0f", 6))),
           ": y[1, 1]: is empty, must be a name");
  CHECK_EQ(t.said(TargetKind::class_per_step, npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, 4, 5, 6}))),
           ": y: is float32 of (2, 3), must be text or whole numbers, which name classes; task.target "
           "\"numbers_per_step\" takes it");
  CHECK(t.said(TargetKind::numbers, npy("|O", "(2,)", "\x80\4N.")).starts_with(": y: holds Python objects, a pickle,"));
  CHECK(t.said(TargetKind::one_class, npy("<f8", "(2,)", bytes_of<double>({1, 2})))
            .ends_with("of numbers to be answered task.target is \"numbers\""));
  // A damaged file is not blamed on its values.
  write_zip(t.path, {{"X.npy", npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, 4, 5, 6}))},
                     {"y.npy", npy("<f8", "(2,)", bytes_of<double>({1234.5, 2}))}});
  std::string bytes = read_file(t.path);
  bytes.replace(bytes.find(bytes_of<double>({1234.5})), 8, kNan);
  write_file(t.path, bytes);
  CHECK(Trial::cut(message_of<DataError>([&] { t.all(t.path, TargetKind::numbers); }), t.path)
            .starts_with(": y: is damaged: "));
}

TEST_CASE("targets: lines of each kind, and those that do not fit") {
  const Trial t;
  CHECK_EQ(t.line(TargetKind::labels, "[\"a\", 3]")[0].names, Names{"a", "3"});
  CHECK_EQ(t.line(TargetKind::labels, "[]")[0].names, Names{});
  CHECK_EQ(t.line(TargetKind::numbers, "2.5")[0].numbers, Numbers{2.5});
  CHECK_EQ(t.line(TargetKind::numbers, "[2, -1]")[0].numbers, Numbers{2, -1});
  CHECK_EQ(t.line(TargetKind::class_per_step, "[1, \"b\", true]")[0].names, Names{"1", "b", "true"});
  CHECK_EQ(t.line(TargetKind::numbers_per_step, "[[1, 2], [3, 4], [5, 6]]")[0].numbers, Numbers{1, 2, 3, 4, 5, 6});
  CHECK_EQ(t.line_said(TargetKind::labels, "\"a\""), ":1: \"label\" must be a list of names, is \"a\"");
  CHECK_EQ(t.line_said(TargetKind::labels, "[\"a\", \"a\"]"), ":1: \"label\" has a name twice");
  CHECK_EQ(t.line_said(TargetKind::labels, "[\"\"]"), ":1: label[0] is empty");
  CHECK_EQ(t.line_said(TargetKind::numbers, "[1, null]"),
           ":1: label[1] must be a number, is null; leave out the line, or fill what is missing");
  CHECK_EQ(t.line_said(TargetKind::numbers, "[]"), ":1: \"label\" is an empty list, must have a number or more");
  CHECK_EQ(t.line_said(TargetKind::numbers, "1e200"), ":1: \"label\" must be at most 1e150, is 1e+200");
  CHECK_EQ(t.line_said(TargetKind::class_per_step, "[1, 2]"),
           ":1: \"label\" has 2 entries, must have one for each step, 3");
  CHECK_EQ(t.line_said(TargetKind::class_per_step, "[1, 2, 0.5]"),
           ":1: label[2] must be a string or a whole number, is 0.5");
  CHECK_EQ(t.line_said(TargetKind::numbers_per_step, "[1, 2, 3, 4]"),
           ":1: \"label\" has 4 entries, must have one for each step, 3");
  CHECK_EQ(t.line_said(TargetKind::numbers_per_step, "[[1, 2], [3], [5, 6]]"),
           ":1: label[1] has 1 numbers, label[0] has 2");
  CHECK_EQ(t.line_said(TargetKind::numbers_per_step, "5"),
           ":1: \"label\" must be a list of numbers, or of lists, one a step, is 5");
}

TEST_CASE("targets: a task gives them to a model: steps padded, numbers in deviations, labels as 0 and 1") {
  const TemporaryFolder folder;
  Batch batch;
  auto task = task_of(folder, [](int i) { return str("[\"", i % 2, "\", \"x\"", i % 2 ? ", \"y\"" : "", "]"); },
                      {{"target", "class_per_step"}});
  CHECK(task->shape().objective == Objective::label_per_step);
  CHECK_FALSE(task->shape().pooled);
  CHECK_EQ(task->learned()["classes"], Json({"0", "1", "x", "y"}));
  task->training_batch(0, task->training_sequences(), batch);
  std::vector<Index> counts(4);
  for (Index b = 0; b < batch.batch; ++b) {
    const auto at = static_cast<std::size_t>(3 * b);
    const bool odd = batch.lengths[static_cast<std::size_t>(b)] == 3;
    CHECK_EQ(batch.targets[at], odd ? 1 : 0);
    CHECK_EQ(batch.targets[at + 1], 2);
    CHECK_EQ(batch.targets[at + 2], odd ? 3 : kIgnore);
    for (std::size_t k = at; k < at + 3; ++k)
      if (batch.targets[k] != kIgnore) ++counts[static_cast<std::size_t>(batch.targets[k])];
  }
  CHECK_EQ(task->training_counts(), counts);

  task = task_of(folder, [](int i) { return i % 4 ? "[]" : "[\"b\", \"a\"]"; },
                 {{"target", "labels"}, {"class_weights", "balanced"}});
  CHECK_EQ(task->learned()["classes"], Json({"a", "b"}));
  CHECK(task->shape().pooled);
  task->training_batch(0, task->training_sequences(), batch);
  double all = 0, present = 0;
  for (std::size_t i = 0; i < batch.target_values.size(); ++i) {
    CHECK_EQ(batch.target_values[i] == 1, static_cast<int>(batch.values[i / 2 * 3]) % 4 == 0);
    all += static_cast<double>(batch.weights[i]);
    if (batch.target_values[i] == 1) present += static_cast<double>(batch.weights[i]);
  }
  CHECK_EQ(all, doctest::Approx(static_cast<double>(batch.target_values.size())));
  CHECK_EQ(present, doctest::Approx(all / 2));  // as much as those that are absent

  for (const char* kind : {"numbers", "numbers_per_step"}) {
    CAPTURE(kind);
    const bool each = std::string(kind) == "numbers_per_step";
    task = task_of(folder,
                   [&](int i) {
                     const std::string one = str("[", 1000000000 + i, ", 4]");
                     return each ? str("[", one, ", ", one, i % 2 ? ", " + one : "", "]") : one;
                   },
                   {{"target", kind}, {"target_names", {"far", "same"}}});
    const Json learned = task->learned();
    CHECK_EQ(learned["target_names"], Json({"far", "same"}));
    CHECK_EQ(learned["target_deviation"][1], 0.0);
    CHECK_EQ(task->notes().back(), "same is 4 throughout the training part");
    task->training_batch(0, task->training_sequences(), batch);
    const double mean = learned["target_mean"][0], deviation = learned["target_deviation"][0];
    double square = 0, count = 0;
    const std::size_t row = each ? 6 : 2;
    for (std::size_t b = 0; b < static_cast<std::size_t>(batch.batch); ++b)
      for (std::size_t k = 0; k < row; k += 2) {
        const float truth = batch.target_values[b * row + k];
        CHECK_EQ(std::isnan(truth), k / 2 >= static_cast<std::size_t>(batch.lengths[b]));
        if (std::isnan(truth)) continue;
        CHECK_EQ(mean + deviation * static_cast<double>(truth),
                 doctest::Approx(1e9 + static_cast<double>(batch.values[b * 3])).epsilon(1e-12));
        CHECK_EQ(batch.target_values[b * row + k + 1], 0);
        square += std::pow(static_cast<double>(truth), 2), ++count;
      }
    CHECK_EQ(square / count, doctest::Approx(1));
    CHECK_EQ(task->signature().numbers[0].name, "far");
    // A run's names and scales are what other data are read by.
    const auto of_run = [&](const std::string& label) {
      auto other = tasks().find("arrays")->make();
      read_fields([&](Fields& f) { other->fields(f); },
                  {{"path", "x"}, {"target", kind}, {"target_names", {"far", "same"}}, {"classes", 2}, {"channels", 1}},
                  "task");
      other->use(learned);
      std::filesystem::remove(folder / "o.jsonl");
      write_file(folder / "o.jsonl", "{\"values\": [1], \"label\": " + label + "}\n");
      other->evaluate_on(folder / "o.jsonl");
      other->prepare(1);
      return other;
    };
    Batch one;
    const auto other = of_run(each ? "[[1000000000, 5]]" : "[1000000000, 5]");
    other->evaluation(Split::test, {})->next(one);
    CHECK_EQ(one.target_values[0], doctest::Approx((1e9 - mean) / deviation));
    CHECK_EQ(one.target_values[1], 1);
    CHECK_EQ(other->learned()["target_mean"], learned["target_mean"]);
    const std::string told = message_of<DataError>([&] { of_run(each ? "[1]" : "1"); });
    CHECK_MESSAGE(told.ends_with("o.jsonl: has 1 number to answer, the model answers 2: far, same"), told);
  }
  CHECK_EQ(message_of<ConfigError>([&] {
             task_of(folder, [](int i) { return std::to_string(i); }, {{"target", "numbers"}, {"split", "stratified"}});
           }),
           "task.split: stratified is of one class a sequence (task.target), random is for all");
  const std::string said = message_of<DataError>([&] {
    task_of(folder, [](int i) { return i == 3 ? "[1, 2]" : "1"; }, {{"target", "numbers"}});
  });
  CHECK_MESSAGE(said.ends_with("t.jsonl:4: has 2 numbers to answer, those before have 1"), said);
}

TEST_CASE("targets: `new` recognises the kinds, and says them") {
  const TemporaryFolder folder;
  const auto proposed = [&](const std::string& line, const char* kind) {
    std::filesystem::remove(folder / "n.jsonl");
    write_file(folder / "n.jsonl", line + "\n" + line + "\n");
    for (const DataKind& one : data_kinds())
      if (one.name == kind) return one.propose({folder / "n.jsonl"});
    throw DataError("");
  };
  const auto target = [&](const std::string& line) { return proposed(line, "lines").task["target"]; };
  CHECK_EQ(target(R"({"values": [1, 2], "label": 0.5})"), "numbers");
  CHECK_EQ(target(R"({"values": [1, 2], "label": [1, 2, 3]})"), "numbers");
  CHECK_EQ(target(R"({"values": [1, 2], "label": ["a"]})"), "labels");
  CHECK_EQ(target(R"({"values": [1, 2], "label": ["a", "b"]})"), "class_per_step");
  CHECK_EQ(target(R"({"values": [1, 2], "label": [0.5, 2]})"), "numbers_per_step");
  CHECK_EQ(target(R"({"values": [1, 2], "label": [[1], [2]]})"), "numbers_per_step");
  CHECK_EQ(target(R"({"text": "ab", "label": ["a", "b"]})"), "labels");
  CHECK_EQ(target(R"({"text": "ab", "label": 1.5})"), "numbers");
  CHECK_EQ(proposed(R"({"text": "ab", "label": 1.5})", "lines").seen[0], "answers: numbers (task.target \"numbers\")");
  const Trial t;
  const auto of = [&](const std::string& y) {
    t.read(TargetKind::one_class, npy("|S1", "(2,)", "ab"));
    write_zip(t.path, {{"X.npy", npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, 4, 5, 6}))}, {"y.npy", y}});
    return recognised_target(t.path, "");
  };
  CHECK(of(npy("|S1", "(2,)", "ab")) == TargetKind::one_class);
  CHECK(of(npy("<f4", "(2,)", bytes_of<float>({1, 2}))) == TargetKind::numbers);
  CHECK(of(npy("|u1", "(2, 2)", std::string("\1\0\0\1", 4))) == TargetKind::labels);
  CHECK(of(npy("|u1", "(2, 2)", std::string("\1\0\0\2", 4))) == TargetKind::numbers);
  CHECK(of(npy("|u1", "(2, 3)", std::string("\1\0\0\2\1\1", 6))) == TargetKind::class_per_step);
  CHECK(of(npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, 4, 5, 6}))) == TargetKind::numbers_per_step);
  CHECK(of(npy("<f4", "(2, 3, 1)", bytes_of<float>({1, 2, 3, 4, 5, 6}))) == TargetKind::numbers_per_step);
}

TEST_CASE("arrays: a crop takes any part of a longer sequence; steps with answers of their own are not moved") {
  TemporaryFolder folder;
  std::string lines, answered;
  for (int i = 0; i < 20; ++i) {
    lines += str(R"({"values": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "label": ")", i % 2 ? "a" : "b", "\"}\n");
    answered += R"({"values": [0, 1, 2, 3], "label": ["a", "b", "a", "b"]})"
                "\n";
  }
  write_file(folder / "a.jsonl", lines);
  write_file(folder / "each.jsonl", answered);
  const auto task =
      make("arrays", {{"path", (folder / "a.jsonl").string()}, {"length", 4}, {"augment", {{"crop", true}}}});
  std::set<float> begins;
  for (Index step = 0; step < 20; ++step) {
    Batch batch;
    task->training_batch(step, 8, batch);
    for (std::size_t b = 0; b < 8; ++b) {
      begins.insert(batch.values[4 * b]);
      for (std::size_t t = 1; t < 4; ++t)
        CHECK_EQ(batch.values[4 * b + t], batch.values[4 * b] + static_cast<float>(t));
    }
  }
  CHECK_EQ(begins, std::set<float>{0, 1, 2, 3, 4, 5, 6});
  const auto pass = task->evaluation(Split::validation, {.batch = 1, .chunk = 100});
  for (Batch batch; pass->next(batch);) CHECK_EQ(batch.values, std::vector<float>{0, 1, 2, 3});
  for (const char* what : {"crop", "shift"}) {
    const Json on = std::string(what) == "crop" ? Json(true) : Json(2);
    CHECK(message_of<ConfigError>([&] {
            make("arrays",
                 {{"path", (folder / "each.jsonl").string()}, {"target", "class_per_step"}, {"augment", {{what, on}}}});
          }).find("task.augment: crop and shift move the steps") != std::string::npos);
  }
}
