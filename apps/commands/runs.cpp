#include <algorithm>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/report/curve.h"
#include "apps/trainer/run_folder.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

void runs_options(cxxopts::Options& options) {
  options.add_options()("dir", "folder with runs, at any depth", cxxopts::value<std::string>()->default_value("runs"))(
      "json", "print one JSON document");
  options.parse_positional({"dir"});
}

/// One run as a row. Status: running (a process holds its lock), finished, stopped, or empty: no checkpoint yet.
Json row_of(const fs::path& path) {
  const RunFolder folder(path);
  const Json config = parse_json(read_file(folder.config_path()), folder.config_path().string());
  Json row = {{"run", path.string()},
              {"task", config.at("task").value("name", "")},
              {"model", config.at("model").value("name", "")},
              {"status", "empty"},
              {"step", 0},
              {"steps", config.at("train").value("steps", 0)},
              {"best", nullptr}};
  if (const auto last = folder.last(); last && fs::exists(*last / "state.json")) {
    RunState state = read_state(*last);
    row["step"] = state.step;
    row["best"] = state.to_json()["best"];
    const long long patience = config.at("train").value("patience", 0LL);
    const bool early = patience > 0 && state.evaluations_since_best >= patience;
    row["status"] = early || row["step"] >= row["steps"] ? "finished" : "stopped";
  }
  if (RunLock::is_held(path)) {
    row["status"] = "running";
    if (fs::exists(folder.metrics_path()))
      if (const auto lines = read_metrics(path); !lines.empty()) row["step"] = lines.back()["step"];
  }
  return row;
}

int run_runs(const cxxopts::ParseResult& args) {
  const fs::path root = args["dir"].as<std::string>();
  if (!fs::is_directory(root)) throw ConfigError(str(root.string(), ": is not a folder"));
  std::vector<fs::path> found;
  if (fs::exists(root / "config.json") && fs::is_directory(root / "checkpoints")) found.push_back(root);
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(root, options, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unreadable;                        // a link to itself, a folder of somebody else's
    if (entry->path().extension() == ".unfinished") {  // of an import that was killed
      entry.disable_recursion_pending();
      continue;
    }
    // A damaged config is reported in its row.
    if (!entry->is_directory(unreadable) || !fs::exists(entry->path() / "config.json", unreadable) ||
        !fs::is_directory(entry->path() / "checkpoints", unreadable))
      continue;
    found.push_back(entry->path());
    entry.disable_recursion_pending();
  }
  std::sort(found.begin(), found.end());
  Json rows = Json::array();
  for (const fs::path& path : found) {
    try {
      rows.push_back(row_of(path));
    } catch (const std::exception& damaged) {  // a JSON value of the wrong type, too
      rows.push_back({{"run", path.string()}, {"status", "damaged"}, {"problem", damaged.what()}});
    }
  }
  if (args.count("json")) {
    std::cout << rows.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return 0;
  }
  if (rows.empty()) std::cout << printable(root.string()) << ": no runs\n";
  std::size_t width = 3;
  for (const Json& row : rows) width = std::max(width, printable(row["run"].get<std::string>()).size());
  const auto line = [&](const std::vector<std::string>& cells) {
    std::cout << format("%-*s  %-16s %-12s %-9s %15s  %s\n", static_cast<int>(width), cells[0].c_str(),
                        cells[1].c_str(), cells[2].c_str(), cells[3].c_str(), cells[4].c_str(), cells[5].c_str());
  };
  if (!rows.empty()) line({"run", "task", "model", "status", "step", "best"});
  for (const Json& row : rows) {
    const auto text = [&](const char* key) { return printable(row.value(key, std::string())); };
    const Json best = row.value("best", Json());
    line({text("run"), text("task"), text("model"), text("status"),
          row.contains("step") ? str(row["step"].dump(), "/", row["steps"].dump()) : "",
          best.is_object() ? printable(format("%s %.4g at step %s", best.value("metric", "").c_str(),
                                              best.value("value", 0.0), best.at("step").dump().c_str()))
                           : text("problem")});
  }
  return 0;
}

}  // namespace

const Command kRuns{"runs",       "[DIR] [--json]", "runs with their status and best metric", "seqtape runs runs/text",
                    runs_options, run_runs};

}  // namespace seqtape
