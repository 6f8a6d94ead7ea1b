// Eight rows at a time: eight sums hide the latency of an addition, and eight streams keep the memory busy. A row is
// summed in the same order whatever its neighbours. For matrices that come from memory; see kStreamed in gemm.cpp.
#include "core/kernels/gemv.h"

#include "core/kernels/simd.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

template <int R>
void block(Index k, const Real* m, Index ld, const Real* x, Real beta, Real* y) {
  Vec sums[R]{};
  Index j = 0;
  for (; j + W <= k; j += W) {
    const Vec v = load(x + j);
    for (int r = 0; r < R; ++r) sums[r] += load(m + r * ld + j) * v;
  }
  for (int r = 0; r < R; ++r) {
    Real total = k >= W ? seqtape::kernels::SEQTAPE_ISA::sum(sums[r]) : 0;
    for (Index rest = j; rest < k; ++rest) total += m[r * ld + rest] * x[rest];
    y[r] = beta == 0 ? total : beta * y[r] + total;
  }
}

void rows(Index n, Index k, const Real* m, Index ld, const Real* x, Real beta, Real* y) {
  Index i = 0;
  for (; i + 8 <= n; i += 8) block<8>(k, m + i * ld, ld, x, beta, y + i);
  for (; i < n; ++i) block<1>(k, m + i * ld, ld, x, beta, y + i);
}

}  // namespace

extern const Gemv gemv;
const Gemv gemv{rows};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
