#include "apps/trainer/intervals.h"

#include <algorithm>
#include <cmath>

#include "apps/trainer/trained_model.h"
#include "core/error.h"

namespace seqtape {
namespace {

/// 20 to 80 % make quantiles at 0.1, 0.2 ... 0.9, of which CRPS is a sum.
constexpr double kCoverages[] = {0.2, 0.4, 0.6, 0.8, 0.95};
constexpr std::size_t kMostErrors = 1 << 24;  // 64 MiB

}  // namespace

SplitConformal::SplitConformal(const TaskShape& shape) : shape_(shape) {}

void SplitConformal::add(const Variable& outputs, const Batch& batch) {
  if (shape_.distribution.kind != Distribution::Kind::point) return;
  const auto size = static_cast<std::size_t>(shape_.numbers());
  for (Index b = 0; b < batch.batch; ++b, ++windows_) {
    if (windows_ % stride_) continue;
    auto& errors = errors_.emplace_back(size);
    for (std::size_t o = 0; o < size; ++o) {
      const auto at = static_cast<std::size_t>(b) * size + o;
      errors[o] = std::fabs(batch.target_values[at] - static_cast<float>(outputs.data()[at]));
    }
    if (errors_.size() * size <= kMostErrors) continue;
    stride_ *= 2;
    for (std::size_t i = 1; 2 * i < errors_.size(); ++i) errors_[i] = std::move(errors_[2 * i]);
    errors_.resize((errors_.size() + 1) / 2);
  }
}

Json SplitConformal::intervals() const {
  if (errors_.empty()) return nullptr;
  const auto size = static_cast<std::size_t>(shape_.numbers());
  std::vector<std::vector<float>> sorted(size);
  for (std::size_t o = 0; o < size; ++o) {
    for (const auto& errors : errors_)
      if (std::isfinite(errors[o])) sorted[o].push_back(errors[o]);
    std::sort(sorted[o].begin(), sorted[o].end());
  }
  std::vector<double> coverages;
  std::vector<std::vector<double>> half_widths(size);
  for (const double coverage : kCoverages) {
    const auto rank = [&](const std::vector<float>& errors) {
      return static_cast<std::size_t>(std::ceil(static_cast<double>(errors.size() + 1) * coverage - 1e-9));
    };
    if (std::any_of(sorted.begin(), sorted.end(), [&](const auto& errors) { return rank(errors) > errors.size(); }))
      continue;
    coverages.push_back(coverage);
    for (std::size_t o = 0; o < size; ++o)
      half_widths[o].push_back(static_cast<double>(sorted[o][rank(sorted[o]) - 1]));
  }
  if (coverages.empty()) return nullptr;
  return {{"coverages", coverages}, {"half_widths", half_widths}, {"windows", errors_.size()}};
}

void choose_intervals(const TrainedModel& trained, bool wanted) {
  Task& task = *trained.config.task;
  if (!wanted) return task.tell({});
  const TaskShape shape = task.shape();
  if (!shape.regression() || !task.new_inputs().in_units)
    throw ConfigError("--intervals: are of forecasts; this task makes none");
  if (task.told().levels.empty())
    throw ConfigError(
        "--intervals: the checkpoint keeps none: they are of the errors of its validation, of at least four windows; "
        "--best is a checkpoint that was validated");
}

ToldNumbers told_by(const Json& intervals) {
  ToldNumbers told;
  if (intervals.is_null()) return told;
  const auto coverages = intervals.at("coverages").get<std::vector<double>>();
  const auto half_widths = intervals.at("half_widths").get<std::vector<std::vector<double>>>();
  struct Quantile {
    double level;
    std::size_t coverage;
    int sign;  // of the half width
  };
  std::vector<Quantile> quantiles;
  for (std::size_t c = 0; c < coverages.size(); ++c)
    for (const int sign : {-1, 1}) quantiles.push_back({0.5 + sign * coverages[c] / 2, c, sign});
  quantiles.push_back({0.5, 0, 0});
  std::sort(quantiles.begin(), quantiles.end(), [](const auto& a, const auto& b) { return a.level < b.level; });
  for (const Quantile& one : quantiles) told.levels.push_back(std::round(one.level * 1e9) / 1e9);
  for (const auto& widths : half_widths)
    for (const Quantile& one : quantiles) told.offsets.push_back(one.sign * widths[one.coverage]);
  return told;
}

}  // namespace seqtape
