#include "apps/trainer/metrics.h"

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// The table of metrics: one line each.
constexpr Metric kMetrics[] = {
    {"loss", false, Metric::Unit::nats},
    {"accuracy", true, Metric::Unit::share},
    {"sequence_accuracy", true, Metric::Unit::share},
    {"bits_per_byte", false, Metric::Unit::bits},
    {"bits_per_character", false, Metric::Unit::bits},
    {"bits_per_token", false, Metric::Unit::bits},
    {"bits_per_base", false, Metric::Unit::bits},
    {"mse", false, Metric::Unit::plain},
    {"mae", false, Metric::Unit::plain},
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
  return metric(key).unit == Metric::Unit::share ? format("%.1f %%", 100 * value) : format("%.4g", value);
}

}  // namespace seqtape
