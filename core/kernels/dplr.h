#pragma once
// S4's state matrix A = diag(lambda) - P P^H in bilinear form.

#include <vector>

#include "core/real.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

/// Coefficients of ssm_scan's low-rank step. With h = exp(log_dt)/2, lambda = -exp(a_log_real) + i a_imag,
/// D = 1/(1 - h lambda) and rho = P^H D P = 2 sum |p|^2 Re D (over conjugate pairs), by Woodbury's identity
///   (I - h A)^-1 = D - D P g P^H D,  g = h/(1 + h rho)
/// so that one step (I - h A)^-1 [(I + h A) s + 2 h b u] has
///   a = D (1 + h lambda) = 2 D - 1,   b_bar = 2 h D b,   q = h D p,   r = g D p
/// log_dt: [H]   a_log_real, a_imag: [H, N]   p, b, a_bar, b_bar, q, r: [H, N, 2]. Computed in double.
/// Source: Gu et al. 2022 (arXiv 2111.00396), appendix C.2.
void dplr_discretize(Index heads, Index states, const Real* log_dt, const Real* a_log_real, const Real* a_imag,
                     const Real* p, const Real* b, Real* a_bar, Real* b_bar, Real* q, Real* r);
/// ADDS into every gradient given; null output gradients are zero.
void dplr_discretize_backward(Index heads, Index states, const Real* log_dt, const Real* a_log_real, const Real* a_imag,
                              const Real* p, const Real* b, const Real* da_bar, const Real* db_bar, const Real* dq,
                              const Real* dr, Real* dlog_dt, Real* da_log_real, Real* da_imag, Real* dp, Real* db);

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
