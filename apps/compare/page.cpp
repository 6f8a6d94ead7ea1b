// The page of a comparison: one file, no network, light and dark, for a phone as well.
#include <algorithm>
#include <cmath>

#include "apps/compare/results.h"
#include "apps/compare/scaling.h"
#include "apps/inside/inside.h"
#include "apps/report/curve.h"
#include "apps/report/statistics.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr const char* kStyle = R"css(
:root{color-scheme:light dark;--ink:#1c1e21;--paper:#fff;--line:#d8dbe0;--soft:#5b616b;--first:#eaf3ff}
@media(prefers-color-scheme:dark){:root{--ink:#e4e6ea;--paper:#16181c;--line:#3a3f47;--soft:#a4abb6;--first:#1d2a3d}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1.5rem 1rem 4rem;font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.2rem;margin:2.5rem 0 .5rem}
.verdict{font-size:1.15rem;padding:1rem 1.2rem;border-left:4px solid #2a78d6;background:var(--first)}
.soft{color:var(--soft)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .5rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
th button{all:unset;cursor:pointer;font-weight:600}th button:focus-visible{outline:2px solid #2a78d6}
tbody tr:first-child{background:var(--first)}
svg{width:100%;height:auto;max-width:46rem;background:var(--paper)!important}
details{border-bottom:1px solid var(--line);padding:.4rem 0}summary{cursor:pointer}
pre{overflow-x:auto;font-size:.8rem;line-height:1.35}
.bad{color:#c22f3d}@media(prefers-color-scheme:dark){.bad{color:#ff8a95}}
a{color:#1f63b5}@media(prefers-color-scheme:dark){a{color:#8ab8f5}}
)css";

// Sorts a table by a column; a second press turns it round.
constexpr const char* kScript = R"js(
document.querySelectorAll("table.sorts th button").forEach(function(button){
  button.addEventListener("click",function(){
    var head=button.closest("th"),table=button.closest("table"),body=table.tBodies[0];
    var at=Array.prototype.indexOf.call(head.parentNode.children,head);
    var up=head.getAttribute("aria-sort")!=="ascending";
    table.querySelectorAll("th").forEach(function(th){th.removeAttribute("aria-sort")});
    head.setAttribute("aria-sort",up?"ascending":"descending");
    var key=function(row){var v=row.cells[at].dataset.sort;return v===""?NaN:isNaN(v)?v:+v};
    Array.prototype.slice.call(body.rows).sort(function(a,b){
      var x=key(a),y=key(b);if(x!==x)return 1;if(y!==y)return -1;
      return (x<y?-1:x>y?1:0)*(up?1:-1)}).forEach(function(row){body.appendChild(row)});
  });
});
)js";

std::string cell(const std::string& text, const Json& sort) {
  const std::string key = sort.is_number() ? sort.dump() : sort.is_string() ? sort.get<std::string>() : "";
  return str("<td data-sort=\"", escaped_html(key), "\">", escaped_html(text), "</td>");
}

std::string table(const Json& results) {
  std::string html =
      "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Results\"><table class=\"sorts\"><thead><tr>";
  for (const std::string& heading :
       {std::string("model"), score_name(results), std::string("range"), std::string("failed"),
        std::string("parameters"), std::string("state"), std::string("trained tokens/s"),
        std::string("generated tokens/s"), std::string("peak memory"), std::string("training")})
    html += str("<th scope=\"col\"><button type=\"button\">", escaped_html(heading), "</button></th>");
  html += "</tr></thead><tbody>\n";
  for (const Json& member : ranking(results)) {
    const bool any = member["median"].is_number();
    const auto value = [&](const char* key) {
      return any && member[key].is_number() ? metric_text(results, member[key].get<double>()) : std::string("-");
    };
    const auto count = [&](const char* key) {
      return member.contains(key) && member[key].is_number() ? grouped(std::llround(member[key].get<double>())) : "-";
    };
    const auto bytes = [&](const char* key) {
      return member.contains(key) && member[key].is_number() ? human_bytes(member[key].get<double>()) : "-";
    };
    html +=
        "<tr>" + cell(member["label"], member["label"]) + cell(value("median"), member["median"]) +
        cell(member["finished"] > 1 ? value("worst") + " to " + value("best") : "one seed", member["worst"]) +
        cell(str(member["failed"].dump(), " of ", member["runs"].size()), member["failed"]) +
        cell(count("parameters"), member["parameters"]) +
        cell(bytes("state_bytes"), member.value("state_bytes", Json())) +
        cell(count("tokens_per_second"), member["tokens_per_second"]) +
        cell(count("generates_per_second"), member.value("generates_per_second", Json())) +
        cell(bytes("peak_bytes"), member["peak_bytes"]) +
        cell(member["seconds"].is_number() ? human_seconds(member["seconds"].get<double>()) : "-", member["seconds"]) +
        "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

/// A chart with the words that say what it shows, for those who do not see it.
std::string figure(const std::vector<Curve>& curves, const ChartOptions& options, const std::string& words) {
  std::vector<Curve> drawn;
  for (const Curve& curve : curves)
    if (!curve.x.empty()) drawn.push_back(curve);
  if (drawn.empty()) return "";
  return str("<figure style=\"margin:1rem 0\">", svg_chart(drawn, options), "<figcaption class=\"soft\">",
             escaped_html(words), "</figcaption></figure>\n");
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

std::string runs_list(const Json& results) {
  std::string html;
  for (const Json& member : ranking(results)) {
    html += str("<details><summary>", escaped_html(member["label"].get<std::string>()), "</summary><ul>\n");
    for (const Json& run : member["runs"]) {
      const std::string name = escaped_html(run["name"].get<std::string>());
      html += str("<li><a href=\"runs/", name, "/\">runs/", name, "</a>");
      if (run.contains("failure"))
        html += str(" <span class=\"bad\">failed: ", escaped_html(run["failure"].get<std::string>()),
                    "</span>, <a href=\"logs/", name, ".txt\">log</a>");
      else if (run["finished"].get<bool>() && run["value"].is_number())
        html += " " + escaped_html(metric_text(results, run["value"].get<double>()));
      else
        html += " not finished";
      html += "</li>\n";
    }
    html += str("</ul><pre tabindex=\"0\">", escaped_html(member["config"].dump(2)), "</pre></details>\n");
  }
  return html;
}

}  // namespace

std::string results_html(const Json& results, const ComparisonFolder& folder) {
  const std::string title = escaped_html(results["title"].get<std::string>()), metric = results.value("metric", "");
  std::string html =
      str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
          "content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" href=\"data:,\"><title>",
          title, "</title><style>", kStyle, "</style></head><body><main>\n<h1>", title, "</h1>\n");
  if (!results["members"].empty() && results.contains("verdict"))
    html += str("<p class=\"verdict\">", escaped_html(results["verdict"].get<std::string>()), "</p>\n");
  html += str("<p class=\"soft\">", escaped_html(results["machine"].get<std::string>()), "; ",
              escaped_html(results.value("version", "")), ".</p>\n");
  if (!results["members"].empty()) {
    html += "<h2>Results</h2>\n" + table(results);
    html +=
        "<p class=\"soft\">Medians over the seeds, and the range from the worst to the best. State: what a model keeps "
        "of one "
        "sequence at the training length, in bytes. Generated: one sequence, a step at a time.</p>\n";
    html += "<h2>Learning</h2>\n";
    for (const auto& [x, name] : {std::pair<const char*, const char*>{"step", "steps"},
                                  {"tokens", "tokens"},
                                  {"seconds", "seconds of training"}})
      html += figure(learning_curves(results, folder, x),
                     {.title = str(metric, " over ", name), .x_name = name, .y_name = metric},
                     str("Validation ", metric, " over ", name, ", median over the seeds."));
    const auto lengths = length_curves(results);
    const double trained = results["members"][0].value("length", 0.0);
    if (std::any_of(lengths.begin(), lengths.end(), [](const Curve& curve) { return !curve.x.empty(); }))
      html += "<h2>Longer than in training</h2>\n" +
              figure(lengths,
                     {.title = metric + " over the length tested",
                      .x_name = "steps of a sequence",
                      .y_name = metric,
                      .log_x = true,
                      .points = true,
                      .mark_x = trained,
                      .mark_name = "training length"},
                     "Tested on sequences of each length; a line that ends could not be tested further.");
  }
  std::vector<Look> looks;
  for (const Json& member : results["members"])
    if (member.contains("inside") && member["inside"].is_object()) {
      const std::string label = member["label"].get<std::string>();
      looks.push_back({label, member["inside"], colour_of(results, label)});
    }
  html += inside_html(looks);
  if (results.contains("scaling")) html += scaling_html(results["scaling"]);
  if (!results["members"].empty()) html += "<h2>Runs</h2>\n" + runs_list(results);
  return html + str("</main><script>", kScript, "</script></body></html>\n");
}

}  // namespace seqtape
