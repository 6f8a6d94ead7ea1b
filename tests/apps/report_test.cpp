// `report` as its user sees it: what is on the page, against the files of `eval` and the data.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "apps/run_report/examples.h"
#include "core/random.h"
#include "core/strings.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Outcome;
using testing::refused;
using testing::Workplace;

namespace {

constexpr const char* kSmall = R"("model": {"name": "gru", "d_model": 8, "layers": 1},
  "train": {"steps": 6, "batch": 4, "eval_every": 2, "tensorboard": false}})";

/// Trains, reports, and reads the page.
std::string page_of(const Workplace& w) {
  REQUIRE_EQ(w.train().exit_code, 0);
  const Outcome outcome = testing::seqtape("report " + w.run);
  CHECK_EQ(outcome.err, "");
  REQUIRE_EQ(outcome.exit_code, 0);
  return read_file(w.run + "/report.html");
}

/// The numbers behind the charts of a page.
std::vector<Json> charts_of(const std::string& page) {
  constexpr std::string_view kBegin = "<script type=\"application/json\">";
  std::vector<Json> charts;
  for (std::size_t at = page.find(kBegin); at != std::string::npos; at = page.find(kBegin, at + 1)) {
    const std::size_t begin = at + kBegin.size();
    charts.push_back(Json::parse(page.substr(begin, page.find("</script>", begin) - begin)));
  }
  return charts;
}

Json chart_named(const std::string& page, const std::string& title) {
  for (const Json& chart : charts_of(page))
    if (chart["title"] == title) return chart;
  FAIL("there is no chart " << title);
  return {};
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Rows of a CSV file without quotes.
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

}  // namespace

TEST_CASE("report of classes: the figures are eval's, the surest wrong answers are found in the data") {
  const Workplace w(std::string(R"({"task": {"name": "documents", "path": "d.tsv", "classes": 2, "length": 16,
    "validation_fraction": 0.2, "test_fraction": 0.4}, )") +
                    kSmall);
  Random random(3, "documents");
  std::vector<std::string> labels;
  std::string lines;
  for (int i = 0; i < 120; ++i) {
    labels.push_back(i % 2 ? "<b>" : "&c");
    lines += labels.back() + "\t";
    for (int k = 0; k < 10; ++k) lines += static_cast<char>('a' + random.below(4));
    lines += "\n";
  }
  write_file(w.folder / "d.tsv", lines);
  const std::string page = page_of(w);
  const std::string answers = (w.folder / "answers.csv").string();
  const Outcome eval = testing::seqtape("eval " + w.run + " --split test --json --predictions " + answers);
  const Json document = Json::parse(eval.out);
  for (const char* key : {"loss", "accuracy", "balanced_accuracy", "macro_f1", "auroc"})
    CHECK_MESSAGE(holds(page, "data-sort=\"" + document[key].dump() + "\""), key);
  CHECK(holds(page, format("%.1f %% to %.1f %%", 100 * document["intervals"]["accuracy"]["low"].get<double>(),
                           100 * document["intervals"]["accuracy"]["high"].get<double>())));

  // The confusion matrix, row by row: the counts of eval.
  std::vector<std::string> counts, shown;
  for (const Json& row : document["confusion"]["answers_of_truth"])
    for (const Json& count : row) counts.push_back(count.dump());
  REQUIRE_EQ(counts.size(), 4);
  const std::size_t matrix = page.find("data-title=\"Confusion matrix\"");
  REQUIRE(matrix != std::string::npos);
  const std::string shaded = "data-sort=\"";
  for (std::size_t at = matrix; shown.size() < counts.size();) {
    at = page.find("class=\"shaded\"", at);
    REQUIRE(at != std::string::npos);
    at = page.find(shaded, at) + shaded.size();
    shown.push_back(page.substr(at, page.find('"', at) - at));
  }
  CHECK_EQ(shown, counts);

  // Names are text; nothing of the page is loaded.
  CHECK(holds(page, "&lt;b&gt;"));
  CHECK_FALSE(holds(page, "<b>"));
  CHECK(holds(page, "default-src 'none'"));

  // The surest wrong answer of the file is the first one of the page, and its line has the label.
  double surest = 0;
  for (const auto& row : rows_of(answers))
    if (row[0] != "sequence" && row[1] != row[2]) surest = std::max({surest, std::stod(row[3]), std::stod(row[4])});
  REQUIRE(surest > 0);
  const std::size_t table = page.find("data-title=\"Surest wrong answers\"");
  REQUIRE(table != std::string::npos);
  std::size_t place = page.find("data-sort=\"d.tsv:", table);
  REQUIRE(place != std::string::npos);
  CHECK(holds(page.substr(place, 600), format("%.1f %%", 100 * surest)));
  for (; place != std::string::npos; place = page.find("data-sort=\"d.tsv:", place + 1)) {
    const auto line = static_cast<std::size_t>(std::stoi(page.substr(place + 17)));
    CHECK(holds(page.substr(place, 600), labels[line - 1] == "<b>" ? "<td data-sort=\"&lt;b&gt;\">&lt;b&gt;</td>"
                                                                   : "<td data-sort=\"&amp;c\">&amp;c</td>"));
  }
}

TEST_CASE("report of forecasts: history, truth, forecast and the naive one in units, with dates") {
  const Workplace w(std::string(R"({"task": {"name": "series", "path": "s.csv", "time": "month", "columns": ["sold"],
    "targets": ["sold"], "length": 12, "horizon": 3, "season": 4, "train_fraction": 0.5, "test_fraction": 0.3}, )") +
                    kSmall);
  std::string csv = "month,sold\n";
  std::vector<double> sold;
  Random random(5, "sold");
  for (int i = 0; i < 100; ++i) {
    sold.push_back(1000 + 50 * (i % 4) + static_cast<double>(random.below(100)));
    csv += format("%d-%02d,%.0f\n", 2000 + i / 12, i % 12 + 1, sold.back());
  }
  write_file(w.folder / "s.csv", csv);
  const std::string page = page_of(w);
  const std::string answers = (w.folder / "answers.csv").string();
  REQUIRE_EQ(testing::seqtape("eval " + w.run + " --split test --predictions " + answers).exit_code, 0);
  const auto rows = rows_of(answers);

  const Json chart = chart_named(page, "sold from 2005-11");  // row 70, the first of the test part
  REQUIRE_EQ(chart["curves"].size(), 5);
  const Json &came = chart["curves"][0], &forecast = chart["curves"][1], &low = chart["curves"][2],
             &high = chart["curves"][3], &naive = chart["curves"][4];
  const auto& texts = chart["labels"]["texts"];
  REQUIRE_EQ(came["x"].size(), texts.size());
  for (std::size_t i = 0; i < came["x"].size(); ++i) {
    const int row = 69 + came["x"][i].get<int>();  // x = 0 is the last row that was read
    CHECK_EQ(texts[i], format("%d-%02d", 2000 + row / 12, row % 12 + 1));
    CHECK(came["y"][i].get<double>() == doctest::Approx(sold[static_cast<std::size_t>(row)]).epsilon(1e-5));
  }
  for (std::size_t h = 0; h < 3; ++h) {
    CHECK_EQ(forecast["x"][h], h + 1);
    CHECK(forecast["y"][h].get<double>() == doctest::Approx(std::stod(rows[1 + h][4])).epsilon(1e-5));
    CHECK(low["y"][h].get<double>() < forecast["y"][h].get<double>());
    CHECK(low["y"][h].get<double>() + high["y"][h].get<double>() ==
          doctest::Approx(2 * forecast["y"][h].get<double>()).epsilon(1e-4));
    CHECK(naive["y"][h].get<double>() == doctest::Approx(sold[66 + h]).epsilon(1e-5));
  }
  CHECK_EQ(chart_named(page, "Absolute error of sold")["curves"].size(), 3);
}

TEST_CASE("report of a language model: its texts are generate's, positions weigh up to the bits of eval") {
  const Workplace w(std::string(R"({"task": {"name": "text", "path": "t.txt", "length": 64, "train_fraction": 0.5,
    "test_fraction": 0.3}, )") +
                    kSmall);
  Random random(7, "text");
  std::string text;
  for (int i = 0; i < 3000; ++i) text += static_cast<char>('a' + random.below(20));
  write_file(w.folder / "t.txt", text);
  const std::string page = page_of(w);
  const std::string prompt = text.substr(2100, 64);
  const Outcome written =
      testing::seqtape("generate " + w.run + " --prompt " + prompt + " --tokens 240 --temperature 0.8 --seed 1");
  REQUIRE_EQ(written.exit_code, 0);
  const std::string shown = "<span class=\"given\">" + prompt + "</span>";
  REQUIRE(holds(page, shown));
  // What is no character is shown as an escape, and < and & as HTML has them.
  const std::size_t at = page.find(shown) + shown.size();
  std::string expected = printable_text(written.out.substr(64, 240));
  std::string html;
  for (const char c : expected)
    html += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  CHECK_EQ(page.substr(at, html.size()), html);

  const Json eval = Json::parse(testing::seqtape("eval " + w.run + " --split test --json").out);
  const Json curve = chart_named(page, "Bits per byte by position")["curves"][0];
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < curve["x"].size(); ++i) {
    const int from = curve["x"][i], to = i + 1 < curve["x"].size() ? curve["x"][i + 1].get<int>() : 65;
    for (int read = from; read < to; ++read) {
      const int windows = 899 / 64 + (read <= 899 % 64 ? 1 : 0);  // the last one is shorter
      sum += windows * curve["y"][i].get<double>();
      count += windows;
    }
  }
  CHECK_EQ(count, eval["n"].get<double>());
  CHECK(sum / count == doctest::Approx(eval["bits_per_byte"].get<double>()).epsilon(1e-3));
  CHECK(holds(page, "Hardest passages"));
}

TEST_CASE("report of several runs, of one without a checkpoint, of one that diverged, and what is refused") {
  const Workplace w;
  REQUIRE_EQ(w.train().exit_code, 0);
  const std::string other = (w.folder / "other").string(), page = (w.folder / "both.html").string();
  REQUIRE_EQ(testing::seqtape("train " + w.config + " --out " + other + " --set model.d_state=8").exit_code, 0);
  refused(testing::seqtape("report " + w.run + " " + other), 2,
          "--out: of several runs the page needs a name: --out runs.html");
  REQUIRE_EQ(testing::seqtape("report " + w.run + " " + other + " --out " + page).exit_code, 0);
  const Json losses = chart_named(read_file(page), "validation: loss, by step");
  REQUIRE_EQ(losses["curves"].size(), 2);
  CHECK_EQ(losses["curves"][0]["name"], "run");
  CHECK_EQ(losses["curves"][1]["name"], "other");
  CHECK_NE(losses["curves"][0]["stroke"], losses["curves"][1]["stroke"]);

  // A checkpoint is a run at that step; the page goes into the run's folder.
  REQUIRE_EQ(testing::seqtape("report " + w.run + "/checkpoints/step-00000015").exit_code, 0);
  CHECK(holds(read_file(w.run + "/report.html"), "by the model of step 15."));
  // A run with a page may still be resumed and replaced.
  CHECK_EQ(w.train("--resume").exit_code, 0);
  CHECK_EQ(w.train("--force").exit_code, 0);

  std::filesystem::remove_all(other + "/checkpoints");
  std::filesystem::create_directory(other + "/checkpoints");
  const Outcome begun = testing::seqtape("report " + other);
  CHECK_EQ(begun.exit_code, 0);
  CHECK(holds(begun.out, "no checkpoint yet, its curves alone"));
  CHECK(holds(read_file(other + "/report.html"), "The run has no checkpoint yet"));
  CHECK_FALSE(charts_of(read_file(other + "/report.html")).empty());
  std::filesystem::remove(other + "/metrics.jsonl");
  refused(testing::seqtape("report " + other), 2,
          other + ": the run has neither a checkpoint nor a line of metrics yet");

  CHECK_EQ(w.train("--force --set optimizer.lr=1e30 --set train.on_nan=skip --set optimizer.clip_norm=0").exit_code, 0);
  const Outcome diverged = testing::seqtape("report " + w.run);
  CHECK_EQ(diverged.exit_code, 0);
  CHECK(holds(read_file(w.run + "/report.html"), "its training diverged"));

  refused(testing::seqtape("report " + w.folder.path().string()), 2,
          w.folder.path().string() + ": is neither a run folder nor a checkpoint of one");
  refused(testing::seqtape("report " + w.run + " --out page.txt"), 2, "--out: must end in .html, got \"page.txt\"");
  refused(testing::seqtape("report " + w.run + " --split some"), 2,
          "--split: must be train, validation or test, got \"some\"");
}

TEST_CASE("examples of a stream: some at equal distances, the greatest in order, and curves that are thinned") {
  Spread<int> some(8);
  for (int i = 0; i < 1000; ++i) some.offer([&] { return i; });
  const std::vector<int>& kept = some.kept();
  CHECK(kept.size() > 4);
  CHECK(kept.size() <= 8);
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK_EQ(kept[i], 128 * static_cast<int>(i));

  Greatest<int> greatest(3);
  for (const int value : {4, 9, 1, 9, 7, 2}) greatest.add(value, value);
  REQUIRE_EQ(greatest.kept().size(), 3);
  CHECK_EQ(greatest.kept()[0].second, 9);
  CHECK_EQ(greatest.kept()[2].second, 7);

  Curve curve{"c"};
  for (int i = 0; i < 5000; ++i) {
    curve.x.push_back(i);
    curve.y.push_back(i == 3210 ? 50 : i == 17 ? -50 : i % 7);
  }
  const std::string html = figure_html({curve}, {.title = "t</script>", .x_name = "x", .y_name = "y"}, "");
  const std::vector<Json> charts = charts_of(html);
  REQUIRE_EQ(charts.size(), 1);
  CHECK_EQ(charts[0]["title"], "t</script>");
  const auto& ys = charts[0]["curves"][0]["y"];
  CHECK(ys.size() <= 1000);
  CHECK(std::is_sorted(charts[0]["curves"][0]["x"].begin(), charts[0]["curves"][0]["x"].end()));
  CHECK_EQ(*std::max_element(ys.begin(), ys.end()), 50);
  CHECK_EQ(*std::min_element(ys.begin(), ys.end()), -50);
  CHECK(holds(html, "Of 5,000 points"));
}
