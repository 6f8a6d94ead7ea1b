#include "core/kernels/dplr.h"

#include <cmath>
#include <vector>

#include "core/kernels/complex_math.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {
namespace {

struct Head {
  double h, rho = 0, g;
  std::vector<Complex> lambda, d;

  Head(Index states, Real log_dt, const Real* a_log_real, const Real* a_imag, const Real* p)
      : h(std::exp(static_cast<double>(log_dt)) / 2) {
    for (Index n = 0; n < states; ++n) {
      lambda.emplace_back(-std::exp(static_cast<double>(a_log_real[n])), static_cast<double>(a_imag[n]));
      d.push_back(1.0 / (1.0 - h * lambda.back()));
      rho += 2 * std::norm(get(p, n)) * d.back().real();
    }
    g = h / (1 + h * rho);
  }
};

}  // namespace

void dplr_discretize(Index heads, Index states, const Real* log_dt, const Real* a_log_real, const Real* a_imag,
                     const Real* p, const Real* b, Real* a_bar, Real* b_bar, Real* q, Real* r) {
  for (Index head = 0; head < heads; ++head) {
    const Index first = head * states;
    const Head k(states, log_dt[head], a_log_real + first, a_imag + first, p + 2 * first);
    for (Index n = 0; n < states; ++n) {
      const Complex d = k.d[static_cast<std::size_t>(n)], dp = d * get(p, first + n);
      put(a_bar, first + n, 2.0 * d - 1.0);
      put(b_bar, first + n, 2 * k.h * d * get(b, first + n));
      put(q, first + n, k.h * dp);
      put(r, first + n, k.g * dp);
    }
  }
}

// An analytic w = f(z) passes a gradient back as conj(f') dw. dg/dh = 1/(1 + h rho)^2, dg/drho = -g^2, dD/d(h lambda) =
// D^2.
void dplr_discretize_backward(Index heads, Index states, const Real* log_dt, const Real* a_log_real, const Real* a_imag,
                              const Real* p, const Real* b, const Real* da_bar, const Real* db_bar, const Real* dq,
                              const Real* dr, Real* dlog_dt, Real* da_log_real, Real* da_imag, Real* dp, Real* db) {
  const auto grad = [](const Real* pairs, Index i) { return pairs ? get(pairs, i) : Complex{}; };
  for (Index head = 0; head < heads; ++head) {
    const Index first = head * states;
    const Head k(states, log_dt[head], a_log_real + first, a_imag + first, p + 2 * first);
    double g_h = 0, g_g = 0;
    for (Index n = 0; n < states; ++n)
      g_g += (std::conj(k.d[static_cast<std::size_t>(n)] * get(p, first + n)) * grad(dr, first + n)).real();
    const double one = 1 + k.h * k.rho, g_rho = -k.g * k.g * g_g;
    g_h += g_g / (one * one);
    for (Index n = 0; n < states; ++n) {
      const Index i = first + n;
      const Complex d = k.d[static_cast<std::size_t>(n)], lambda = k.lambda[static_cast<std::size_t>(n)];
      const Complex p_n = get(p, i), b_n = get(b, i), gb = grad(db_bar, i), gq = grad(dq, i), gr = grad(dr, i);
      const Complex g_d = 2.0 * grad(da_bar, i) + std::conj(2 * k.h * b_n) * gb + std::conj(k.h * p_n) * gq +
                          std::conj(k.g * p_n) * gr + 2 * std::norm(p_n) * g_rho;
      g_h += (std::conj(2.0 * d * b_n) * gb + std::conj(d * p_n) * gq).real();
      if (db) put(db, i, get(db, i) + std::conj(2 * k.h * d) * gb);
      if (dp) put(dp, i, get(dp, i) + std::conj(k.h * d) * gq + std::conj(k.g * d) * gr + 4 * d.real() * g_rho * p_n);
      const Complex g_e = std::conj(d * d) * g_d;  // of h lambda
      g_h += (std::conj(lambda) * g_e).real();
      if (da_log_real) da_log_real[i] += static_cast<Real>(k.h * g_e.real() * lambda.real());
      if (da_imag) da_imag[i] += static_cast<Real>(k.h * g_e.imag());
    }
    if (dlog_dt) dlog_dt[head] += static_cast<Real>(k.h * g_h);
  }
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
