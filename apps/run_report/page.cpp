// The page of a report: of one run, or of several.
#include <algorithm>
#include <map>

#include "apps/inspect/inspect.h"
#include "apps/run_report/run_report.h"
#include "apps/trainer/describe.h"
#include "apps/trainer/metrics.h"
#include "core/cpu.h"
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/apps/run_report/report.html.h"

namespace seqtape {
namespace {

const Parts& report_parts() {
  static const Parts parts(embedded::report_html);
  return parts;
}

std::string words_html(const std::string& text) {
  return text.empty() ? "" : report_parts().lines("words", {{"text", escaped_html(text)}});
}
std::string remark_html(const std::string& text) {
  return report_parts().lines("remark", {{"text", escaped_html(text)}});
}

std::string name_of(const RunReport& report, const char* part) { return report.config.at(part).value("name", ""); }

/// "mamba on text".
std::string title_of(const RunReport& report) { return name_of(report, "model") + " on " + name_of(report, "task"); }

/// What the page cannot show, and why.
std::string remarks_html(const RunReport& report) {
  std::string html;
  const auto line = report.metrics.empty() ? Json() : report.metrics.back().value("step", Json());
  if (!report.state)
    html += remark_html(str("The run has no checkpoint yet: this page has its curves alone, up to step ",
                            line.is_number() ? grouped(line.get<Index>()) : "0", "."));
  if (report.going_on) html += remark_html("The run is still being trained.");
  if (!report.evaluation.is_null() && !report.evaluation.at("loss").is_number())
    html += remark_html("The model's outputs are not finite: its training diverged, and there are no figures of it.");
  return html;
}

std::string tiles_html(const RunReport& report) {
  std::string tiles;
  const auto tile = [&](const std::string& name, const std::string& figure, const std::string& words) {
    tiles += report_parts().lines(
        "tile", {{"name", escaped_html(name)}, {"figure", escaped_html(figure)}, {"words", escaped_html(words)}});
  };
  if (!report.evaluation.is_null()) {
    const Headline line = headline(report);
    tile(line.name, line.figure, line.words());
  }
  if (report.state) {
    const Json& model = report.config.at("model");
    const Json layers = model.value("layers", Json());
    tile("parameters", grouped(report.parameters),
         (layers.is_number() ? layers.dump() + (layers == 1 ? " layer" : " layers") + " of " : std::string()) +
             "width " + model.value("d_model", Json()).dump());
    const RunState& state = *report.state;
    const Json steps = report.config.at("train").value("steps", Json());
    tile("trained", human_seconds(state.seconds),
         str(grouped(state.step), " of ", steps.is_number() ? grouped(steps.get<Index>()) : "?", " steps",
             state.tokens > 0 ? str(", ", grouped(state.tokens), " tokens") : ""));
  }
  return tiles.empty() ? "" : report_parts().lines("tiles", {{"tiles", tiles}});
}

/// A part of the config in a line: its name, then what it sets.
std::string settings_of(const Json& part) {
  std::string text = part.value("name", "");
  for (const auto& [key, value] : part.items()) {
    if (key == "name" || value.is_object() || value.empty() || (value.is_array() && value[0].is_structured())) continue;
    std::vector<std::string> words;
    for (const Json& one : value.is_array() ? value : Json::array({value}))
      words.push_back(one.is_string() ? one.get<std::string>() : one.dump());
    if (const std::string all = join(words, " "); !all.empty()) text += str(text.empty() ? "" : ", ", key, " ", all);
  }
  return text;
}

std::string trained_html(const RunReport& report, const std::string& version) {
  std::string facts;
  const auto fact = [&](const std::string& name, const std::string& text) {
    if (!text.empty())
      facts += report_parts().lines(
          "fact", {{"name", name.empty() ? "" : "<dt>" + name + "</dt>"}, {"text", escaped_html(text)}});
  };
  fact("run", printable(report.run.string()));
  fact("task", settings_of(report.config.at("task")));
  for (std::size_t i = 0; i < report.contents.size(); ++i) fact(i ? "" : "data", printable(report.contents[i]));
  for (const char* part : {"model", "optimizer", "schedule"})
    if (report.config.contains(part)) fact(part, settings_of(report.config.at(part)));
  fact("training", settings_of(report.config.at("train")));
  fact("seed", report.config.value("seed", Json()).dump());
  if (report.state) {
    const RunState& state = *report.state;
    if (!state.imported.empty()) fact("imported from", printable(state.imported));
    if (state.best)
      fact("best", str(metric(state.best->metric).told, " ", metric_text(state.best->metric, state.best->value),
                       " of validation at step ", grouped(state.best->step)));
    std::vector<std::string> machine;
    for (const std::string& one : {state.processor, state.instruction_set})
      if (!one.empty()) machine.push_back(one);
    fact("trained on", join(machine, ", "));
  }
  fact("this page", str(version, "; ", processor_name(), ", ", describe_machine()));
  return report_parts().lines("facts", {{"facts", facts}}) +
         report_parts().lines("config", {{"config", escaped_html(report.config.dump(2))}});
}

/// All that is of one run alone.
std::vector<PageSection> sections_of(const RunReport& report) {
  std::vector<PageSection> sections;
  if (!report.evaluation.is_null()) {
    sections.push_back({"metrics",
                        str(static_cast<char>(report.split[0] - 'a' + 'A'), report.split.substr(1), " split"),
                        metrics_html(report)});
    for (PageSection& section : answers_sections(report)) sections.push_back(std::move(section));
    sections.insert(sections.end(), report.examples.begin(), report.examples.end());
  }
  return sections;
}

std::string inside_html(const std::vector<RunReport>& reports) {
  std::vector<Inspection> looks;
  std::string words;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    if (!reports[i].inside.is_null()) looks.push_back({reports[i].label, reports[i].inside, i});
    if (!reports[i].not_inside.empty())
      words += words_html((reports.size() > 1 ? reports[i].label + ": " : "") + reports[i].not_inside);
  }
  return figures_html(inspection_figures(looks)) + words;
}

/// The runs' names: the ends of their paths, as much as tells them apart.
void label(std::vector<RunReport>& reports) {
  if (reports.size() == 1) return;
  std::map<std::string, int> ends;
  const auto end_of = [](const RunReport& report) {
    const auto path = report.run.lexically_normal();
    return printable((path.has_filename() ? path : path.parent_path()).filename().string());
  };
  for (const RunReport& report : reports) ++ends[end_of(report)];
  for (RunReport& report : reports)
    report.label = ends[end_of(report)] == 1 ? end_of(report) : printable(report.run.string());
}

std::string overview(const std::vector<RunReport>& reports) {
  PageTable table{.title = "Runs",
                  .headings = {"run", "model", "figure", "95 % interval", "metric", "of", "without a model", "task",
                               "parameters", "steps", "training"}};
  for (const RunReport& report : reports) {
    auto& row = table.rows.emplace_back(
        std::vector{TableCell{.text = report.label, .heading = true}, TableCell{name_of(report, "model")}});
    const TableCell task{name_of(report, "task")};
    if (report.evaluation.is_null()) {
      row.insert(row.end(), {{"-"}, {"-"}, {"-"}, {"no checkpoint yet"}, {"-"}, task, {"-"}, {"-"}, {"-"}});
      continue;
    }
    const Headline line = headline(report);
    row.insert(row.end(), {{line.figure, report.evaluation.at(main_metric(report.evaluation))},
                           {line.interval.empty() ? "-" : line.interval},
                           {line.name},
                           {.text = line.of.substr(3), .wraps = true},
                           {.text = line.without_model, .wraps = true},
                           task,
                           {grouped(report.parameters), report.parameters},
                           {grouped(report.state->step), report.state->step},
                           {human_seconds(report.state->seconds), report.state->seconds}});
  }
  return table_html(table);
}

/// The recall of each class by each run; of runs of other classes than the first's, nothing.
std::string recalls(const std::vector<RunReport>& reports) {
  PageTable table{.title = "Recall by class", .headings = {"class"}};
  for (const RunReport& report : reports) {
    const Json classes =
        report.evaluation.is_null() ? Json::array() : report.evaluation.value("by_class", Json::array());
    const bool same = table.rows.empty() || classes.size() == table.rows.size();
    if (classes.empty() || !same) continue;
    std::vector<TableCell> column;
    for (std::size_t c = 0; c < classes.size(); ++c) {
      if (!table.rows.empty() && classes[c]["class"] != table.rows[c][0].text) break;
      const Json& recall = classes[c]["recall"];
      column.push_back(recall.is_number()
                           ? TableCell{format("%.1f %%", 100 * recall.get<double>()), recall, recall.get<double>()}
                           : TableCell{"-"});
    }
    if (column.size() < classes.size()) continue;
    if (table.rows.empty())
      for (const Json& one : classes) table.rows.push_back({{.text = one["class"], .heading = true}});
    table.headings.push_back(report.label);
    for (std::size_t c = 0; c < column.size(); ++c) table.rows[c].push_back(column[c]);
  }
  return table.headings.size() > 2 ? table_html(table) : "";
}

/// Charts that runs share, by title.
std::string shared_charts(const std::vector<RunReport>& reports) {
  std::vector<SharedChart> charts;
  std::vector<std::vector<Curve>> curves;
  for (std::size_t i = 0; i < reports.size(); ++i)
    for (const SharedChart& chart : reports[i].charts) {
      const auto at = std::find_if(charts.begin(), charts.end(),
                                   [&](const SharedChart& one) { return one.options.title == chart.options.title; });
      const auto place = static_cast<std::size_t>(at - charts.begin());
      if (at == charts.end()) charts.push_back(chart), curves.emplace_back();
      Curve curve = chart.model;
      curve.name = reports[i].label;
      curve.colour = i;
      curves[place].push_back(std::move(curve));
    }
  std::string html;
  for (std::size_t c = 0; c < charts.size(); ++c) {
    curves[c].insert(curves[c].end(), charts[c].others.begin(), charts[c].others.end());
    html += figure_html(curves[c], charts[c].options, charts[c].words);
  }
  return figures_html(html);
}

std::string one_run(const std::vector<RunReport>& one, const std::string& version) {
  const RunReport& report = one[0];
  std::vector<PageSection> sections = sections_of(report);
  sections.push_back({"learning", "Learning", learning_html(one)});
  sections.push_back({"inside", "A look inside", inside_html(one)});
  sections.push_back({"trained", "What was trained", trained_html(report, version)});
  return page_html(title_of(report), remarks_html(report) + tiles_html(report), sections_html(sections));
}

}  // namespace

std::string report_html(std::vector<RunReport> reports, const std::string& version) {
  label(reports);
  if (reports.size() == 1) return one_run(reports, version);
  std::vector<PageSection> sections{{"runs", "Runs", overview(reports)},
                                    {"learning", "Learning", learning_html(reports)},
                                    {"together", "Side by side", recalls(reports) + shared_charts(reports)},
                                    {"inside", "A look inside", inside_html(reports)}};
  for (std::size_t i = 0; i < reports.size(); ++i) {
    std::string html = remarks_html(reports[i]) + tiles_html(reports[i]);
    for (const PageSection& section : sections_of(reports[i]))
      if (!section.html.empty())
        html += report_parts().lines("subsection", {{"title", escaped_html(section.title)}, {"html", section.html}});
    html += report_parts().lines("subsection",
                                 {{"title", "What was trained"}, {"html", trained_html(reports[i], version)}});
    sections.push_back({str("run-", i + 1), reports[i].label + ": " + title_of(reports[i]), html});
  }
  const auto other = [&](const char* part) {
    return std::any_of(reports.begin(), reports.end(),
                       [&](const RunReport& report) { return name_of(report, part) != name_of(reports[0], part); });
  };
  const std::string words =
      other("task") ? words_html("The runs are of different tasks: their figures are not to be compared.") : "";
  return page_html(str(reports.size(), " runs", other("task") ? "" : " on " + name_of(reports[0], "task")), words,
                   sections_html(sections));
}

}  // namespace seqtape
