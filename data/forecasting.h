#pragma once
// What a task of forecasts knows beside the numbers that a model answers: their units, and forecasts without a model.

#include <limits>
#include <string>
#include <vector>

#include "data/task.h"

namespace seqtape {

/// The mean |y_t - y_{t - season}|: the error of the last season's value in the data that a forecast was made from.
/// Pairs with a NaN, a value that is missing, do not count.
double seasonal_error(const std::vector<double>& values, Index season);

/// A task whose answers are `horizon` steps of each target, step by step: output step * targets + target.
class Forecasting {
 public:
  using Scale = AnswerScale;
  struct Target {
    std::string name;
    Scale trained;  ///< from the task's numbers, deviations of the training part, to the data's units
  };
  /// What is known of a split's window, by its number in the evaluation.
  struct Window {
    Index entity = 0;             ///< counts in `entities`
    std::vector<Scale> scales{};  ///< of its answers, a target each, in the data's units
    /// The seasonal_error of each target in the training part of its entity; NaN: not known, or there is none.
    std::vector<double> seasonal{};
  };
  virtual ~Forecasting() = default;
  virtual std::vector<Target> forecast_targets() const = 0;
  virtual Index horizon() const = 0;
  /// Steps after which the series is expected to repeat itself.
  virtual Index season() const = 0;
  /// The names of the entities of a split, each a series of its own; one without a name: there is one series.
  virtual std::vector<std::string> entities(Split) const = 0;
  virtual Window window(Split, Index number) const = 0;
  /// The naive forecast of a window: of each step the latest value that was known and lies whole seasons before it; of
  /// season 1, the last value. Where all of them are missing the answer is NaN. False when there are no such rows.
  virtual bool naive_forecast(Split, Index window, Index season, std::vector<float>& answers) const = 0;
  /// The targets of the rows before a window, the last `steps` of them or as many as there are, as answers are ordered
  /// and scaled: what was known when the forecast was made. NaN: missing.
  virtual void history(Split, Index window, Index steps, std::vector<float>& answers) const = 0;
  /// The date of a step of a split's window, 0 the first that is forecast, negative before it; "": there are none.
  virtual std::string date(Split, Index window, Index step) const = 0;
};

}  // namespace seqtape
