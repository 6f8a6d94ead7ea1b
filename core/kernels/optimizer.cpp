#include "core/kernels/optimizer.h"

#include <algorithm>
#include <vector>

#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr Index kBlock = 16384;

void adam(Index n, const OptimizerKernels::Adam& a, const Real* gradient, Real* parameter, Real* m, Real* v) {
  parallel_blocks(n, kBlock, [&](Index begin, Index end) {
    for_lanes(begin, end, [&](Index i, Index lanes) {
      const Vec p = load(parameter + i, lanes), g = load(gradient + i, lanes) * a.scale + a.l2 * p;
      const Vec first = a.beta1 * load(m + i, lanes) + (Real{1} - a.beta1) * g;
      const Vec second = a.beta2 * load(v + i, lanes) + (Real{1} - a.beta2) * g * g;
      store(m + i, first, lanes);
      store(v + i, second, lanes);
      store(parameter + i, p * a.shrink - a.rate * first / (sqrt(second) / a.root + a.eps), lanes);
    });
  });
}

void sgd(Index n, Real scale, Real lr, Real momentum, Real l2, const Real* gradient, Real* parameter, Real* v) {
  parallel_blocks(n, kBlock, [&](Index begin, Index end) {
    for_lanes(begin, end, [&](Index i, Index lanes) {
      const Vec p = load(parameter + i, lanes);
      Vec step = load(gradient + i, lanes) * scale + l2 * p;
      if (v) {
        step += momentum * load(v + i, lanes);
        store(v + i, step, lanes);
      }
      store(parameter + i, p - lr * step, lanes);
    });
  });
}

double sum_of_squares(Index n, const Real* x) {
  constexpr Index kLanes = 8;
  double total = 0;
  for (Index begin = 0; begin < n; begin += kBlock) {
    double sums[kLanes] = {};
    const Index end = std::min(n, begin + kBlock);
    Index i = begin;
    for (; i + kLanes <= end; i += kLanes)
      for (Index j = 0; j < kLanes; ++j) sums[j] += static_cast<double>(x[i + j]) * static_cast<double>(x[i + j]);
    for (; i < end; ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    for (double s : sums) total += s;
  }
  return total;
}

}  // namespace

extern const OptimizerKernels optimizer;
const OptimizerKernels optimizer{adam, sgd, sum_of_squares};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
