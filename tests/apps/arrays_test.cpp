// Arrays and lines of JSON through the program: train, eval, predict, and what is refused.
#include <algorithm>
#include <sstream>

#include "core/random.h"
#include "core/strings.h"
#include "tests/support/numpy.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::bytes_of;
using testing::npy;
using testing::Outcome;
using testing::Workplace;
using testing::write_zip;

namespace {

constexpr const char* kModel = R"("model": {"name": "gru", "d_model": 12, "layers": 1}, "optimizer": {"lr": 0.02},
  "train": {"steps": 80, "batch": 16, "tensorboard": false}})";

/// 2 channels of noise of which one, the class, has a slow wave; float32, 24 steps.
struct Planted {
  std::vector<float> x;
  std::string y;
  explicit Planted(int cases, const char* seed) {
    Random random(1, seed);
    for (int i = 0; i < cases; ++i) {
      const auto waving = static_cast<int>(random.below(2));
      const double phase = 6 * random.uniform();
      y += waving ? "b" : "a";
      for (int t = 0; t < 24; ++t)
        for (int c = 0; c < 2; ++c)
          x.push_back(static_cast<float>(random.uniform() - 0.5 + (c == waving ? std::sin(0.5 * t + phase) : 0)));
    }
  }
  std::string array() const { return npy("<f4", str("(", y.size(), ", 24, 2)"), bytes_of(x)); }
  std::string classes() const { return npy("|S1", str("(", y.size(), ",)"), y); }
};

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("arrays: a planted class is learned; predict is eval; a bad case leaves the others") {
  const Workplace w(std::string(R"({"task": {"name": "arrays", "path": "a.npz", "length": 24, "normalise": true}, )") +
                    kModel);
  const Planted data(200, "train"), more(50, "more");
  write_zip(w.folder / "a.npz", {{"X.npy", data.array()}, {"y.npy", data.classes()}}, true);
  REQUIRE_EQ(w.train().exit_code, 0);
  std::filesystem::remove(w.folder / "a.npz");  // what it taught is in the run
  write_zip(w.folder / "b.npz", {{"X.npy", more.array()}, {"y.npy", more.classes()}});
  const Json scores =
      Json::parse(testing::seqtape("eval " + w.run + " --data " + (w.folder / "b.npz").string() + " --json").out);
  CHECK(scores.at("accuracy").get<double>() >= 0.9);
  const auto right = [&](const std::string& file) {
    const Outcome outcome = testing::seqtape("predict " + w.run + " " + (w.folder / file).string() + " --json");
    CHECK_EQ(outcome.exit_code, 0);
    const Json answers = Json::parse(outcome.out);
    REQUIRE_EQ(answers.size(), more.y.size());
    int count = 0;
    for (std::size_t i = 0; i < more.y.size(); ++i) {
      CHECK(answers[i].at("input").get<std::string>().ends_with(str(file, ":", i)));
      count += answers[i].at("label").get<std::string>()[0] == more.y[i];
    }
    return count;
  };
  CHECK_EQ(right("b.npz"), std::lround(50 * scores.at("accuracy").get<double>()));
  write_file(w.folder / "X.npy", more.array());  // alone
  CHECK_EQ(right("X.npy"), right("b.npz"));

  Planted holes = more;
  holes.x[2 * 24 * 7 + 5] = std::nanf("");
  write_zip(w.folder / "c.npz", {{"X.npy", holes.array()}});
  const std::string file = (w.folder / "c.npz").string();
  const Outcome outcome = testing::seqtape("predict " + w.run + " " + file + " --json");
  CHECK_EQ(outcome.exit_code, 1);
  CHECK_EQ(Json::parse(outcome.out).size(), 49);
  CHECK_EQ(outcome.err,
           "error: " + file + ":7: X[7, 2, 1] is nan; fill what is missing, or give the steps before it in lengths\n");
  write_zip(w.folder / "d.npz", {{"X.npy", npy("<f4", "(2, 3)", bytes_of<float>({1, 2, 3, 4, 5, 6}))}});
  testing::refused(testing::seqtape("predict " + w.run + " " + (w.folder / "d.npz").string()), 1,
                   (w.folder / "d.npz").string() + ":0: has 1 numbers a step, must have 2 (task.channels)\nerror: " +
                       (w.folder / "d.npz").string() + ":1: has 1 numbers a step, must have 2 (task.channels)");
}

TEST_CASE("lines: values from standard input, by lines; texts as the training's lines are") {
  const Workplace values(std::string(R"({"task": {"name": "arrays", "path": "a.jsonl", "length": 8}, )") + kModel);
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += str("{\"label\": ", i % 2, ", \"values\": [", i % 2, ", ", i % 3, "]}\n");
  write_file(values.folder / "a.jsonl", lines);
  REQUIRE_EQ(values.train().exit_code, 0);
  const auto given = [](const Workplace& w, const std::string& text) {
    const std::string file = (w.folder / "in").string();
    write_file(file, text);
    const Outcome outcome = testing::seqtape("predict " + w.run + " - <" + file + ")", "(");
    std::filesystem::remove(file);
    return outcome;
  };
  Outcome outcome = given(values, "{\"values\": [1, 2]}\n\n{\"values\": [0, 2]}\n{\"values\": [null]}");
  CHECK_EQ(outcome.exit_code, 1);
  CHECK(says(outcome.out, "-:1,1,"));
  CHECK(says(outcome.out, "-:3,0,"));
  CHECK_EQ(outcome.err, "error: -:4: values[0] must be a number, is null; fill or leave out what is missing\n");

  const Workplace texts(std::string(R"({"task": {"name": "documents", "path": "a.jsonl", "length": 16}, )") + kModel);
  lines = "";
  for (int i = 0; i < 60; ++i)
    lines += str("{\"id\": ", i, ", \"label\": \"", i % 2 ? "yes" : "no", "\", \"text\": \"", i % 2 ? "+" : "\\u002d",
                 "\"}\n");
  write_file(texts.folder / "a.jsonl", lines);
  const Outcome trained = texts.train();
  REQUIRE_EQ(trained.exit_code, 0);
  CHECK(says(trained.out + trained.err, "a.jsonl: \"id\" is not read"));
  outcome = given(texts, "{\"text\": \"+\"}\n{\"text\": \"-\"}\n");
  CHECK_EQ(outcome.exit_code, 0);
  CHECK(says(outcome.out, "-:1,yes,"));
  CHECK(says(outcome.out, "-:2,no,"));
  write_file(texts.folder / "b.jsonl", "{\"text\": \"-\"}\n{\"text\": \"+\", \"label\": \"?\"}\n");
  outcome = testing::seqtape("predict " + texts.run + " " + (texts.folder / "b.jsonl").string());
  CHECK_EQ(outcome.exit_code, 0);
  CHECK(says(outcome.out, "b.jsonl:1,no,"));
  CHECK(says(outcome.out, "b.jsonl:2,yes,"));
  testing::refused(given(texts, "{\"txt\": \"+\"}\n"), 1, "-:1: has no \"text\"; it has \"txt\"");
}

TEST_CASE("lines: one that cannot be read leaves the others, in a file as on standard input") {
  const auto check = [](const Workplace& w, const std::string& good, const std::string& bad) {
    REQUIRE_EQ(w.train().exit_code, 0);
    // A group means nothing to a model.
    const std::string text =
        good + "\n{no JSON\n" + bad + "\n[1]\n" + good.substr(0, good.size() - 1) + ", \"group\": null}\n";
    write_file(w.folder / "new.jsonl", text);
    for (const std::string& from : {(w.folder / "new.jsonl").string(), "- <" + (w.folder / "new.jsonl").string()}) {
      CAPTURE(from);
      const std::string name = from.substr(0, from.find(' '));
      const Outcome outcome = testing::seqtape("predict " + w.run + " " + from + ")", "(");
      CHECK_EQ(outcome.exit_code, 1);
      CHECK(says(outcome.out, name + ":1,"));
      CHECK(says(outcome.out, name + ":5,"));
      for (const int line : {2, 3, 4}) {
        CHECK_FALSE(says(outcome.out, str(name, ":", line, ",")));
        CHECK(says(outcome.err, str("error: ", name, ":", line, ": ")));
      }
      CHECK(says(outcome.err, str("; a line is {\"", good.substr(2, good.find('"', 2) - 2), "\": ...}")));
    }
    std::string flood;
    for (int i = 0; i < 40; ++i) flood += bad + "\n";
    write_file(w.folder / "new.jsonl", flood);
    const Outcome outcome = testing::seqtape("predict " + w.run + " " + (w.folder / "new.jsonl").string());
    CHECK_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 11);
    CHECK(outcome.err.ends_with("error: and 30 more of the 40 inputs that cannot be read\n"));
  };
  std::string values, texts;
  for (int i = 0; i < 60; ++i) {
    values += str("{\"label\": ", i % 2, ", \"values\": [", i % 2, "]}\n");
    texts += str("{\"label\": ", i % 2, ", \"text\": \"", i % 2, "\"}\n");
  }
  const Workplace numbers(std::string(R"({"task": {"name": "arrays", "path": "a.jsonl", "length": 8}, )") + kModel);
  write_file(numbers.folder / "a.jsonl", values);
  check(numbers, "{\"values\": [1]}", "{\"values\": [[1, 2]]}");
  const Workplace bytes(std::string(R"({"task": {"name": "documents", "path": "a.jsonl", "length": 8}, )") + kModel);
  write_file(bytes.folder / "a.jsonl", texts);
  check(bytes, "{\"text\": \"1\"}", "{\"text\": 1}");
}

TEST_CASE("new: files of another kind are told, and lines fit a terminal") {
  const testing::TemporaryFolder folder;
  const auto in = [&](const char* name) { return (folder / name).string(); };
  const Planted data(40, "new");
  write_zip(folder / "a.npz", {{"X.npy", data.array()}, {"y.npy", data.classes()}});
  write_file(folder / "y.npy", data.classes());
  write_file(folder / "one.jsonl", "{\"text\": \"a\", \"label\": 1}\n");
  write_file(folder / "none.jsonl", "");
  const std::string out = " --out " + in("c.json");
  testing::refused(testing::seqtape("new lines " + in("a.npz") + out), 2,
                   "new lines: " + in("a.npz") + " is NumPy's; seqtape new arrays takes it");
  testing::refused(testing::seqtape("new arrays " + in("y.npy") + out), 2,
                   "new arrays: " + in("y.npy") + " holds classes alone; name the .npy of X before it");
  testing::refused(testing::seqtape("new lines " + in("one.jsonl") + out), 1,
                   in("one.jsonl") + ": holds 1 text of 1 class, two classes are needed");
  testing::refused(testing::seqtape("new lines " + in("none.jsonl") + out), 1,
                   in("none.jsonl") + ": holds 0 texts of 0 classes, two classes are needed");
  // `script` gives the program a terminal.
  const Outcome outcome = testing::seqtape("new arrays " + in("a.npz") + out + "' /dev/null", "script -qec '");
  CHECK_EQ(outcome.exit_code, 0);
  CHECK(says(outcome.out, "seen       40 sequences of 2 classes"));
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);)
    if (!says(line, folder.path().string())) CHECK_LE(line.size(), 81);  // with CR
  std::filesystem::remove(folder / "c.json");
  const Outcome refusal = testing::seqtape("new lines " + in("a.npz") + out + "' /dev/null", "script -qec '");
  CHECK(says(refusal.out, "\n       "));
}

TEST_CASE("lines: texts that do not fit are refused by line") {
  const Workplace w(std::string(R"({"task": {"name": "documents", "path": "a.jsonl", "length": 16}, )") + kModel);
  const std::string path = (w.folder / "a.jsonl").string(), good = "{\"text\": \"a\", \"label\": \"a\"}\n";
  const auto trial = [&](const std::string& content, const std::string& message) {
    write_file(path, content);
    testing::refused(w.train(), 1, path + message);
    std::filesystem::remove(path);
  };
  trial(good + "{\"text\": 3, \"label\": \"a\"}", ":2: \"text\" must be a string, is number");
  trial(good + "{\"text\": \"b\"}", ":2: has no \"label\"; it has \"text\"");
  trial(good + "{\"text\": \"b\", \"label\": [\"a\"]}", ":2: \"label\" must be a string or a whole number, is array");
  trial(good + "a\tb",
        ":2: not valid JSON: syntax error while parsing value - invalid literal; last read: 'a'; a line is {\"text\": "
        "...}");
}
