// The page of a comparison: what is on it. How it is written is in page.html.
#include <algorithm>
#include <cmath>

#include "apps/compare/results.h"
#include "apps/compare/scaling.h"
#include "apps/inspect/inspect.h"
#include "apps/report/curve.h"
#include "apps/report/statistics.h"
#include "core/error.h"
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/apps/compare/page.css.h"
#include "embedded/apps/compare/page.html.h"
#include "embedded/apps/compare/page.js.h"

namespace seqtape {
namespace {

const Parts& page_parts() {
  static const Parts parts(embedded::page_html);
  return parts;
}

std::string cell(const std::string& text, const Json& sort) {
  const std::string key = sort.is_number() ? sort.dump() : sort.is_string() ? sort.get<std::string>() : "";
  return page_parts().part("cell", {{"sort", escaped_html(key)}, {"text", escaped_html(text)}});
}

std::string table(const Json& results) {
  std::string headings, rows;
  for (const std::string& heading :
       {std::string("model"), score_name(results), std::string("range"), std::string("failed"),
        std::string("parameters"), std::string("state"), std::string("trained tokens/s"),
        std::string("generated tokens/s"), std::string("peak memory"), std::string("training")})
    headings += page_parts().part("heading", {{"name", escaped_html(heading)}});
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
    const std::string cells =
        cell(member["label"], member["label"]) + cell(value("median"), member["median"]) +
        cell(member["finished"] > 1 ? value("worst") + " to " + value("best") : "one seed", member["worst"]) +
        cell(str(member["failed"].dump(), " of ", member["runs"].size()), member["failed"]) +
        cell(count("parameters"), member["parameters"]) +
        cell(bytes("state_bytes"), member.value("state_bytes", Json())) +
        cell(count("tokens_per_second"), member["tokens_per_second"]) +
        cell(count("generates_per_second"), member.value("generates_per_second", Json())) +
        cell(bytes("peak_bytes"), member["peak_bytes"]) +
        cell(member["seconds"].is_number() ? human_seconds(member["seconds"].get<double>()) : "-", member["seconds"]);
    rows += page_parts().lines("row", {{"cells", cells}});
  }
  return page_parts().lines("results", {{"headings", headings}, {"rows", rows}});
}

/// A chart of the curves that have points, if there are any.
std::string figure(const std::vector<Curve>& curves, const ChartOptions& options, const std::string& words) {
  std::vector<Curve> drawn;
  for (const Curve& curve : curves)
    if (!curve.x.empty()) drawn.push_back(curve);
  if (drawn.empty()) return "";
  return figure_html(svg_chart(drawn, options), words);
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
  return page_parts().lines("runs", {{"members", members}});
}

}  // namespace

std::string results_html(const Json& results, const ComparisonFolder& folder) {
  const std::string metric = results.value("metric", "");
  std::string verdict, sections;
  if (!results["members"].empty() && results.contains("verdict"))
    verdict = page_parts().lines("verdict", {{"verdict", escaped_html(results["verdict"].get<std::string>())}});
  if (!results["members"].empty()) {
    sections += table(results);
    std::string figures;
    for (const auto& [x, name] : {std::pair<const char*, const char*>{"step", "steps"},
                                  {"tokens", "tokens"},
                                  {"seconds", "seconds of training"}})
      figures += figure(learning_curves(results, folder, x),
                        {.title = str(metric, " over ", name), .x_name = name, .y_name = metric},
                        str("Validation ", metric, " over ", name, ", median over the seeds."));
    sections += page_parts().lines("learning", {{"figures", figures}});
    const auto lengths = length_curves(results);
    const double trained = results["members"][0].value("length", 0.0);
    const std::string longer =
        figure(lengths,
               {.title = metric + " over the length tested",
                .x_name = "steps of a sequence",
                .y_name = metric,
                .log_x = true,
                .points = true,
                .mark_x = trained,
                .mark_name = "training length"},
               "Tested on sequences of each length; a line that ends could not be tested further.");
    if (!longer.empty()) sections += page_parts().lines("lengths", {{"figure", longer}});
  }
  std::vector<Inspection> inspections;
  for (const Json& member : results["members"])
    if (member.contains("inside") && member["inside"].is_object()) {
      const std::string label = member["label"].get<std::string>();
      inspections.push_back({label, member["inside"], colour_of(results, label)});
    }
  if (!inspections.empty()) sections += page_parts().lines("inside", {{"figures", inspection_figures(inspections)}});
  if (results.contains("scaling")) sections += scaling_html(results["scaling"]);
  if (!results["members"].empty()) sections += runs_list(results);
  return page_parts().lines("page", {{"title", escaped_html(results["title"].get<std::string>())},
                                     {"style", std::string(embedded::page_css)},
                                     {"script", std::string(embedded::page_js)},
                                     {"verdict", verdict},
                                     {"machine", escaped_html(results["machine"].get<std::string>())},
                                     {"version", escaped_html(results.value("version", ""))},
                                     {"sections", sections}});
}

}  // namespace seqtape
