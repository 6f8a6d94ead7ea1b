#include "apps/trainer/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace seqtape {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr double kNormal = 1.959963984540054;  // the 97.5th percentile of the normal distribution

double ratio(Index part, Index all) { return all ? static_cast<double>(part) / static_cast<double>(all) : kUndefined; }

/// The mean of what is defined.
template <class Value>
double mean_over(const std::vector<ClassCounts>& classes, Value value) {
  double sum = 0;
  Index count = 0;
  for (const ClassCounts& one : classes)
    if (const double term = value(one); !std::isnan(term)) sum += term, ++count;
  return count ? sum / static_cast<double>(count) : kUndefined;
}

/// Calls tie(positives, negatives) for each set of equal scores, from the greatest down.
template <class Tie>
void each_tie(const std::vector<float>& scores, const std::vector<bool>& positive, Tie tie) {
  if (scores.size() != positive.size())
    throw ShapeError(str("ranking: ", scores.size(), " scores for ", positive.size(), " answers"));
  std::vector<std::pair<float, bool>> ranked(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) ranked[i] = {scores[i], positive[i]};
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::size_t i = 0; i < ranked.size();) {
    double positives = 0, negatives = 0;
    for (const float score = ranked[i].first; i < ranked.size() && ranked[i].first == score; ++i)
      ++(ranked[i].second ? positives : negatives);
    tie(positives, negatives);
  }
}

/// The quantile of sorted values, between two of them by a straight line.
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1), below = std::floor(at);
  const auto i = static_cast<std::size_t>(below);
  return i + 1 < sorted.size() ? sorted[i] + (at - below) * (sorted[i + 1] - sorted[i]) : sorted[i];
}

}  // namespace

Interval wilson_interval(double hits, double count) {
  if (!(count > 0)) return {kUndefined, kUndefined};
  const double p = hits / count, square = kNormal * kNormal;
  const double middle = p + square / (2 * count), scale = 1 + square / count;
  const double half = kNormal * std::sqrt(p * (1 - p) / count + square / (4 * count * count));
  // At 0 and 1 the bound is exact; rounding would miss it.
  return {hits <= 0 ? 0 : (middle - half) / scale, hits >= count ? 1 : (middle + half) / scale};
}

Confusion confusion(const std::vector<std::int32_t>& truth, const std::vector<std::int32_t>& answers) {
  if (truth.size() != answers.size())
    throw ShapeError(str("confusion: ", answers.size(), " answers for ", truth.size(), " true ones"));
  Confusion cells;
  for (std::size_t i = 0; i < truth.size(); ++i) ++cells[{truth[i], answers[i]}];
  return cells;
}

double ClassCounts::precision() const { return ratio(hits, answered); }
double ClassCounts::recall() const { return ratio(hits, support); }
double ClassCounts::f1() const { return ratio(2 * hits, support + answered); }

std::vector<ClassCounts> class_counts(const Confusion& cells, Index classes) {
  std::vector<ClassCounts> counts(static_cast<std::size_t>(classes));
  for (const auto& [pair, count] : cells) {
    counts.at(static_cast<std::size_t>(pair.first)).support += count;
    counts.at(static_cast<std::size_t>(pair.second)).answered += count;
    if (pair.first == pair.second) counts[static_cast<std::size_t>(pair.first)].hits += count;
  }
  return counts;
}

double balanced_accuracy(const std::vector<ClassCounts>& classes) {
  return mean_over(classes, [](const ClassCounts& one) { return one.recall(); });
}

double macro_f1(const std::vector<ClassCounts>& classes) {
  return mean_over(classes, [](const ClassCounts& one) { return one.f1(); });
}

double micro_f1(const std::vector<ClassCounts>& classes) {
  ClassCounts all;
  for (const ClassCounts& one : classes) {
    all.support += one.support;
    all.answered += one.answered;
    all.hits += one.hits;
  }
  return all.f1();
}

void log_odds(const float* logits, Index classes, float* odds) {
  const auto largest = static_cast<Index>(std::max_element(logits, logits + classes) - logits);
  // The others of the largest are summed without it, for their sum may be lost beside it.
  double most = -std::numeric_limits<double>::infinity(), others = 0, all = 0;
  for (Index c = 0; c < classes; ++c)
    if (c != largest) most = std::max(most, static_cast<double>(logits[c]));
  const auto power = [&](Index c, double off) { return std::exp(static_cast<double>(logits[c]) - off); };
  for (Index c = 0; c < classes; ++c)
    if (c != largest) others += power(c, most);
  const auto top = static_cast<double>(logits[largest]);
  const double ahead = others > 0 ? top - most - std::log(others) : std::numeric_limits<double>::infinity();
  for (Index c = 0; c < classes; ++c) all += power(c, top);
  for (Index c = 0; c < classes; ++c)
    odds[c] =
        static_cast<float>(c == largest ? ahead : static_cast<double>(logits[c]) - top - std::log(all - power(c, top)));
}

double probability_of(float odds) { return 1 / (1 + std::exp(-static_cast<double>(odds))); }

double auroc(const std::vector<float>& scores, const std::vector<bool>& positive) {
  const auto all = static_cast<double>(scores.size());
  double ranks = 0, positives = 0, seen = 0;
  each_tie(scores, positive, [&](double hits, double misses) {
    // The ranks from the least up of these: all - seen, and so on down; their mean belongs to each.
    ranks += hits * (all - seen - (hits + misses - 1) / 2);
    positives += hits;
    seen += hits + misses;
  });
  const double negatives = all - positives;
  if (positives == 0 || negatives == 0) return kUndefined;
  return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

double average_precision(const std::vector<float>& scores, const std::vector<bool>& positive) {
  const auto positives = static_cast<double>(std::count(positive.begin(), positive.end(), true));
  if (positives == 0 || positives == static_cast<double>(positive.size())) return kUndefined;
  double sum = 0, hits = 0, seen = 0;
  each_tie(scores, positive, [&](double more, double misses) {
    hits += more;
    seen += more + misses;
    sum += more / positives * (hits / seen);
  });
  return sum;
}

double smape_term(double truth, double forecast) {
  const double size = std::fabs(truth) + std::fabs(forecast);
  return size > 0 ? 200 * std::fabs(truth - forecast) / size : 0;
}

void ForecastErrors::add(double truth, double forecast, double naive) {
  if (naive > 0) scaled_ += std::fabs(truth - forecast) / naive, ++scaled_count_;
  absolute_ += std::fabs(truth - forecast);
  square_ += (truth - forecast) * (truth - forecast);
  smape_ += smape_term(truth, forecast);
  ++count_;
  const double off = truth - mean_;  // Welford 1962
  mean_ += off / static_cast<double>(count_);
  spread_ += off * (truth - mean_);
}

void ForecastErrors::add(const ForecastErrors& other) {
  if (other.count_ == 0) return;
  const auto mine = static_cast<double>(count_), theirs = static_cast<double>(other.count_), off = other.mean_ - mean_;
  mean_ += off * theirs / (mine + theirs);
  spread_ += other.spread_ + off * off * mine * theirs / (mine + theirs);
  absolute_ += other.absolute_;
  square_ += other.square_;
  smape_ += other.smape_;
  scaled_ += other.scaled_;
  scaled_count_ += other.scaled_count_;
  count_ += other.count_;
}

double ForecastErrors::mean(double sum) const { return count_ ? sum / static_cast<double>(count_) : kUndefined; }
double ForecastErrors::r2() const { return spread_ > 0 ? 1 - square_ / spread_ : kUndefined; }
double ForecastErrors::rmse() const { return std::sqrt(mean(square_)); }
double ForecastErrors::mase() const {
  return scaled_count_ ? scaled_ / static_cast<double>(scaled_count_) : kUndefined;
}

namespace {

bool same_level(double a, double b) { return std::fabs(a - b) < 1e-9; }

/// The level as far above 0.5 as levels[i] is below it; levels.size(): there is none.
std::size_t opposite(const std::vector<double>& levels, std::size_t i) {
  std::size_t other = i + 1;
  while (other < levels.size() && !same_level(levels[other], 1 - levels[i])) ++other;
  return other;
}

}  // namespace

QuantileErrors::QuantileErrors(const std::vector<double>& levels)
    : levels_(levels), pinball_(levels.size()), within_(levels.size()), width_(levels.size()) {}

void QuantileErrors::add(double truth, const double* quantiles) {
  ++count_;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const double error = truth - quantiles[i];
    pinball_[i] += std::max(levels_[i] * error, (levels_[i] - 1) * error);
    const std::size_t other = opposite(levels_, i);
    if (levels_[i] >= 0.5 || other == levels_.size()) continue;
    within_[i] += quantiles[i] <= truth && truth <= quantiles[other];
    width_[i] += quantiles[other] - quantiles[i];
  }
}

double QuantileErrors::pinball() const {
  if (count_ == 0 || levels_.empty()) return kUndefined;
  return std::accumulate(pinball_.begin(), pinball_.end(), 0.0) / static_cast<double>(count_) /
         static_cast<double>(levels_.size());
}

std::vector<double> QuantileErrors::crps_levels(const std::vector<double>& levels) {
  // k / n for k = 1 to n - 1, of the largest n of which all are there.
  for (std::size_t n = levels.size() + 1; n > 2; --n) {
    std::vector<double> spaced;
    for (std::size_t k = 1; k < n; ++k) spaced.push_back(static_cast<double>(k) / static_cast<double>(n));
    if (std::all_of(spaced.begin(), spaced.end(), [&](double level) {
          return std::any_of(levels.begin(), levels.end(), [&](double one) { return same_level(one, level); });
        }))
      return spaced;
  }
  return {};
}

double QuantileErrors::crps() const {
  const std::vector<double> spaced = crps_levels(levels_);
  if (count_ == 0 || spaced.size() < 3) return kUndefined;
  double sum = 0;
  for (std::size_t i = 0; i < levels_.size(); ++i)
    for (const double level : spaced)
      if (same_level(level, levels_[i])) sum += pinball_[i];
  return 2 * sum / static_cast<double>(count_) / static_cast<double>(spaced.size());
}

std::vector<QuantileErrors::Central> QuantileErrors::intervals() const {
  std::vector<Central> all;
  for (std::size_t i = levels_.size(); i-- > 0;)
    if (levels_[i] < 0.5 && opposite(levels_, i) < levels_.size() && count_ > 0)
      all.push_back({1 - 2 * levels_[i], ratio(within_[i], count_), width_[i] / static_cast<double>(count_)});
  return all;
}

std::vector<Interval> bootstrap_intervals(
    Index items, const std::function<std::vector<double>(const std::vector<Index>&)>& statistics,
    const Bootstrap& options) {
  if (items < 2) return {};
  std::vector<std::vector<double>> values;  // of each statistic
  std::vector<Index> drawn;
  for (Index resample = 0; resample < options.resamples; ++resample) {
    Random random(options.seed, "bootstrap", static_cast<std::uint64_t>(resample));
    drawn.assign(static_cast<std::size_t>(items), 0);
    for (Index i = 0; i < items; ++i) ++drawn[static_cast<std::size_t>(random.below(items))];
    const std::vector<double> some = statistics(drawn);
    values.resize(some.size());
    for (std::size_t k = 0; k < some.size(); ++k)
      if (!std::isnan(some[k])) values[k].push_back(some[k]);
  }
  std::vector<Interval> intervals;
  for (std::vector<double>& one : values) {
    std::sort(one.begin(), one.end());
    intervals.push_back(one.empty() ? Interval{kUndefined, kUndefined}
                                    : Interval{quantile(one, 0.025), quantile(one, 0.975)});
  }
  return intervals;
}

}  // namespace seqtape
