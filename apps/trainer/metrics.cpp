#include "apps/trainer/metrics.h"

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// The table of metrics: one line each. Those from balanced_accuracy on are of `eval` alone.
constexpr Metric kMetrics[] = {
    {"loss", false, Metric::Unit::nats, "loss"},
    {"accuracy", true, Metric::Unit::share, "accuracy"},
    {"sequence_accuracy", true, Metric::Unit::share, "whole sequences"},
    {"bits_per_byte", false, Metric::Unit::bits, "bits per byte"},
    {"bits_per_character", false, Metric::Unit::bits, "bits per character"},
    {"bits_per_token", false, Metric::Unit::bits, "bits per token"},
    {"bits_per_base", false, Metric::Unit::bits, "bits per base"},
    {"mse", false, Metric::Unit::plain, "squared error"},
    {"mae", false, Metric::Unit::plain, "absolute error"},
    {"balanced_accuracy", true, Metric::Unit::share, "balanced accuracy"},
    {"macro_f1", true, Metric::Unit::share, "F1, mean"},
    {"micro_f1", true, Metric::Unit::share, "F1, of all"},
    {"auroc", true, Metric::Unit::share, "AUROC, mean"},
    {"average_precision", true, Metric::Unit::share, "average precision"},
    {"r2", true, Metric::Unit::plain, "R2"},
    {"rmse", false, Metric::Unit::plain, "RMSE"},
    {"mase", false, Metric::Unit::plain, "MASE"},
    {"smape", false, Metric::Unit::percent, "sMAPE"},
    {"perplexity", false, Metric::Unit::plain, "perplexity"},
};

const Metric* find_metric(const std::string& key) {
  const std::string name = key.substr(0, key.find('@'));
  for (const Metric& one : kMetrics)
    if (name == one.name) return &one;
  return nullptr;
}

}  // namespace

const Metric& metric(const std::string& key) {
  if (const Metric* found = find_metric(key)) return *found;
  std::vector<std::string> names;
  for (const Metric& one : kMetrics) names.emplace_back(one.name);
  throw ConfigError(str("there is no metric \"", key, "\"", suggestion(key, names)));
}

bool is_better(const Metric& metric, double value, double than) {
  return std::isfinite(value) && (metric.higher_is_better ? value > than : value < than);
}

double worst_value(const Metric& metric) { return metric.higher_is_better ? -INFINITY : INFINITY; }

Json scores_of(const Json& line) {
  Json scores = Json::object();
  for (const auto& [key, value] : line.items())
    if (find_metric(key)) scores[key] = value;
  return scores;
}

std::string main_metric(const Json& metrics) {
  for (const auto& [key, value] : metrics.items())
    if (key.rfind("bits_per", 0) == 0) return key;
  return metrics.contains("mse") ? "mse" : "accuracy";
}

std::string metric_text(const std::string& key, double value) {
  const Metric::Unit unit = metric(key).unit;
  if (unit == Metric::Unit::share || unit == Metric::Unit::percent)
    return format("%.1f %%", unit == Metric::Unit::share ? 100 * value : value);
  return format("%.4g", value);
}

}  // namespace seqtape
