// `eval` as its user sees it: the tables, eval.json, the answers, against arithmetic on files.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>

#include "core/random.h"
#include "core/strings.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Outcome;
using testing::refused;
using testing::Workplace;

namespace {

constexpr const char* kSmall = R"("model": {"name": "gru", "d_model": 8, "layers": 1},
  "train": {"steps": 4, "batch": 4, "eval_every": 2, "tensorboard": false}})";

doctest::Approx about(double value) { return doctest::Approx(value).epsilon(1e-4); }

Outcome eval(const Workplace& w, const std::string& more = "") {
  return testing::seqtape("eval " + w.run + " " + more);
}

Json scored(const Workplace& w, const std::string& more = "") {
  const Outcome outcome = eval(w, "--json " + more);
  REQUIRE_EQ(outcome.exit_code, 0);
  return Json::parse(outcome.out);
}

/// Rows of cells without quotes.
std::vector<std::vector<std::string>> rows_of(const std::filesystem::path& file) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

/// Without what the clock and the machine say.
Json timeless(Json document) {
  for (const char* key : {"tokens_per_second", "seconds", "peak_rss_mb"}) document.erase(key);
  return document;
}

}  // namespace

TEST_CASE("eval of classes: eval.json is the document, the answers give its figures again, all is all") {
  const Workplace w(std::string(R"({"task": {"name": "documents", "path": "d.tsv", "classes": 2, "length": 12,
    "validation_fraction": 0.3, "test_fraction": 0.2}, )") +
                    kSmall);
  std::string lines;
  Random random(3, "documents");
  for (int i = 0; i < 100; ++i) {
    lines += i % 3 ? "ham\t" : "spam\t";
    for (Index k = 0; k < 5 + i % 7; ++k) lines += static_cast<char>('a' + random.below(6) + (i % 3 ? 0 : 3));
    lines += '\n';
  }
  write_file(w.folder / "d.tsv", lines);
  REQUIRE_EQ(w.train().exit_code, 0);
  const std::string kept = w.run + "/eval.json", file = (w.folder / "p.csv").string();
  const Json document = scored(w);
  CHECK_FALSE(std::filesystem::exists(kept));
  const Outcome printed = eval(w, "--predictions " + file);
  CHECK_EQ(printed.exit_code, 0);
  CHECK(printed.err.empty());
  CHECK(printed.out.find("most frequent: always ham, ") != std::string::npos);
  CHECK_EQ(timeless(Json::parse(read_file(kept))), timeless(document));
  // What it always said comes first, under the same keys.
  std::vector<std::string> keys;
  for (const auto& [key, value] : document.items()) keys.push_back(key);
  keys.resize(10);
  CHECK(keys == std::vector<std::string>{"step", "split", "length", "loss", "accuracy", "n", "sequences",
                                         "tokens_per_second", "seconds", "peak_rss_mb"});
  const auto rows = rows_of(file);
  REQUIRE_EQ(rows.size(), 31);
  CHECK(rows[0] == std::vector<std::string>{"sequence", "truth", "prediction", "ham", "spam"});
  double right = 0, loss = 0;
  std::map<std::string, double> support, hits;
  for (std::size_t r = 1; r < rows.size(); ++r) {
    const auto& row = rows[r];
    CHECK_EQ(row[0], std::to_string(r - 1));
    const double ham = std::stod(row[3]), spam = std::stod(row[4]);
    CHECK(ham + spam == about(1));
    CHECK_EQ(row[2], ham >= spam ? "ham" : "spam");
    right += row[1] == row[2];
    support[row[1]] += 1, hits[row[1]] += row[1] == row[2];
    loss -= std::log(row[1] == "ham" ? ham : spam) / 30;
  }
  CHECK(document["accuracy"] == about(right / 30));
  CHECK(document["loss"] == about(loss));
  CHECK(document["balanced_accuracy"] == about((hits["ham"] / support["ham"] + hits["spam"] / support["spam"]) / 2));
  CHECK(document["baselines"]["most_frequent"]["accuracy"] == about(support["ham"] / 30));
  // All: what each has.
  double loss_of_all = 0;
  for (const char* split : {"train", "validation", "test"}) {
    const Json one = scored(w, std::string("--split ") + split);
    loss_of_all += one["loss"].get<double>() * one["n"].get<double>() / 100;
  }
  const Json all = scored(w, "--split all");
  CHECK_EQ(all["n"], 100);
  CHECK_EQ(all["split"], "all");
  CHECK(all["loss"] == about(loss_of_all));
  CHECK_EQ(all["by_class"][1]["support"], 34);
  refused(eval(w, "--split some"), 2, "--split: must be train, validation, test or all, got \"some\"");
  refused(eval(w, "--lengths 4,8 --predictions " + file), 2,
          "--predictions: are written of one length, --lengths has 2");
  CHECK_EQ(eval(w, "--predictions " + (w.folder / "no" / "p.csv").string()).exit_code, 1);
  CHECK_EQ(rows_of(file).size(), 31);
  // Another run in its place begins without it.
  CHECK_EQ(w.train("--force").exit_code, 0);
  CHECK_FALSE(std::filesystem::exists(kept));
  CHECK_EQ(eval(w, "--lengths 4,8").exit_code, 0);
  CHECK_EQ(Json::parse(read_file(kept)).size(), 2);
}

TEST_CASE("words of a group: elements by their names, both accuracies at every length") {
  const Workplace w(
      std::string(R"({"task": {"name": "group_word", "length": 8, "shortest": 3, "eval_sequences": 40}, )") + kSmall);
  REQUIRE_EQ(w.train().exit_code, 0);
  const Json document = scored(w), at_lengths = scored(w, "--lengths 8,31");
  CHECK_EQ(document["confusion"]["classes"], Json({"e", "(23)", "(12)", "(123)", "(132)", "(13)"}));
  // Every step of every sequence is scored, although training had shorter ones; the lengths are those asked for.
  CHECK_EQ(document["n"], 40 * 8);
  CHECK_EQ(at_lengths[0]["n"], 40 * 8);
  CHECK_EQ(at_lengths[1]["n"], 40 * 31);
  CHECK_EQ(at_lengths[0]["accuracy"], document["accuracy"]);
  // The answers again, counted by sequence.
  const std::string file = (w.folder / "p.csv").string();
  REQUIRE_EQ(eval(w, "--predictions " + file).exit_code, 0);
  std::map<std::string, bool> whole;
  double right = 0;
  const auto rows = rows_of(file);
  for (std::size_t r = 1; r < rows.size(); ++r) {
    const bool same = rows[r][2] == rows[r][3];
    right += same;
    whole.try_emplace(rows[r][0], true).first->second &= same;
  }
  CHECK_EQ(whole.size(), 40);
  CHECK(document["accuracy"] == about(right / 320));
  double sequences = 0;
  for (const auto& [sequence, all] : whole) sequences += all;
  CHECK(document["sequence_accuracy"] == about(sequences / 40));
  CHECK(eval(w, "--lengths 8").out.find("  whole sequences ") != std::string::npos);
  CHECK(testing::seqtape("show " + w.run).out.find("(123)") != std::string::npos);
}

TEST_CASE("eval of forecasts: in the data's units, beside the last value and the last season") {
  const Workplace w(std::string(R"({"task": {"name": "series", "path": "a.csv", "columns": ["x", "y"],
    "targets": ["y"], "length": 8, "horizon": 6, "season": 4}, )") +
                    kSmall);
  // y repeats itself every 4 rows, but for a rise; x is a distraction.
  std::string text = "x,y\n";
  std::vector<double> y;
  for (int i = 0; i < 200; ++i) {
    y.push_back(1000 + 0.5 * i + 10 * (i % 4 == 1) - 6 * (i % 4 == 2));
    text += format("%d,%.1f\n", i % 7, y.back());
  }
  write_file(w.folder / "a.csv", text);
  REQUIRE_EQ(w.train().exit_code, 0);
  const std::string file = (w.folder / "p.csv").string();
  REQUIRE_EQ(eval(w, "--split test --predictions " + file).exit_code, 0);
  const Json document = Json::parse(read_file(w.run + "/eval.json"));
  // By the definitions: rows 140 on do not train, rows 160 on test, so windows ask for rows 160 to 165 up to 194 to
  // 199.
  double naive = 0;
  for (std::size_t i = 4; i < 140; ++i) naive += std::fabs(y[i] - y[i - 4]) / 136;
  const auto rows = rows_of(file);
  REQUIRE_EQ(rows.size(), 1 + 35 * 6);
  CHECK(rows[0] == std::vector<std::string>{"sequence", "step", "target", "truth", "prediction"});
  double absolute = 0, square = 0, smape = 0, last = 0, season = 0, second = 0;
  for (std::size_t window = 0; window < 35; ++window)
    for (std::size_t h = 0; h < 6; ++h) {
      const auto& row = rows[1 + window * 6 + h];
      CHECK_EQ(row[0], std::to_string(window));
      CHECK_EQ(row[1], std::to_string(h + 1));
      CHECK_EQ(row[2], "y");
      const double truth = y[160 + window + h], answer = std::stod(row[4]);
      CHECK(std::stod(row[3]) == doctest::Approx(truth).epsilon(1e-6));
      absolute += std::fabs(truth - answer) / 210;
      square += (truth - answer) * (truth - answer) / 210;
      smape += 200 * std::fabs(truth - answer) / (truth + answer) / 210;
      last += std::fabs(truth - y[159 + window]) / 210;
      season += std::fabs(truth - y[160 + window + h - (h < 4 ? 4 : 8)]) / 210;
      if (h == 1) second += std::fabs(truth - answer) / 35;
    }
  const Json& target = document["targets"][0];
  CHECK(target["model"]["mae"] == about(absolute));
  CHECK(target["model"]["rmse"] == about(std::sqrt(square)));
  CHECK(target["model"]["smape"] == about(smape));
  CHECK(target["model"]["mase"] == about(absolute / naive));
  CHECK(target["last_value"]["mae"] == about(last));
  CHECK(target["last_season"]["mae"] == about(season));
  CHECK(season < last / 2);
  CHECK(target["steps"][1]["model"]["mae"] == about(second));
  CHECK_EQ(target["steps"].size(), 6);
  CHECK(document["mase"] == about(absolute / naive));
  // The task's own metrics are in deviations, as ever, and so are the naive forecasts beside them.
  CHECK(document["baselines"]["last_value"]["mae"].get<double>() / document["mae"].get<double>() ==
        about(last / absolute));
  CHECK(document["rmse"] == about(std::sqrt(document["mse"].get<double>())));
  CHECK_FALSE(scored(w, "--set task.season=1")["baselines"].contains("last_season"));
  // A window at the start of the training part has no season before it that is known.
  CHECK_EQ(eval(w, "--split all --set task.season=12").exit_code, 0);
  refused(eval(w, "--set task.season=140"), 2,
          "task.season: must be less than the 140 rows of the training part, got 140");
}

TEST_CASE("eval of a language model: perplexity, and the training's shares") {
  const Workplace w(
      std::string(R"({"task": {"name": "text", "path": "t.txt", "length": 16, "train_fraction": 0.8}, )") + kSmall);
  Random random(1, "letters");
  std::string text;
  for (int i = 0; i < 2000; ++i) text += static_cast<char>('a' + random.below(2 + 14 * (i % 2)));
  write_file(w.folder / "t.txt", text);
  REQUIRE_EQ(w.train().exit_code, 0);
  const std::string file = (w.folder / "p.csv").string();
  const Json document = scored(w, "--predictions " + file);
  CHECK(document["perplexity"] == about(std::exp2(document["bits_per_byte"].get<double>())));
  std::vector<double> counts(256, 1);
  for (int i = 0; i < 1600; ++i) ++counts[static_cast<unsigned char>(text[static_cast<std::size_t>(i)])];
  double bits = 0;
  for (int i = 1601; i < 2000; ++i)
    bits -= std::log2(counts[static_cast<unsigned char>(text[static_cast<std::size_t>(i)])] / 1856) / 399;
  CHECK(document["baselines"]["training_shares"]["bits_per_byte"] == about(bits));
  const auto rows = rows_of(file);
  REQUIRE_EQ(rows.size(), 400);
  double loss = 0;
  for (std::size_t r = 1; r < rows.size(); ++r) {
    CHECK_EQ(rows[r][2], std::to_string(static_cast<unsigned char>(text[1600 + r])));
    loss -= std::log2(std::stod(rows[r][4])) / 399;
  }
  CHECK(document["bits_per_byte"] == about(loss));
}
