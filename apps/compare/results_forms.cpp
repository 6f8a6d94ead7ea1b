// The forms in which the results of a comparison are written: a table for the terminal, Markdown, CSV.
#include <algorithm>
#include <cmath>

#include "apps/compare/results.h"
#include "apps/report/statistics.h"
#include "core/columns.h"
#include "core/strings.h"

namespace seqtape {
namespace {

std::string commas(const Json& number) {
  return number.is_number() ? grouped(std::llround(number.get<double>())) : "-";
}
std::string bytes_text(const Json& number) { return number.is_number() ? human_bytes(number.get<double>()) : "-"; }

/// A member's row, as text: label, value with range, failures, parameters, state, speeds, memory, time.
std::vector<std::string> row_of(const Json& results, const Json& member) {
  const Json& value = member["median"];
  std::string range = value.is_number() ? result_text(results, value.get<double>()) : "-";
  if (value.is_number() && member["finished"].get<int>() > 1)
    range += str(" (", result_text(results, member["worst"].get<double>()), " to ",
                 result_text(results, member["best"].get<double>()), ")");
  return {member["label"].get<std::string>(),
          range,
          str(member["failed"].get<int>(), "/", member["runs"].size()),
          commas(member["parameters"]),
          bytes_text(member.value("state_bytes", Json())),
          commas(member.value("tokens_per_second", Json())),
          commas(member.value("generates_per_second", Json())),
          bytes_text(member.value("peak_bytes", Json())),
          member["seconds"].is_number() ? human_seconds(member["seconds"].get<double>()) : "-"};
}

std::vector<std::string> headings(const Json& results) {
  return {"model", score_name(results), "failed", "parameters", "state", "trained/s", "generated/s", "memory", "time"};
}

}  // namespace

/// Simple models by the comparison's metric, of the validation split that it ranks by; "": there are none.
std::vector<std::vector<std::string>> simple_rows(const Json& results) {
  const std::string key = results["metric"];
  std::vector<std::pair<double, std::vector<std::string>>> all;
  const Json simple = results.value("baselines", Json());
  if (!simple.is_object() || results.value("decided_at", 0LL) != 0) return {};
  const double sign = results["higher_is_better"].get<bool>() ? -1 : 1;
  for (const Json& one : simple["baselines"])
    if (const Json scores = one.value("validation", Json::object()); scores.contains(key) && scores[key].is_number())
      all.emplace_back(sign * scores[key].get<double>(),
                       std::vector{one["name"].get<std::string>(), result_text(results, scores[key].get<double>()),
                                   human_seconds(one["seconds"].get<double>())});
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::vector<std::string>> rows{{"simple model", score_name(results), "time"}};
  for (auto& [order, row] : all) rows.push_back(std::move(row));
  return all.empty() ? std::vector<std::vector<std::string>>() : rows;
}

namespace {

std::string simple_table(const Json& results) {
  const auto rows = simple_rows(results);
  return rows.empty() ? "" : '\n' + table(rows);
}

}  // namespace

std::string results_table(const Json& results) {
  std::vector<std::vector<std::string>> rows{headings(results)};
  for (const Json& member : ranking(results)) rows.push_back(row_of(results, member));
  for (auto& row : rows)
    for (std::string& cell : row) cell = printable(cell);
  // In one row they would be wider than a terminal: what was reached, then what it took.
  constexpr std::ptrdiff_t kReached = 4;
  constexpr std::size_t kLabel = 28;
  std::vector<std::vector<std::string>> reached, took;
  for (const auto& row : rows) {
    const std::string label = cut(row[0], kLabel);
    reached.emplace_back(row.begin(), row.begin() + kReached)[0] = label;
    took.emplace_back(row.begin() + kReached - 1, row.end())[0] = label;
  }
  return table(reached) + '\n' + table(took) + simple_table(results);
}

namespace {

/// A cell of a Markdown table.
std::string markdown_cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : c == '\n' || c == '\r' ? " " : std::string(1, c);
  return out;
}

/// A field of CSV (RFC 4180): quoted where it must be, quotes doubled.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

/// The lengths that the runs were tested at, by the first that was.
std::vector<Json> lengths_of(const Json& results) {
  std::vector<Json> lengths;
  for (const Json& member : results["members"])
    for (const Json& run : member["runs"])
      if (run.contains("lengths") && lengths.empty())
        for (const Json& scored : run["lengths"]) lengths.push_back(scored.at("length"));
  return lengths;
}

}  // namespace

std::string results_markdown(const Json& results) {
  std::string text =
      str("## ", results["title"].get<std::string>(), "\n\n", results["verdict"].get<std::string>(), "\n\n");
  const auto line = [](std::vector<std::string> cells) {
    for (std::string& cell : cells) cell = markdown_cell(cell);
    return "| " + join(cells, " | ") + " |\n";
  };
  text += line(headings(results));
  text += line(std::vector<std::string>(headings(results).size(), "---"));
  for (const Json& member : ranking(results)) text += line(row_of(results, member));
  const std::vector<Json> lengths = lengths_of(results);
  if (!lengths.empty()) {
    std::vector<std::string> cells{"length"};
    for (const Json& length : lengths) cells.push_back(commas(length));
    text += "\n" + line(cells) + line(std::vector<std::string>(cells.size(), "---"));
    for (const Json& member : ranking(results)) {
      cells = {member["label"].get<std::string>()};
      for (std::size_t i = 0; i < lengths.size(); ++i) {
        std::vector<double> values;
        int diverged = 0;
        for (const Json& run : member["runs"]) {
          if (!run.contains("lengths")) continue;
          const Json value = run["lengths"].at(i).value("value", Json());
          if (value.is_number()) values.push_back(value.get<double>());
          diverged += value.is_string();
        }
        cells.push_back((values.empty() ? "-" : result_text(results, median(values))) +
                        (diverged ? str(" (", diverged, " diverged)") : ""));
      }
      text += line(cells);
    }
  }
  return text + str("\nMedians over seeds ", results["seeds"].dump(), " (worst to best); ",
                    results["machine"].get<std::string>(), ".\n");
}

std::string results_csv(const Json& results) {
  std::string text =
      "model,seed,finished,metric,value,parameters,state_bytes,tokens_per_second,generates_per_second,peak_bytes,"
      "seconds,step,failure\n";
  for (const Json& member : results["members"])
    for (const Json& run : member["runs"]) {
      const auto cell = [](const Json& object, const char* key) {
        const Json value = object.value(key, Json());
        return value.is_null() ? "" : csv_field(value.is_string() ? value.get<std::string>() : value.dump());
      };
      text += join({csv_field(member["label"].get<std::string>()), cell(run, "seed"), cell(run, "finished"),
                    results["metric"].get<std::string>(), cell(run, "value"), cell(member, "parameters"),
                    cell(member, "state_bytes"), cell(run, "tokens_per_second"), cell(member, "generates_per_second"),
                    cell(run, "peak_bytes"), cell(run, "seconds"), cell(run, "step"), cell(run, "failure")},
                   ",") +
              "\n";
    }
  return text;
}

}  // namespace seqtape
