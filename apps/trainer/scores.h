#pragma once
// Formulas of judging answers: pure functions, without models or files. What is undefined is NaN: the recall of a class
// that does not occur, the ranking of a class with no negatives.

#include <functional>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "core/real.h"

namespace seqtape {

struct Interval {
  double low, high;
};

/// The 95 % confidence interval of a share, `hits` of `count`: with p = hits / count and z = 1.96
///   (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).
/// Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
Interval wilson_interval(double hits, double count);

/// How often each pair (truth, answer) occurred; pairs that did not are absent.
using Confusion = std::map<std::pair<std::int32_t, std::int32_t>, Index>;
Confusion confusion(const std::vector<std::int32_t>& truth, const std::vector<std::int32_t>& answers);

/// A class against the rest.
struct ClassCounts {
  Index support = 0;   ///< true positives and false negatives
  Index answered = 0;  ///< true and false positives
  Index hits = 0;      ///< true positives

  double precision() const;  ///< hits / answered
  double recall() const;     ///< hits / support
  /// The harmonic mean of both, 2 hits / (support + answered): 0 for a class that occurs and is never answered.
  /// Source: van Rijsbergen 1979, "Information retrieval", chapter 7, with beta = 1.
  double f1() const;
};
std::vector<ClassCounts> class_counts(const Confusion&, Index classes);

/// The mean recall of the classes that occur: chance has 1 / classes, whatever their shares.
/// Source: Brodersen et al. 2010, "The balanced accuracy and its posterior distribution".
double balanced_accuracy(const std::vector<ClassCounts>&);
/// The mean F1 of the classes that occur or are answered.
double macro_f1(const std::vector<ClassCounts>&);
/// The F1 of all classes' counts together: of one class a sequence the accuracy, of several labels not.
double micro_f1(const std::vector<ClassCounts>&);

/// log(p / (1 - p)) of each class, from a row of logits: ranks as the probability does, and tells apart what rounds to
/// a probability of 0 or 1.
void log_odds(const float* logits, Index classes, float* odds);
/// The probability of log-odds.
double probability_of(float odds);

/// The area under the ROC curve: the share of pairs (a positive, a negative) in which the positive has the greater
/// score; equal scores count half. By the sum of the positives' ranks, where equal scores have their mean rank:
/// (ranks - P (P + 1) / 2) / (P N).
/// Source: Mann & Whitney 1947; Hanley & McNeil 1982, "The meaning and use of the area under a ROC curve".
double auroc(const std::vector<float>& scores, const std::vector<bool>& positive);

/// The mean precision over the positives, sum (R_k - R_k-1) P_k over the thresholds k, from the greatest score down;
/// equal scores are one threshold. A ranking by chance has the share of positives.
/// Source: scikit-learn's average_precision_score; Su et al. 2015, "A relationship between the average precision and
/// the area under the ROC curve".
double average_precision(const std::vector<float>& scores, const std::vector<bool>& positive);

/// 200 |y - f| / (|y| + |f|), in percent, 0 to 200; 0 where both are 0.
/// Source: Makridakis & Hibon 2000, "The M3-competition".
double smape_term(double truth, double forecast);

/// Errors of forecasts.
class ForecastErrors {
 public:
  /// `naive`: the seasonal_error of the training data; NaN, or 0: there is none.
  void add(double truth, double forecast, double naive = std::numeric_limits<double>::quiet_NaN());
  void add(const ForecastErrors&);
  Index count() const { return count_; }
  double mae() const { return mean(absolute_); }
  double rmse() const;
  /// 1 - sum of squared errors / sum of squares of the truths around their mean: 1 is exact, 0 as good as that mean;
  /// undefined where the truths are all equal.
  double r2() const;
  double smape() const { return mean(smape_); }  ///< the mean of `smape_term`
  /// The mean of |truth - forecast| / naive, over those that have one: below 1, the forecasts beat the naive one in the
  /// training data. Source: Hyndman & Koehler 2006, "Another look at measures of forecast accuracy".
  double mase() const;

 private:
  double mean(double sum) const;
  double absolute_ = 0, square_ = 0, smape_ = 0, scaled_ = 0;
  double mean_ = 0, spread_ = 0;  // of the truths: their mean, and the sum of squares around it
  Index count_ = 0, scaled_count_ = 0;
};

/// Scores of forecast quantiles. A quantile f of level q costs max(q (y - f), (q - 1) (y - f)), the pinball loss, which
/// is least for the true one. Source: Gneiting & Raftery 2007, "Strictly proper scoring rules", section 6.
class QuantileErrors {
 public:
  QuantileErrors() = default;
  explicit QuantileErrors(const std::vector<double>& levels);
  /// `quantiles`: of each level.
  void add(double truth, const double* quantiles);
  Index count() const { return count_; }
  double pinball() const;  ///< the mean over the levels
  /// The continuous ranked probability score as twice the mean pinball loss over equally spaced levels, crps_levels of
  /// them; undefined where there are none.
  double crps() const;
  static std::vector<double> crps_levels(const std::vector<double>& levels);
  /// The intervals between two levels of one distance from 0.5, the narrowest first.
  struct Central {
    double coverage;  ///< that they should have
    double covered;   ///< the share of truths that lie within
    double width;     ///< the mean
  };
  std::vector<Central> intervals() const;

 private:
  std::vector<double> levels_, pinball_;
  std::vector<Index> within_;  // of each level below 0.5: truths between it and its opposite
  std::vector<double> width_;  // of these intervals, summed
  Index count_ = 0;
};

/// Resamples of a bootstrap, and the seed of their random numbers.
struct Bootstrap {
  Index resamples = 1000;
  std::uint64_t seed = 1;
};

/// 95 % confidence intervals of statistics of independent items (the sequences of an evaluation), by the percentiles of
/// resamples: items drawn with replacement, as many as there are. `statistics` gets how often each item was drawn; a
/// value of a resample that is NaN does not count. Nothing for fewer than two items.
/// Source: Efron 1979; Efron & Tibshirani 1993, "An introduction to the bootstrap", section 13.3.
std::vector<Interval> bootstrap_intervals(
    Index items, const std::function<std::vector<double>(const std::vector<Index>&)>& statistics,
    const Bootstrap& = {});

}  // namespace seqtape
