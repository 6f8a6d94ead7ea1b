#include "core/distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/strings.h"

namespace seqtape {
namespace {

double softplus_of(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

/// The continued fraction of the incomplete beta function, by Lentz's method.
/// Source: Press et al. 2007, "Numerical recipes", section 6.4.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::fabs(d) < kTiny ? kTiny : d);
  double all = d;
  for (int m = 1; m < 1000; ++m) {
    const double step = 2.0 * m;
    for (const double term : {m * (b - m) * x / ((a + step - 1) * (a + step)),
                              -(a + m) * (a + b + m) * x / ((a + step) * (a + step + 1))}) {
      d = 1 + term * d;
      c = 1 + term / c;
      d = 1 / (std::fabs(d) < kTiny ? kTiny : d);
      if (std::fabs(c) < kTiny) c = kTiny;
      all *= d * c;
    }
    if (std::fabs(d * c - 1) < 1e-15) break;
  }
  return all;
}

/// I_x(a, b), the regularised incomplete beta function.
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/// The argument above 0 at which a falling tail probability is `tail`, by halving.
template <class Tail>
double where_tail_is(double tail, const Tail& of) {
  double low = 0, high = 1;
  while (of(high) > tail) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-12 * high; ++i) {
    const double middle = (low + high) / 2;
    (of(middle) > tail ? low : high) = middle;
  }
  return (low + high) / 2;
}

/// Of a symmetric distribution with P(X > x) = tail(x).
template <class Tail>
double symmetric_quantile(double level, const Tail& tail) {
  if (level == 0.5) return 0;
  return level < 0.5 ? -where_tail_is(level, tail) : where_tail_is(1 - level, tail);
}

}  // namespace

double normal_quantile(double level) {
  return symmetric_quantile(level, [](double x) { return std::erfc(x / std::sqrt(2.0)) / 2; });
}

double student_quantile(double level, double degrees) {
  return symmetric_quantile(
      level, [=](double x) { return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + x * x)) / 2; });
}

Index Distribution::width() const {
  return kind == Kind::point ? 1 : kind == Kind::quantiles ? static_cast<Index>(levels.size()) : 2;
}

std::vector<double> Distribution::standard_quantiles() const {
  std::vector<double> all;
  if (kind == Kind::gaussian || kind == Kind::student_t)
    for (const double level : levels)
      all.push_back(kind == Kind::gaussian ? normal_quantile(level) : student_quantile(level, degrees));
  return all;
}

void Distribution::quantiles(const float* outputs, double* values) const {
  if (kind == Kind::quantiles) {
    std::copy_n(outputs, levels.size(), values);
    std::sort(values, values + levels.size());
    return;
  }
  const std::vector<double> standard = standard_quantiles();
  const double scale = softplus_of(static_cast<double>(outputs[1])) + kLeastScale;
  for (std::size_t i = 0; i < standard.size(); ++i) values[i] = static_cast<double>(outputs[0]) + scale * standard[i];
}

std::vector<double> Distribution::median_weights() const {
  std::vector<double> weights(levels.size());
  const auto above = static_cast<std::size_t>(std::lower_bound(levels.begin(), levels.end(), 0.5) - levels.begin());
  if (above == levels.size() || above == 0 || levels[above] == 0.5) {
    weights[std::min(above, levels.size() - 1)] = 1;
    return weights;
  }
  weights[above] = (0.5 - levels[above - 1]) / (levels[above] - levels[above - 1]);
  weights[above - 1] = 1 - weights[above];
  return weights;
}

double Distribution::point(const float* outputs) const {
  if (kind != Kind::quantiles) return static_cast<double>(outputs[0]);
  std::vector<double> values(levels.size());
  quantiles(outputs, values.data());
  const std::vector<double> weights = median_weights();
  return std::inner_product(values.begin(), values.end(), weights.begin(), 0.0);
}

void ToldNumbers::read(const float* outputs, Index number, double* values) const {
  values[0] = distribution.point(outputs);
  if (offsets.empty()) return distribution.quantiles(outputs, values + 1);
  const double* const from = offsets.data() + number * static_cast<Index>(levels.size());
  for (std::size_t i = 0; i < levels.size(); ++i) values[1 + i] = values[0] + from[i];
}

ToldNumbers ToldNumbers::shown() const {
  if (offsets.empty()) return *this;
  ToldNumbers some{distribution, {}, {}};
  const std::size_t all = levels.size();
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < all; ++i)
    for (const double coverage : {0.8, 0.95})
      if (std::fabs(std::fabs(levels[i] - 0.5) - coverage / 2) < 1e-9) places.push_back(i);
  for (const std::size_t i : places) some.levels.push_back(levels[i]);
  for (std::size_t number = 0; number < offsets.size() / all; ++number)
    for (const std::size_t i : places) some.offsets.push_back(offsets[number * all + i]);
  return some;
}

std::string quantile_name(double level) { return format("q%g", level); }

}  // namespace seqtape
