#include "apps/baselines/kept.h"

#include <algorithm>

#include "apps/trainer/metrics.h"
#include "core/columns.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr const char* kFile = "baselines.json";

/// What baselines depend on: the data by their content, wherever they lie, and what the task makes of them.
Json identity(RunConfig& config) {
  Json task = config.to_json().at("task");
  std::vector<std::string> paths;
  for (const auto& [key, value] : task.items())
    if (key.ends_with("path")) paths.push_back(key);
  for (const std::string& key : paths) task.erase(key);
  return {{"data", config.task->fingerprint()}, {"task", std::move(task)}};
}

}  // namespace

Json baselines_of_config(const LoadConfig& load, std::vector<std::string> sets, const Tell& tell,
                         std::vector<std::string>* notes) {
  RunConfig config = load(sets);
  const auto seed = static_cast<std::uint64_t>(config.seed);
  config.task->prepare(seed);
  const Json of = identity(config);
  if (notes) *notes = config.task->notes();
  // They answer points.
  if (config.task->shape().regression() && config.task->shape().distribution.kind != Distribution::Kind::point) {
    sets.emplace_back("task.loss=squared_error");
    config = load(sets);
    config.task->prepare(seed);
  }
  RunConfig training;
  const bool forecasts = config.task->forecasting() != nullptr;
  if (forecasts) {
    sets.emplace_back("task.eval_stride=1");
    training = load(sets);
    training.task->prepare(seed);
  }
  Json document = run_baselines(config.task_name, {*config.task, forecasts ? *training.task : *config.task}, tell);
  document["of"] = of;
  return document;
}

void keep_baselines(const std::filesystem::path& run, const Json& document) {
  write_file(run / kFile, document.dump(2) + "\n");
}

Json kept_baselines(const std::filesystem::path& run, RunConfig& config) {
  std::error_code error;
  if (!std::filesystem::exists(run / kFile, error)) return nullptr;
  Json document = parse_json(read_file(run / kFile), (run / kFile).string());
  return document.is_object() && document.value("of", Json()) == identity(config) ? document : Json();
}

std::string beside_baselines(const Json& document, const std::string& split, const Json& scores) {
  if (!document.is_object()) return "";
  const std::string key = main_metric(scores);
  if (!scores.contains(key) || !scores[key].is_number()) return "";
  struct Row {
    double value;
    std::vector<std::string> cells;
  };
  std::vector<Row> rows;
  std::vector<std::string> keys;
  for (const char* one : {key.c_str(), "balanced_accuracy", "mae", "mase"})
    if (scores.contains(one) && scores[one].is_number() && std::find(keys.begin(), keys.end(), one) == keys.end())
      keys.emplace_back(one);
  const auto add = [&](const std::string& name, const Json& of, const std::string& seconds) {
    if (!of.contains(key) || !of[key].is_number()) return;
    Row row{of[key].get<double>(), {cut(name, 24)}};
    for (const std::string& one : keys)
      row.cells.push_back(of.contains(one) && of[one].is_number() ? metric_text(one, of[one].get<double>()) : "");
    row.cells.push_back(seconds);
    rows.push_back(std::move(row));
  };
  add("this model", scores, "");
  for (const Json& one : document.at("baselines"))
    if (one.contains(split))
      add(one["name"].get<std::string>(), one[split], human_seconds(one["seconds"].get<double>()));
  if (rows.size() < 2) return "";
  const bool higher = metric(key).higher_is_better;
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const Row& a, const Row& b) { return higher ? a.value > b.value : a.value < b.value; });
  std::vector<std::vector<std::string>> lines{{str("beside, ", split)}};
  for (const std::string& one : keys) lines[0].emplace_back(metric(one).told);
  lines[0].emplace_back("time");
  for (const Row& row : rows) lines.push_back(row.cells);
  return table(lines);
}

}  // namespace seqtape
