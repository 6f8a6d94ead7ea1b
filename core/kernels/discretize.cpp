#include "core/kernels/discretize.h"

#include <cmath>

#include "core/kernels/complex_math.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {
namespace {

/// a_bar = A(z), b_bar = dt F(z) b with z = dt a; and the derivatives of A and F.
struct Step {
  Complex a_bar, f, a_bar_slope, f_slope;
};

Step step(Discretization method, Complex z) {
  switch (method) {
    case Discretization::zoh:
      return {std::exp(z), expm1_over(z), std::exp(z), expm1_over_slope(z)};
    case Discretization::bilinear: {
      const Complex d = 1.0 / (1.0 - 0.5 * z);
      return {(1.0 + 0.5 * z) * d, d, d * d, 0.5 * d * d};
    }
    case Discretization::euler:
      break;
  }
  return {1.0 + z, 1.0, 1.0, 0.0};
}

}  // namespace

void discretize(Discretization method, Index heads, Index states, const Real* log_dt, const Real* a_log_real,
                const Real* a_imag, const Real* b, Real* a_bar, Real* b_bar) {
  for (Index i = 0; i < heads * states; ++i) {
    const double dt = std::exp(static_cast<double>(log_dt[i / states]));
    const Step s = step(method, dt * Complex(-std::exp(static_cast<double>(a_log_real[i])), a_imag[i]));
    put(a_bar, i, s.a_bar);
    put(b_bar, i, dt * s.f * get(b, i));
  }
}

// For an analytic w = f(z) the gradient (as re + i im) passes back as dz = conj(f'(z)) dw.
void discretize_backward(Discretization method, Index heads, Index states, const Real* log_dt, const Real* a_log_real,
                         const Real* a_imag, const Real* b, const Real* da_bar, const Real* db_bar, Real* dlog_dt,
                         Real* da_log_real, Real* da_imag, Real* db) {
  for (Index i = 0; i < heads * states; ++i) {
    const double dt = std::exp(static_cast<double>(log_dt[i / states]));
    const Complex a(-std::exp(static_cast<double>(a_log_real[i])), a_imag[i]);
    const Step s = step(method, dt * a);
    const Complex ga = da_bar ? get(da_bar, i) : 0, gb = db_bar ? get(db_bar, i) : 0, b_i = get(b, i);
    const Complex dz = std::conj(s.a_bar_slope) * ga + std::conj(dt * s.f_slope * b_i) * gb;
    if (db) put(db, i, get(db, i) + std::conj(dt * s.f) * gb);
    // z = dt a, and dt multiplies F: both pass through log_dt, d dt / d log_dt = dt.
    if (dlog_dt)
      dlog_dt[i / states] += static_cast<Real>(dt * ((std::conj(a) * dz).real() + (std::conj(s.f * b_i) * gb).real()));
    if (da_log_real) da_log_real[i] += static_cast<Real>(dt * dz.real() * a.real());  // d re(a)/d a_log_real = re(a)
    if (da_imag) da_imag[i] += static_cast<Real>(dt * dz.imag());
  }
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
