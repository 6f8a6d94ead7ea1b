#pragma once
// HiPPO-LegS in normal-plus-low-rank form, diagonalised.

#include <complex>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// A = V (diag(lambda) - P P^H) V^H for the LegS matrix of N states; the N/2 eigenvalues with positive imaginary part,
/// ascending, with P and B in their eigenvectors' basis (which leaves each a phase).
struct HippoLegs {
  std::vector<std::complex<double>> lambda, p, b;
};

/// Requires even N >= 2. Source: Gu et al. 2022 (arXiv 2111.00396), theorem 1 and appendix C.1:
///   A[n,k] = -sqrt((2n+1)(2k+1)) for n > k, -(n+1) for n = k;  P[n] = sqrt(n + 1/2);  B[n] = sqrt(2n+1)
/// A + P P^T = -1/2 I + S with S skew-symmetric, and -i S is Hermitian.
HippoLegs hippo_legs(Index states);

}  // namespace seqtape
