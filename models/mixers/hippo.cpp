#include "models/mixers/hippo.h"

#include <cmath>

#include "core/error.h"

// LAPACK, from OpenBLAS: eigenvalues (ascending) and vectors of a Hermitian matrix.
extern "C" void zheev_(const char* job, const char* triangle, const int* n, std::complex<double>* a, const int* lda,
                       double* w, std::complex<double>* work, const int* lwork, double* rwork, int* info);

namespace seqtape {

HippoLegs hippo_legs(Index states) {
  const int n = static_cast<int>(states);
  std::vector<std::complex<double>> matrix(static_cast<std::size_t>(n * n)), work(static_cast<std::size_t>(64 * n));
  std::vector<double> p, b, values(static_cast<std::size_t>(n)), rwork(static_cast<std::size_t>(3 * n));
  for (int i = 0; i < n; ++i) {
    p.push_back(std::sqrt(i + 0.5));
    b.push_back(std::sqrt(2.0 * i + 1));
  }
  // S[i,j] = A[i,j] + P[i] P[j] off the diagonal: below it -B[i]B[j] + B[i]B[j]/2, above it +B[i]B[j]/2. Column-major.
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      const double half = b[static_cast<std::size_t>(i)] * b[static_cast<std::size_t>(j)] / 2;
      const double skew = i == j ? 0 : i > j ? -half : half;
      matrix[static_cast<std::size_t>(j * n + i)] = std::complex<double>(0, -skew);  // -i S
    }
  const int lwork = 64 * n;
  int info = 0;
  zheev_("V", "L", &n, matrix.data(), &n, values.data(), work.data(), &lwork, rwork.data(), &info);
  if (info != 0) throw Error(str("hippo_legs: LAPACK's zheev failed with ", info));
  HippoLegs out;
  for (int k = n / 2; k < n; ++k) {  // ascending: the positive half
    std::complex<double> p_k = 0, b_k = 0;
    for (int i = 0; i < n; ++i) {
      const std::complex<double> v = std::conj(matrix[static_cast<std::size_t>(k * n + i)]);
      p_k += v * p[static_cast<std::size_t>(i)];
      b_k += v * b[static_cast<std::size_t>(i)];
    }
    out.lambda.emplace_back(-0.5, values[static_cast<std::size_t>(k)]);
    out.p.push_back(p_k);
    out.b.push_back(b_k);
  }
  return out;
}

}  // namespace seqtape
