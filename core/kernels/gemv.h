#pragma once
// A matrix times a vector: what the layers of a generated token are.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

struct Gemv {
  /// y[i] = beta y[i] + sum_j m[i,j] x[j] for n rows of k; m: rows `ld` apart. beta 0: y need not be numbers. On the
  /// calling thread.
  void (*rows)(Index n, Index k, const Real* m, Index ld, const Real* x, Real beta, Real* y);
};
extern const Dispatch<Gemv> gemv;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
