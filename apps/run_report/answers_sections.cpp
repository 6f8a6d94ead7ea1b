// An evaluation's document as tables of a page.
#include <algorithm>
#include <cmath>

#include "apps/run_report/run_report.h"
#include "apps/trainer/answers_text.h"
#include "apps/trainer/metrics.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr std::size_t kWidestMatrix = 40;

TableCell figure_cell(const std::string& key, const Json& value) {
  if (!value.is_number()) return {value.is_string() ? value.get<std::string>() : "-"};
  return {metric_text(key, value.get<double>()), value};
}

TableCell share_cell(const Json& one, const char* key) {
  const Json value = one.value(key, Json());
  return value.is_number() ? TableCell{format("%.1f %%", 100 * value.get<double>()), value} : TableCell{"-"};
}

std::string interval_text(const std::string& key, const Json& interval) {
  return figure_cell(key, interval["low"]).text + " to " + figure_cell(key, interval["high"]).text;
}

Json intervals_of(const RunReport& report) { return report.evaluation.value("intervals", Json::object()); }

PageSection confusion_section(const Json& document, const std::string& split) {
  const std::string words = str("Answers of the ", split, " split.");
  if (document.contains("confusion") && document["confusion"]["classes"].size() <= kWidestMatrix) {
    const Json& names = document["confusion"]["classes"];
    PageTable matrix{
        .title = "Confusion matrix",
        .headings = {"label \\ answer"},
        .words = str(words, " A row is a label; the stronger the colour, the larger the share of the row."),
        .kind = PageTable::Kind::matrix};
    for (const Json& name : names) matrix.headings.push_back(name);
    for (std::size_t t = 0; t < names.size(); ++t) {
      auto& row = matrix.rows.emplace_back(std::vector{TableCell{.text = names[t], .heading = true}});
      double all = 0;
      for (const Json& count : document["confusion"]["answers_of_truth"][t]) all += count.get<double>();
      for (const Json& count : document["confusion"]["answers_of_truth"][t])
        row.push_back({grouped(count.get<Index>()), count, all > 0 ? count.get<double>() / all : 0});
    }
    return {"confusion", "Confusion matrix", table_html(matrix)};
  }
  PageTable largest{.title = "Largest confusions", .headings = {"label", "answer", "count"}, .words = words};
  const Json pairs = document.value("largest_confusions", Json::array());
  for (const Json& one : pairs)
    largest.rows.push_back({{.text = one["truth"], .heading = true},
                            {one["prediction"]},
                            {grouped(one["count"].get<Index>()), one["count"]}});
  return {"confusion", "Largest confusions", largest.rows.empty() ? "" : table_html(largest)};
}

PageSection classes_section(const Json& by_class) {
  PageTable table{.title = "By class",
                  .headings = {"class", "answers", "precision", "recall", "F1", "AUROC", "average precision"}};
  for (const Json& one : by_class)
    table.rows.push_back({{.text = one["class"], .heading = true},
                          {grouped(one["support"].get<Index>()), one["support"]},
                          share_cell(one, "precision"),
                          share_cell(one, "recall"),
                          share_cell(one, "f1"),
                          share_cell(one, "auroc"),
                          share_cell(one, "average_precision")});
  return {"classes", "By class", table_html(table)};
}

/// Simple models beside this one, the best first.
PageSection simple_section(const RunReport& report) {
  const Json scores = scores_of(report.evaluation);
  const std::string key = main_metric(scores);
  PageTable table{.title = str("Simple models on the ", report.split, " split"),
                  .headings = {"model"},
                  .words = "Fitted to the same training data (seqtape baselines); with the time that took."};
  std::vector<std::string> keys;
  for (const auto& [one, value] : scores.items())
    if (one != "loss") keys.push_back(one), table.headings.push_back(metric(one).told);
  table.headings.emplace_back("time");
  const auto row = [&](const std::string& name, const Json& of, const Json& seconds) {
    std::vector<TableCell> cells{TableCell{.text = name, .heading = true}};
    for (const std::string& one : keys) cells.push_back(figure_cell(one, of.value(one, Json())));
    cells.push_back(seconds.is_number() ? TableCell{human_seconds(seconds.get<double>()), seconds} : TableCell{"-"});
    return cells;
  };
  std::vector<std::pair<double, std::vector<TableCell>>> rows;
  const double sign = metric(key).higher_is_better ? -1 : 1;
  const auto add = [&](const std::string& name, const Json& of, const Json& seconds) {
    if (of.contains(key) && of[key].is_number())
      rows.emplace_back(sign * of[key].get<double>(), row(name, of, seconds));
  };
  add("this run", scores, Json());
  for (const Json& one : report.simple.at("baselines"))
    if (one.contains(report.split)) add(one["name"], one[report.split], one["seconds"]);
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [order, cells] : rows) table.rows.push_back(std::move(cells));
  return {"simple", "Beside simple models", rows.size() > 1 ? table_html(table) : ""};
}

PageSection quantiles_section(const Json& document) {
  PageTable table{.title = "Intervals",
                  .headings = {"target", "interval", "values within", "mean width", "pinball loss", "CRPS"},
                  .words =
                      "In the data's units. Pinball loss is the mean over the quantiles, CRPS twice that over those "
                      "that are equally spaced."};
  for (const Json& target : document["targets"]) {
    if (!target.contains("quantiles")) continue;
    const Json& quantiles = target["quantiles"];
    for (const Json& one : quantiles["intervals"])
      table.rows.push_back({{.text = target["target"], .heading = true},
                            {format("%.0f %%", 100 * one["coverage"].get<double>()), one["coverage"]},
                            {format("%.1f %%", 100 * one["covered"].get<double>()), one["covered"]},
                            figure_cell("mae", one["width"]),
                            figure_cell("mae", quantiles["pinball"]),
                            figure_cell("mae", quantiles["crps"])});
    table.words += str(" Of ", target["target"].get<std::string>(), " by ", quantiles["from"].get<std::string>(), ".");
  }
  return {"intervals", "Intervals", table.rows.empty() ? "" : table_html(table)};
}

PageSection targets_section(const Json& document) {
  PageTable table{.title = "By target",
                  .headings = {"target", "forecast", "MAE", "RMSE", "MASE", "sMAPE"},
                  .words =
                      "In the data's units, over all steps; MASE below 1 is better than the naive forecast of the "
                      "training part."};
  std::vector<const char*> keys{"mae", "rmse", "mase", "smape"};
  if (!document.contains("season")) {
    table.headings = {"target", "answer", "MAE", "RMSE", "R2", "sMAPE"};
    table.words = "In the data's units; R2 is 1 for exact answers, 0 for the mean of the truths.";
    keys[2] = "r2";
  }
  for (const Json& target : document["targets"]) {
    const auto row = [&](const std::string& who, const std::string& name) {
      auto& cells =
          table.rows.emplace_back(std::vector{TableCell{.text = target["target"], .heading = true}, TableCell{name}});
      for (const char* key : keys) cells.push_back(figure_cell(key, target[who].value(key, Json())));
    };
    row("model", "model");
    for (const auto& [key, baseline] : document["baselines"].items()) row(key, baseline_name(key, baseline));
  }
  return {"targets", "By target", table_html(table)};
}

}  // namespace

std::string Headline::words() const {
  return str(of, interval.empty() ? "" : "; 95 % interval " + interval,
             without_model.empty() ? "" : "; without a model: " + without_model);
}

Headline headline(const RunReport& report) {
  const Json& document = report.evaluation;
  const std::string key = main_metric(document);
  Headline line{metric(key).told, figure_cell(key, document.at(key)).text,
                str("of ", grouped(document.at("n").get<Index>()), " answers, ", report.split, " split")};
  if (const Json intervals = intervals_of(report); intervals.contains(key))
    line.interval = interval_text(key, intervals[key]);
  if (document.contains("baselines")) {
    const std::string text = baselines_text(document["baselines"], key);
    line.without_model = text.substr(text.find(": ") + 2);
  }
  return line;
}

std::string metrics_html(const RunReport& report) {
  const Json& document = report.evaluation;
  const Json baselines = document.value("baselines", Json::object()), intervals = intervals_of(report);
  PageTable table{.title = str("Metrics of the ", report.split, " split"),
                  .headings = {"metric", "model"},
                  .words = str(grouped(document.at("n").get<Index>()), " answers of ",
                               grouped(document.at("sequences").get<Index>()), " sequences, by the model of step ",
                               grouped(document.at("step").get<Index>()), ".")};
  if (!intervals.empty()) table.headings.push_back("95 % interval");
  for (const auto& [name, baseline] : baselines.items()) table.headings.push_back(baseline_name(name, baseline));
  Json scores = scores_of(document);
  if (scores.contains("mse")) scores.erase("loss");  // the same
  for (const auto& [key, value] : scores.items()) {
    auto& row = table.rows.emplace_back(std::vector{TableCell{.text = metric(key).told, .heading = true}});
    row.push_back(figure_cell(key, value));
    if (!intervals.empty()) row.push_back({intervals.contains(key) ? interval_text(key, intervals[key]) : "-"});
    for (const auto& [name, baseline] : baselines.items()) row.push_back(figure_cell(key, baseline.value(key, Json())));
  }
  if (intervals.contains("accuracy"))
    table.words +=
        str(" The interval of the accuracy is ",
            intervals["accuracy"]["method"] == "wilson" ? "Wilson's" : "by a bootstrap over the sequences", ".");
  if (baselines.contains("most_frequent"))
    table.words += format(" Most frequent: always %s, %.1f %% of the training's answers.",
                          baselines["most_frequent"]["class"].get<std::string>().c_str(),
                          100 * baselines["most_frequent"]["of_training_answers"].get<double>());
  if (in_deviations(document))
    table.words += " Squared and absolute error and RMSE are in deviations, of the training part or of what is read.";
  const Json remarks = document.value("remarks", Json::array());
  for (const Json& remark : remarks) table.words += " " + remark.get<std::string>() + ".";
  return table_html(table);
}

std::vector<PageSection> answers_sections(const RunReport& report) {
  const Json& document = report.evaluation;
  std::vector<PageSection> all;
  if (report.simple.is_object()) all.push_back(simple_section(report));
  if (document.contains("by_class")) {
    if (document.contains("largest_confusions")) all.push_back(confusion_section(document, report.split));
    all.push_back(classes_section(document["by_class"]));
  }
  if (document.contains("targets")) {
    all.push_back(targets_section(document));
    all.push_back(quantiles_section(document));
  }
  return all;
}

}  // namespace seqtape
