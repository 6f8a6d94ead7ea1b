// The page of a comparison: what is on it. How it is written is in comparison.html.
#include <algorithm>
#include <cmath>

#include "apps/compare/results.h"
#include "apps/compare/scaling.h"
#include "apps/inspect/inspect.h"
#include "apps/report/figure.h"
#include "apps/report/statistics.h"
#include "core/error.h"
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/apps/compare/comparison.html.h"

namespace seqtape {
namespace {

const Parts& page_parts() {
  static const Parts parts(embedded::comparison_html);
  return parts;
}

std::string simple_models(const Json& results) {
  const auto rows = simple_rows(results);
  if (rows.empty()) return "";
  PageTable table{
      .title = "Simple models on the same data",
      .headings = rows[0],
      .words = "Fitted once, without tuning but for a penalty that validation chooses (seqtape baselines)."};
  for (std::size_t i = 1; i < rows.size(); ++i)
    table.rows.push_back({{.text = rows[i][0], .heading = true}, {rows[i][1]}, {rows[i][2]}});
  return table_html(table);
}

std::string members_table(const Json& results) {
  PageTable table{
      .title = "Results",
      .headings = {"model", score_name(results), "range", "failed", "parameters", "state", "trained tokens/s",
                   "generated tokens/s", "peak memory", "training"},
      .words =
          "Medians over the seeds, and the range from the worst to the best. State: what a model keeps of one "
          "sequence at the training length, in bytes. Generated: one sequence, a step at a time.",
      .kind = PageTable::Kind::sorts};
  for (const Json& member : ranking(results)) {
    const bool any = member["median"].is_number();
    const auto value = [&](const char* key) {
      return any && member[key].is_number() ? result_text(results, member[key].get<double>()) : std::string("-");
    };
    const auto count = [&](const char* key) {
      return member.contains(key) && member[key].is_number() ? grouped(std::llround(member[key].get<double>())) : "-";
    };
    const auto bytes = [&](const char* key) {
      return member.contains(key) && member[key].is_number() ? human_bytes(member[key].get<double>()) : "-";
    };
    const auto cell = [](const std::string& text, const Json& value) { return TableCell{text, value}; };
    table.rows.push_back(
        {cell(member["label"], member["label"]), cell(value("median"), member["median"]),
         cell(member["finished"] > 1 ? value("worst") + " to " + value("best") : "one seed", member["worst"]),
         cell(str(member["failed"].dump(), " of ", member["runs"].size()), member["failed"]),
         cell(count("parameters"), member["parameters"]),
         cell(bytes("state_bytes"), member.value("state_bytes", Json())),
         cell(count("tokens_per_second"), member["tokens_per_second"]),
         cell(count("generates_per_second"), member.value("generates_per_second", Json())),
         cell(bytes("peak_bytes"), member["peak_bytes"]),
         cell(member["seconds"].is_number() ? human_seconds(member["seconds"].get<double>()) : "-",
              member["seconds"])});
  }
  return table_html(table);
}

/// A chart of the curves that have points, if there are any.
std::string figure(const std::vector<Curve>& curves, const ChartOptions& options, const std::string& words) {
  std::vector<Curve> drawn;
  for (const Curve& curve : curves)
    if (!curve.x.empty()) drawn.push_back(curve);
  if (drawn.empty()) return "";
  return figure_html(std::move(drawn), options, words);
}

/// A member's colour is its place in the plan, in every chart.
std::size_t colour_of(const Json& results, const std::string& label) {
  std::size_t place = 0;
  for (const Json& member : results["members"]) {
    if (member["label"] == label) break;
    ++place;
  }
  return place;
}

Curve curve_for(const Json& results, const Json& member) {
  Curve curve{member["label"].get<std::string>()};
  curve.colour = colour_of(results, curve.name);
  return curve;
}

/// Each member's learning curve: the median over its seeds.
std::vector<Curve> learning_curves(const Json& results, const ComparisonFolder& folder, const std::string& x) {
  std::vector<Curve> curves;
  for (const Json& member : ranking(results)) {
    std::vector<Curve> seeds;
    for (const Json& run : member["runs"])
      if (run["finished"].get<bool>() && !run.contains("failure"))
        seeds.push_back(read_curve(folder.run(run["name"].get<std::string>()),
                                   {.metric = results["metric"].get<std::string>(), .x = x == "seconds" ? x : "step"}));
    if (seeds.empty()) continue;
    Curve curve = curve_for(results, member);
    for (std::size_t i = 0; i < seeds[0].x.size(); ++i) {
      std::vector<double> xs, ys;
      for (const Curve& seed : seeds)
        if (i < seed.x.size()) xs.push_back(seed.x[i]), ys.push_back(seed.y[i]);
      curve.x.push_back(median(xs) * (x == "tokens" ? member.value("tokens_a_step", 1.0) : 1));
      curve.y.push_back(median(ys));
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::vector<Curve> length_curves(const Json& results) {
  std::vector<Curve> curves;
  for (const Json& member : ranking(results)) {
    Curve curve = curve_for(results, member);
    for (std::size_t i = 0;; ++i) {
      std::vector<double> values;
      double length = 0;
      for (const Json& run : member["runs"])
        if (run.contains("lengths") && i < run["lengths"].size()) {
          length = run["lengths"][i]["length"];
          if (run["lengths"][i].value("value", Json()).is_number()) values.push_back(run["lengths"][i]["value"]);
        }
      if (length == 0) break;
      if (values.empty()) continue;
      curve.x.push_back(length);
      curve.y.push_back(median(values));
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::string outcome(const Json& results, const Json& run) {
  if (run.contains("failure"))
    return page_parts().part("failed", {{"failure", escaped_html(run["failure"].get<std::string>())},
                                        {"name", escaped_html(run["name"].get<std::string>())}});
  if (run["finished"].get<bool>() && run["value"].is_number())
    return escaped_html(result_text(results, run["value"].get<double>()));
  return "not finished";
}

std::string runs_list(const Json& results) {
  std::string members;
  for (const Json& member : ranking(results)) {
    std::string runs;
    for (const Json& run : member["runs"])
      runs += page_parts().lines(
          "run", {{"name", escaped_html(run["name"].get<std::string>())}, {"outcome", outcome(results, run)}});
    members += page_parts().lines("member", {{"label", escaped_html(member["label"].get<std::string>())},
                                             {"runs", runs},
                                             {"config", escaped_html(member["config"].dump(2))}});
  }
  return members;
}

}  // namespace

std::string results_html(const Json& results, const ComparisonFolder& folder) {
  const std::string metric = results.value("metric", "");
  std::string lead;
  std::vector<PageSection> sections;
  if (!results["members"].empty() && results.contains("verdict"))
    lead = page_parts().lines("verdict", {{"verdict", escaped_html(results["verdict"].get<std::string>())}});
  lead += page_parts().lines("made", {{"machine", escaped_html(results["machine"].get<std::string>())},
                                      {"version", escaped_html(results.value("version", ""))}});
  if (!results["members"].empty()) {
    sections.push_back({"results", "Results", members_table(results) + simple_models(results)});
    std::string figures;
    for (const auto& [x, name] : {std::pair<const char*, const char*>{"step", "steps"},
                                  {"tokens", "tokens"},
                                  {"seconds", "seconds of training"}})
      figures += figure(learning_curves(results, folder, x),
                        {.title = str(metric, " over ", name), .x_name = name, .y_name = metric},
                        str("Validation ", metric, " over ", name, ", median over the seeds."));
    sections.push_back({"learning", "Learning", figures_html(figures)});
    const auto lengths = length_curves(results);
    const double trained = results["members"][0].value("length", 0.0);
    sections.push_back({"longer", "Longer than in training",
                        figure(lengths,
                               {.title = metric + " over the length tested",
                                .x_name = "steps of a sequence",
                                .y_name = metric,
                                .log_x = true,
                                .points = true,
                                .mark_x = trained,
                                .mark_name = "training length"},
                               "Tested on sequences of each length; a line that ends could not be tested further.")});
  }
  std::vector<Inspection> inspections;
  for (const Json& member : results["members"])
    if (member.contains("inside") && member["inside"].is_object()) {
      const std::string label = member["label"].get<std::string>();
      inspections.push_back({label, member["inside"], colour_of(results, label)});
    }
  sections.push_back({"inside", "A look inside", figures_html(inspection_figures(inspections))});
  if (results.contains("scaling"))
    sections.push_back({"growth", "Growth with length", scaling_html(results["scaling"])});
  if (!results["members"].empty()) sections.push_back({"runs", "Runs", runs_list(results)});
  return page_html(results["title"].get<std::string>(), lead, sections_html(sections));
}

}  // namespace seqtape
