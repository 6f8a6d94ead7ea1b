// Forecasts from the window that a model reads.
#include <algorithm>
#include <cmath>

#include "apps/baselines/linear.h"
#include "core/strings.h"
#include "data/forecasting.h"

namespace seqtape {
namespace {

/// Of more weights, or of more features, the ridge regression is no longer a matter of a minute.
constexpr Index kMostFeatures = 8192, kMostWeights = 1 << 22;

/// The targets of the rows that a window reads, [length, targets]: a missing one has the value before it, or, of the
/// first ones, after them; 0, the training's mean, where all are missing.
std::vector<float> known_targets(const Forecasting& known, const SequenceOf& of, Index length, Index targets) {
  std::vector<float> rows;
  known.history(of.split, of.number, length, rows);
  rows.insert(rows.begin(), static_cast<std::size_t>(length * targets) - rows.size(), NAN);
  const auto at = [&](Index t, Index k) -> float& { return rows[static_cast<std::size_t>(t * targets + k)]; };
  for (Index k = 0; k < targets; ++k) {
    for (Index t = 1; t < length; ++t)
      if (std::isnan(at(t, k))) at(t, k) = at(t - 1, k);
    for (Index t = length - 1; t-- > 0;)
      if (std::isnan(at(t, k))) at(t, k) = at(t + 1, k);
    for (Index t = 0; t < length; ++t)
      if (std::isnan(at(t, k))) at(t, k) = 0;
  }
  return rows;
}

}  // namespace

Fitted fit_drift(const BaselineData& data, const Tell&) {
  const Forecasting* known = data.task.forecasting();
  const Index length = data.task.shape().length, targets = static_cast<Index>(known->forecast_targets().size());
  if (length < 2) return {.left_out = "a line takes a window of two rows, task.length is 1"};
  return {.score = [=, &task = data.task](Split split) {
    return score_answers(task, split, [&](const SequenceOf& of, float* answers) {
      const std::vector<float> rows = known_targets(*known, of, length, targets);
      for (Index k = 0; k < targets; ++k) {
        const float first = rows[static_cast<std::size_t>(k)],
                    last = rows[static_cast<std::size_t>((length - 1) * targets + k)];
        for (Index h = 0; h < known->horizon(); ++h)
          answers[h * targets + k] = last + static_cast<float>(h + 1) * (last - first) / static_cast<float>(length - 1);
      }
    });
  }};
}

Fitted fit_nlinear(const BaselineData& data, const Tell& tell) {
  const Index length = data.task.shape().length,
              targets = static_cast<Index>(data.task.forecasting()->forecast_targets().size());
  if (length > kMostFeatures)
    return {.left_out = str("a map of ", grouped(length), " rows has more than ", grouped(kMostFeatures),
                            " inputs; lower task.length")};
  LinearForm form{.rows = targets, .features = length};
  // The splits' evaluations number the windows of either task alike but for the training's, which is of `training`.
  form.read = [=, task = data.task.forecasting(), training = data.training.forecasting()](const SequenceOf& of,
                                                                                          float* x, float* base) {
    const std::vector<float> rows = known_targets(of.split == Split::train ? *training : *task, of, length, targets);
    for (Index k = 0; k < targets; ++k) {
      base[k] = rows[static_cast<std::size_t>((length - 1) * targets + k)];
      for (Index t = 0; t < length; ++t) x[k * length + t] = rows[static_cast<std::size_t>(t * targets + k)] - base[k];
    }
  };
  return fit_linear(data, form, tell);
}

Fitted fit_window_ridge(const BaselineData& data, const Tell& tell) {
  const TaskShape shape = data.task.shape();
  const Index features = shape.length * shape.features;
  if (features > kMostFeatures || features * shape.outputs > kMostWeights)
    return {.left_out =
                str(grouped(features), " numbers a window and ", shape.outputs, " answers are more than ",
                    grouped(kMostFeatures), " inputs, or ", grouped(kMostWeights), " weights; lower task.length")};
  LinearForm form{.features = features};
  form.read = [features](const SequenceOf& of, float* x, float*) {
    std::copy_n(of.batch.values.begin() + of.b * features, features, x);
  };
  return fit_linear(data, form, tell);
}

}  // namespace seqtape
