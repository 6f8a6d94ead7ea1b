#pragma once
// The metrics of evaluations: name, direction, unit.

#include <string>

#include "core/io/json.h"

namespace seqtape {

struct Metric {
  const char* name;
  bool higher_is_better;
  enum class Unit { plain, nats, bits, share, percent } unit;
  const char* told;  ///< in tables: "F1, mean of classes"
};

/// The metric of a key in metrics.jsonl or `train.best`: "accuracy", "accuracy@4096". Throws ConfigError for an unknown
/// one.
const Metric& metric(const std::string& key);

/// `value` of the metric is better than `than`. A value that is not finite is never better.
bool is_better(const Metric&, double value, double than);

/// The value that every finite one is better than.
double worst_value(const Metric&);

/// Only the metrics of a line of metrics.jsonl or of `eval`, without the step, the clock, the counts.
Json scores_of(const Json& line);

/// The one number that ranks models: bits per unit, squared error, or accuracy.
std::string main_metric(const Json& metrics);

/// "99.6 %" of a share or percentage, "1.904" of anything else.
std::string metric_text(const std::string& key, double value);

}  // namespace seqtape
