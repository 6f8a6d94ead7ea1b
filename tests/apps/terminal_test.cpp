// What a person reads in a terminal: nothing is wider than 80 columns, and no key is hidden.
#include <doctest/doctest.h>

#include <set>
#include <sstream>

#include "apps/compare/comparison_file.h"
#include "apps/trainer/run_config.h"
#include "core/columns.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Outcome;
using testing::Workplace;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// What the command prints, which must fit.
std::string fits(const std::string& arguments) {
  CAPTURE(arguments);
  const Outcome outcome = testing::seqtape(arguments);
  CHECK_EQ(outcome.exit_code, 0);
  CHECK_FALSE(outcome.out.empty());
  for (const std::string& line : lines_of(outcome.out)) {
    CAPTURE(line);
    CHECK_LE(width_of(line), 80);
  }
  return outcome.out;
}

/// The words that begin lines indented by two spaces: commands of the help, keys of `list`.
std::set<std::string> entries(const std::string& text) {
  std::set<std::string> found;
  for (const std::string& line : lines_of(text))
    if (line.size() > 2 && line.substr(0, 2) == "  " && line[2] != ' ')
      found.insert(line.substr(2, line.find(' ', 2) - 2));
  return found;
}

/// The keys that a config of these fields would have, found by writing one.
template <class T>
std::set<std::string> keys_of(T& object) {
  std::set<std::string> keys;
  const Json written = write_fields([&](Fields& f) { object.fields(f); });
  for (const auto& [key, value] : written.items()) keys.insert(key);
  return keys;
}

/// Every key of every entry is in `seqtape list NAME`, and in the schema's alternative of that name.
template <class T>
void listed(const Registry<T>& registry, const Json& schema) {
  REQUIRE_FALSE(registry.entries.empty());
  for (const auto& entry : registry.entries) {
    CAPTURE(entry.name);
    const auto object = entry.make();
    const std::set<std::string> shown = entries(fits("list " + entry.name));
    const Json* alternative = nullptr;
    for (const Json& one : schema.at("anyOf"))
      if (one.at("properties").at("name").at("const") == entry.name) alternative = &one;
    REQUIRE(alternative != nullptr);
    for (const std::string& key : keys_of(*object)) {
      CAPTURE(key);
      CHECK(shown.count(key) == 1);
      CHECK(alternative->at("properties").contains(key));
    }
  }
}

}  // namespace

TEST_CASE("every key of every task, mixer, optimizer and schedule is in list and in the schema") {
  const Json schema = Json::parse(testing::seqtape("schema").out);
  const Json& parts = schema.at("properties");
  listed(mixers(), parts.at("model"));
  listed(tasks(), parts.at("task"));
  listed(optimizers(), parts.at("optimizer"));
  listed(schedules(), parts.at("schedule"));
  TrainSettings train;
  const std::set<std::string> shown = entries(fits("list train"));
  for (const std::string& key : keys_of(train)) {
    CAPTURE(key);
    CHECK(shown.count(key) == 1);
    CHECK(parts.at("train").at("properties").contains(key));
  }
  const std::set<std::string> model = entries(fits("list model"));
  for (const char* key : {"d_model", "layers", "norm", "dropout", "pooling", "head_bias"}) CHECK(model.count(key) == 1);
  CHECK(model.count("d_state") == 0);
}

TEST_CASE("every key of a comparison file is in list and in its schema") {
  const Json schema = Json::parse(testing::seqtape("schema --comparison").out).at("properties");
  ComparisonFile file;
  const std::set<std::string> shown = entries(fits("list comparison"));
  for (const std::string& key : keys_of(file)) {
    CAPTURE(key);
    CHECK(shown.count(key) == 1);
    CHECK(schema.contains(key));
  }
  CHECK(shown.count("budget.parameters") == 1);
}

TEST_CASE("list: names alone, all of a kind, and a near name for a wrong one") {
  const std::string names = fits("list");
  CHECK(entries(names).count("gated_deltanet") == 1);
  CHECK(names.find("head_dim") == std::string::npos);
  const std::string all = fits("list tasks");
  CHECK(all.find("\nparity: ") != std::string::npos);
  CHECK(all.find("\ntext: ") != std::string::npos);
  CHECK(all.find("\nmamba: ") == std::string::npos);
  testing::refused(testing::seqtape("list mmba"), 2, "list: unknown name \"mmba\"; did you mean \"mamba\"?");
}

TEST_CASE("help of the program and of every command") {
  const std::set<std::string> commands = entries(fits("--help"));
  CHECK_GE(commands.size(), 17);
  for (const std::string& command : commands) {
    if (command == "seqtape") continue;
    const std::string help = fits(command + " --help");
    CHECK(help.find("Usage:\n  seqtape " + command) != std::string::npos);
    CHECK(help.find("Example:\n  seqtape " + command) != std::string::npos);
    CHECK(help.find("positional parameters") == std::string::npos);
    CHECK(help.find("--help") != std::string::npos);
    CHECK(help.find(" \n") == std::string::npos);
    CHECK(help.find(";\n      --") == std::string::npos);
  }
}

TEST_CASE("a short run does not print a line a step, says chance and which exports there are, and fits") {
  const Workplace w;
  const std::string out = fits("train " + w.config + " --out " + w.run);
  CHECK(out.find("chance 12.5 %") != std::string::npos);
  CHECK(out.find("\nexports    ") != std::string::npos);
  std::size_t lines = 0;
  for (const std::string& line : lines_of(out)) lines += line.find("  train  ") != std::string::npos;
  CHECK_LE(lines, 5);                    // at most one a second
  CHECK_EQ(w.metrics().size(), 20 + 2);  // the file has them all
  fits("train " + w.config + " --dry-run");
  fits("eval " + w.run);
  fits("eval " + w.run + " --lengths 24,100");
  fits("plot " + w.run);
}

TEST_CASE("lengths that grow are told where they do") {
  const Workplace w;
  const std::string out = fits("train " + w.config + " --out " + w.run +
                               " --set task.longest=96 --set task.grow_from=5 --set task.grow_every=7");
  CHECK(out.find("step      5  training sequences now have 48 steps\n") != std::string::npos);
  CHECK(out.find("step     12  training sequences now have 96 steps\n") != std::string::npos);
  CHECK(out.find("step     19") == std::string::npos);
}

TEST_CASE("a comparison's lines, table and verdict fit") {
  const Workplace w(R"({"task": {"name": "induction_heads", "vocab": 8, "length": 24, "eval_sequences": 32},
    "models": [{"model": {"name": "mamba", "d_model": 16}}, {"model": {"name": "gru", "d_model": 16}},
      {"label": "a transformer of two layers with learned positions",
       "model": {"name": "transformer", "d_model": 16, "positions": "learned"}}],
    "train": {"steps": 10, "batch": 4}, "seeds": [1, 2], "lengths": [24, 48]})");
  const std::string out = fits("compare " + w.config + " --out " + w.run);
  CHECK(out.find("parameters") != std::string::npos);
  CHECK(out.find("generated/s") != std::string::npos);
}

TEST_CASE("text is broken between words, and what is broken stands in") {
  const std::string words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen";
  CHECK_EQ(wrapped(words, 4),
           "one two three four five six seven eight nine ten eleven twelve thirteen fourteen\n    fifteen");
  CHECK_EQ(wrapped("  " + words + "\n\nshort\n", 2),
           "  one two three four five six seven eight nine ten eleven twelve thirteen\n  fourteen fifteen\n\nshort\n");
  const std::string path(100, 'x');
  CHECK_EQ(wrapped("run " + path + " done", 1), "run\n " + path + "\n done");
  CHECK_EQ(wrapped(std::string(40, ' ') + "über", 0), std::string(40, ' ') + "über");
  CHECK_EQ(table({{"a", "10"}, {"bcd", "7"}}), "a    10\nbcd   7\n");
  CHECK_EQ(left("größer", 4) + "|" + right("ab", 4) + "|", "grö~|  ab|");
}
