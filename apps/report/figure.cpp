#include "apps/report/figure.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/parts.h"
#include "core/strings.h"
#include "embedded/apps/report/chart.js.h"
#include "embedded/apps/report/page.css.h"
#include "embedded/apps/report/page.html.h"
#include "embedded/apps/report/page.js.h"
#include "embedded/third_party/uplot/LICENSE.h"
#include "embedded/third_party/uplot/uPlot.iife.min.js.h"
#include "embedded/third_party/uplot/uPlot.min.css.h"

namespace seqtape {
namespace {

constexpr std::size_t kMostPoints = 1000;

const Parts& page_parts() {
  static const Parts parts(embedded::page_html);
  return parts;
}

/// Thins a curve; false when it has few points anyway.
bool thin(Curve& curve) {
  const std::size_t points = curve.x.size(), stretches = kMostPoints / 2;
  if (points <= kMostPoints) return false;
  Curve kept;
  for (std::size_t s = 0; s < stretches; ++s) {
    const auto begin = curve.y.begin() + static_cast<std::ptrdiff_t>(s * points / stretches);
    const auto end = curve.y.begin() + static_cast<std::ptrdiff_t>((s + 1) * points / stretches);
    auto [first, second] = std::minmax_element(begin, end);
    if (second < first) std::swap(first, second);
    for (const auto at : {first, second}) {
      if (at == second && first == second) break;
      kept.x.push_back(curve.x[static_cast<std::size_t>(at - curve.y.begin())]);
      kept.y.push_back(*at);
    }
  }
  curve.x = std::move(kept.x);
  curve.y = std::move(kept.y);
  return true;
}

/// With the digits that a chart can show.
Json short_numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) {
    const double six = std::strtod(format("%.6g", value).c_str(), nullptr);
    if (six == std::floor(six) && std::fabs(six) < 1e15)
      list.push_back(static_cast<std::int64_t>(six));
    else
      list.push_back(json_number(six));
  }
  return list;
}

/// JSON within HTML: nothing in it ends the script.
std::string script_json(const Json& json) {
  std::string out;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace))
    out += c == '<' ? "\\u003c" : std::string(1, c);
  return out;
}

Json chart_json(const std::vector<Curve>& curves, const ChartOptions& options) {
  Json json = {{"title", options.title}, {"x", options.x_name}, {"y", options.y_name}};
  if (options.log_x) json["logX"] = true;
  if (options.log_y) json["logY"] = true;
  if (options.points) json["points"] = true;
  if (!options.mark_name.empty()) json["mark"] = {{"x", options.mark_x}, {"name", options.mark_name}};
  if (!options.labels.empty()) json["labels"] = {{"from", options.labels_from}, {"texts", options.labels}};
  for (std::size_t i = 0; i < curves.size(); ++i) {
    Json curve = {{"name", curves[i].name}, {"stroke", stroke_of(curves[i], i)}};
    if (is_dashed(curves[i], i)) curve["dashed"] = true;
    if (curves[i].points_only) curve["scattered"] = true;
    curve["x"] = short_numbers(curves[i].x);
    curve["y"] = short_numbers(curves[i].y);
    json["curves"].push_back(std::move(curve));
  }
  return json;
}

std::string cell_html(const TableCell& cell) {
  const std::string key = cell.value.is_null()     ? cell.text
                          : cell.value.is_string() ? cell.value.get<std::string>()
                                                   : cell.value.dump();
  const std::string text = cell.html.empty() ? escaped_html(cell.text) : cell.html;
  if (cell.heading) return page_parts().part("row heading", {{"sort", escaped_html(key)}, {"text", text}});
  if (cell.shade < 0)
    return page_parts().part(cell.wraps ? "cell of words" : "cell", {{"sort", escaped_html(key)}, {"text", text}});
  return page_parts().part("shaded cell",
                           {{"share", format("%.3g", cell.shade)}, {"sort", escaped_html(key)}, {"text", text}});
}

}  // namespace

std::string figure_html(std::vector<Curve> curves, const ChartOptions& options, const std::string& words) {
  std::size_t points = 0;
  for (Curve& curve : curves) {
    const std::size_t all = curve.x.size();
    if (thin(curve)) points = std::max(points, all);
  }
  std::string said = words;
  if (points)
    said += str(said.empty() ? "" : " ", "Of ", grouped(static_cast<std::int64_t>(points)),
                " points the least and the greatest of each stretch are drawn.");
  return page_parts().lines("figure", {{"chart", svg_chart(curves, options)},
                                       {"words", escaped_html(said)},
                                       {"data", script_json(chart_json(curves, options))}});
}

std::string figures_html(const std::string& figures) {
  return figures.empty() ? "" : page_parts().lines("figures", {{"figures", figures}});
}

std::string table_html(const PageTable& table) {
  const bool fixed = table.kind == PageTable::Kind::matrix;
  std::string headings, rows;
  for (const std::string& heading : table.headings)
    headings += page_parts().part(fixed ? "fixed heading" : "heading", {{"name", escaped_html(heading)}});
  for (const auto& row : table.rows) {
    std::string cells;
    for (const TableCell& cell : row) cells += cell_html(cell);
    rows += page_parts().lines("row", {{"cells", cells}});
  }
  const char* const kind = fixed ? "matrix" : table.kind == PageTable::Kind::sorts ? "sorts ranked" : "sorts";
  const std::string words =
      table.words.empty() ? "" : page_parts().lines("words", {{"words", escaped_html(table.words)}});
  return page_parts().lines(
      "table",
      {{"kind", kind}, {"title", escaped_html(table.title)}, {"headings", headings}, {"rows", rows}, {"words", words}});
}

std::string page_html(const std::string& title, const std::string& lead, const std::string& sections) {
  std::string scripts;
  // Whoever passes a page on passes uPlot on, and so its licence.
  const std::string uplot = str("/*\n", embedded::LICENSE, "*/\n", embedded::uPlot_iife_min_js);
  for (const std::string& script : {uplot, std::string(embedded::page_js), std::string(embedded::chart_js)})
    scripts += page_parts().lines("script", {{"script", script}});
  return page_parts().lines("page", {{"title", escaped_html(title)},
                                     {"style", str(embedded::uPlot_min_css, "\n", embedded::page_css)},
                                     {"lead", lead},
                                     {"sections", sections},
                                     {"scripts", scripts}});
}

std::string sections_html(const std::vector<PageSection>& sections) {
  std::string links, html;
  for (const PageSection& section : sections) {
    if (section.html.empty()) continue;
    const Slots named{{"id", section.id}, {"title", escaped_html(section.title)}};
    links += page_parts().lines("link", named);
    html += page_parts().lines("section", {named[0], named[1], {"html", section.html}});
  }
  return page_parts().lines("links", {{"links", links}}) + html;
}

}  // namespace seqtape
