#pragma once
// Matrix-vector products, as in the layers of a generated token.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

struct Gemv {
  /// y[i] = beta y[i] + sum_j m[i,j] x[j];  m: [n, k] with row stride `ld`, x: [k], y: [n], not read when beta is 0. On
  /// the calling thread.
  void (*rows)(Index n, Index k, const Real* m, Index ld, const Real* x, Real beta, Real* y);
};
extern const Dispatch<Gemv> gemv;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
