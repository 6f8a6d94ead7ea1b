#pragma once
// What a model answers of a number: itself, or how it is distributed.

#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// A model has `width` outputs for a number y:
///   point      y
///   quantiles  one for each level
///   gaussian   m, r: y is normal with mean m and deviation s = softplus(r) + 0.001
///   student_t  m, r: (y - m) / s has Student's t-distribution of `degrees` of freedom
/// Its quantiles are outputs, or m + s z with z that of the distribution. They never cross: outputs that do are put in
/// order, which is never further from the true quantiles.
/// Source: Chernozhukov, Fernandez-Val & Galichon 2010, "Quantile and probability curves without crossing".
struct Distribution {
  enum class Kind { point, quantiles, gaussian, student_t };
  static constexpr double kLeastScale = 1e-3;

  Kind kind = Kind::point;
  std::vector<double> levels{};  ///< of the quantiles that are told, rising; of a point: none
  double degrees = 0;            ///< of freedom

  Index width() const;
  /// The point that a forecast is scored by: y, the mean, or the median, between two levels by a straight line.
  double point(const float* outputs) const;
  /// The quantiles of one number, [levels].
  void quantiles(const float* outputs, double* values) const;
  /// Of the quantiles, the weights that make the median.
  std::vector<double> median_weights() const;
  /// The z of each level; none where the outputs are the quantiles.
  std::vector<double> standard_quantiles() const;
};

/// What is told of each number that a model answers: a point, and quantiles.
struct ToldNumbers {
  Distribution distribution{};
  std::vector<double> levels{};  ///< of the quantiles, rising; none: the points alone
  /// [numbers, levels]: how far the quantiles lie from the point, by the errors on data that were not trained on;
  /// empty: they are the distribution's.
  std::vector<double> offsets{};

  /// Those of them that answers have: of errors' offsets the intervals of 80 and 95 %.
  ToldNumbers shown() const;
  /// The point of number `number`, then its quantiles, [1 + levels], from its outputs.
  void read(const float* outputs, Index number, double* values) const;
};

/// The quantile of the standard normal distribution, and of Student's t of some degrees of freedom, for a level in
/// (0, 1); to 1e-9 of the value.
double normal_quantile(double level);
double student_quantile(double level, double degrees);

/// "q0.1": how the column of a quantile ends.
std::string quantile_name(double level);

}  // namespace seqtape
