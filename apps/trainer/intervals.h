#pragma once
// Intervals around forecasts, by the errors that a model makes on data that it was not trained on.

#include <vector>

#include "autograd/tape.h"
#include "core/distribution.h"
#include "core/io/json.h"
#include "data/task.h"

namespace seqtape {

/// Split-conformal intervals: point -+ the k-th smallest of the absolute errors on n validation windows, k = ceil((n +
/// 1) coverage), of each step and target. A new window that is exchangeable with those lies within with a probability
/// of at least `coverage`; of a series that changes, or windows that overlap, that holds as nearly as they are alike.
/// The errors are in the model's numbers: with task.normalise "window" in deviations of what the window reads, so that
/// the intervals are wider where the series is. Source: Lei et al. 2018, "Distribution-free predictive inference for
/// regression" (arXiv 1604.04173), algorithm 2.
class SplitConformal {
 public:
  explicit SplitConformal(const TaskShape&);
  /// A scored batch of the validation split.
  void add(const Variable& outputs, const Batch&);
  /// {"coverages": [...], "half_widths": [[of each coverage], of each number], "windows": n}, of the coverages for
  /// which there are windows enough; null: of none, or the model answers distributions.
  Json intervals() const;

 private:
  TaskShape shape_;
  std::vector<std::vector<float>> errors_;  // of windows, a number each; NaN: missing
  Index windows_ = 0, stride_ = 1;          // every so manieth window is kept
};

struct TrainedModel;

/// Whether a model's answers have such intervals, beside the quantiles of one that answers distributions; as it is
/// opened, they have. Throws ConfigError when there are none to have.
void choose_intervals(const TrainedModel&, bool wanted);

/// What is told by such intervals; by null, only points.
ToldNumbers told_by(const Json& intervals);

}  // namespace seqtape
