#pragma once
// Complex numbers stored as pairs (re, im) of Real, computed in double.

#include <complex>

#include "core/real.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

using Complex = std::complex<double>;

inline Complex get(const Real* pairs, Index i) {
  return {static_cast<double>(pairs[2 * i]), static_cast<double>(pairs[2 * i + 1])};
}
inline void put(Real* pairs, Index i, Complex value) {
  pairs[2 * i] = static_cast<Real>(value.real());
  pairs[2 * i + 1] = static_cast<Real>(value.imag());
}

/// (e^z - 1)/z, by its series where the difference would cancel.
inline Complex expm1_over(Complex z) {
  if (std::norm(z) > 0.25) return (std::exp(z) - 1.0) / z;
  Complex sum = 0;
  for (int k = 16; k >= 1; --k) sum = sum * z / static_cast<double>(k + 1) + 1.0;
  return sum;
}

/// d/dz (e^z - 1)/z = (e^z - (e^z - 1)/z)/z = sum_k z^k / (k! (k + 2)).
inline Complex expm1_over_slope(Complex z) {
  if (std::norm(z) > 0.25) return (std::exp(z) - (std::exp(z) - 1.0) / z) / z;
  Complex power = 1.0, sum = 0;
  double factorial = 1;
  for (int k = 0; k < 18; ++k) {
    sum += power / (factorial * (k + 2));
    power *= z;
    factorial *= k + 1;
  }
  return sum;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
