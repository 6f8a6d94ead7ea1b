#include "core/kernels/distribution_loss.h"

#include <cmath>
#include <numbers>

namespace seqtape::inline SEQTAPE_PRECISION::kernels {
namespace {

using Kind = Distribution::Kind;

/// A number under a distribution with a location and a scale.
struct Standardised {
  double z, scale, sigmoid;
};

Standardised standardised(const Real* outputs, double y) {
  const double r = static_cast<double>(outputs[1]),
               softplus = r > 0 ? r + std::log1p(std::exp(-r)) : std::log1p(std::exp(r));
  const double scale = softplus + Distribution::kLeastScale;
  return {(y - static_cast<double>(outputs[0])) / scale, scale, 1 / (1 + std::exp(-r))};
}

/// - log of the density of z at 0 spread, but for log s.
double constant_of(const Distribution& of) {
  if (of.kind == Kind::gaussian) return std::log(2 * std::numbers::pi) / 2;
  const double v = of.degrees;
  return std::lgamma(v / 2) - std::lgamma((v + 1) / 2) + std::log(std::numbers::pi * v) / 2;
}

}  // namespace

double distribution_loss(const Distribution& of, Index n, const Real* outputs, const Real* target, Index* scored) {
  const Index width = of.width();
  const double v = of.degrees, constant = of.kind == Kind::gaussian || of.kind == Kind::student_t ? constant_of(of) : 0;
  double total = 0;
  *scored = 0;
  for (Index i = 0; i < n; ++i, outputs += width) {
    const double y = static_cast<double>(target[i]);
    if (std::isnan(y)) continue;
    ++*scored;
    if (of.kind == Kind::point) {
      total += std::pow(y - static_cast<double>(outputs[0]), 2);
    } else if (of.kind == Kind::quantiles) {
      for (Index q = 0; q < width; ++q) {
        const double error = y - static_cast<double>(outputs[q]), level = of.levels[static_cast<std::size_t>(q)];
        total += (error > 0 ? level * error : (level - 1) * error) / static_cast<double>(width);
      }
    } else {
      const auto [z, scale, sigmoid] = standardised(outputs, y);
      total +=
          constant + std::log(scale) + (of.kind == Kind::gaussian ? z * z / 2 : (v + 1) / 2 * std::log1p(z * z / v));
    }
  }
  return total;
}

void distribution_loss_backward(const Distribution& of, Index n, Real scale, const Real* outputs, const Real* target,
                                Real* doutputs) {
  const Index width = of.width();
  const double factor = static_cast<double>(scale);
  for (Index i = 0; i < n; ++i, outputs += width, doutputs += width) {
    const double y = static_cast<double>(target[i]);
    if (std::isnan(y)) continue;
    if (of.kind == Kind::point) {
      doutputs[0] += static_cast<Real>(2 * factor * (static_cast<double>(outputs[0]) - y));
    } else if (of.kind == Kind::quantiles) {
      for (Index q = 0; q < width; ++q) {
        const double below = y > static_cast<double>(outputs[q]) ? 0 : 1;
        doutputs[q] +=
            static_cast<Real>(factor * (below - of.levels[static_cast<std::size_t>(q)]) / static_cast<double>(width));
      }
    } else {
      const auto [z, s, sigmoid] = standardised(outputs, y);
      const double u = of.kind == Kind::gaussian ? z : (of.degrees + 1) * z / (of.degrees + z * z);
      doutputs[0] -= static_cast<Real>(factor * u / s);
      doutputs[1] += static_cast<Real>(factor * (1 - u * z) * sigmoid / s);
    }
  }
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
