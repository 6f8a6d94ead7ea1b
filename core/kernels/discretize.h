#pragma once
// Discretisation of a diagonal state space model.

#include <string>

#include "core/real.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

enum class Discretization { zoh, bilinear, euler };

/// With a = -exp(a_log_real) + i a_imag and dt = exp(log_dt), for every head and state:
///   zoh       a_bar = exp(dt a)                        b_bar = (exp(dt a) - 1) / a  b
///   bilinear  a_bar = (1 + dt a / 2)/(1 - dt a / 2)    b_bar = dt / (1 - dt a / 2)  b
///   euler     a_bar = 1 + dt a                         b_bar = dt b
/// log_dt: [H]   a_log_real, a_imag: [H, N]   b, a_bar, b_bar: [H, N, 2] as (re, im)
/// Computed in double: (exp(z) - 1)/z cancels for small z, and the kernel is cheap.
/// Source: Gu et al. 2022 (arXiv 2111.00396), eq. 3 for bilinear; Gupta et al. 2022 (arXiv 2203.14343) for zoh.
void discretize(Discretization, Index heads, Index states, const Real* log_dt, const Real* a_log_real,
                const Real* a_imag, const Real* b, Real* a_bar, Real* b_bar);
/// ADDS into every gradient given; null output gradients are zero.
void discretize_backward(Discretization, Index heads, Index states, const Real* log_dt, const Real* a_log_real,
                         const Real* a_imag, const Real* b, const Real* da_bar, const Real* db_bar, Real* dlog_dt,
                         Real* da_log_real, Real* da_imag, Real* db);

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
