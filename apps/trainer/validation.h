#pragma once
// The evaluations of a run: at the task's own length and at others, and which of them was the best.

#include <optional>

#include "apps/trainer/evaluate.h"
#include "apps/trainer/metrics.h"

namespace seqtape {

class Validation {
 public:
  /// Prepares the task again for each of `train.eval_lengths`. Throws ConfigError for a task without a length, for a
  /// `train.best` that no evaluation will have, and for a length that the model cannot process.
  Validation(RunConfig&, const SequenceModel&);

  struct Result {
    Index length;  ///< one of `train.eval_lengths`; 0: the task's own
    double loss;
    Json metrics, counts;
    Json intervals{};  ///< of forecasts of the task's own length (intervals.h), or null
  };
  /// One result for each length; nullopt when `stop` returned true between two chunks.
  std::optional<std::vector<Result>> run(SequenceModel&, const std::function<bool()>& stop) const;

  /// The value of `train.best` ("accuracy", or "accuracy@4096") in the results.
  double watched(const std::vector<Result>&) const;
  /// `value` is better than `than`, by `train.best`.
  bool better(double value, double than) const { return is_better(metric(config_.train.best), value, than); }

 private:
  const RunConfig& config_;
  std::vector<std::pair<Index, std::unique_ptr<Task>>> others_;
};

}  // namespace seqtape
