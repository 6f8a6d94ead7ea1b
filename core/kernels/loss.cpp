#include "core/kernels/loss.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr Index kRows = 64;

double cross_entropy(Index rows, Index classes, double smoothing, std::int32_t ignore, const Real* logits,
                     const std::int32_t* target, const Real* weight, Real* log_sum, double* scored) {
  const Scratch losses(rows);
  parallel_blocks(rows, kRows, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      losses.data()[r] = 0;
      if (target[r] == ignore) continue;
      const Real* row = logits + r * classes;
      Real top = row[0];
      for (Index i = 1; i < classes; ++i) top = row[i] > top ? row[i] : top;
      Vec total{}, plain{};
      for_lanes(0, classes, [&](Index i, Index lanes) {
        const Vec v = load(row + i, lanes);
        Vec e = exp(v - top);
        for (Index j = lanes; j < W; ++j) e[j] = 0;  // lanes after the end held exp(-top)
        total += e;
        plain += v;
      });
      const Real all = top + std::log(sum(total)), hit = all - row[target[r]];
      if (log_sum) log_sum[r] = all;
      losses.data()[r] = smoothing == 0
                             ? hit
                             : static_cast<Real>((1 - smoothing) * hit +
                                                 smoothing * (all - sum(plain) / static_cast<Real>(classes)));
    }
  });
  double total = 0;
  *scored = 0;
  for (Index r = 0; r < rows; ++r) {
    if (target[r] == ignore) continue;
    const double w = weight ? static_cast<double>(weight[r]) : 1;
    total += w * static_cast<double>(losses.data()[r]);
    *scored += w;
  }
  return total;
}

void cross_entropy_backward(Index rows, Index classes, double smoothing, std::int32_t ignore, Real scale,
                            const Real* logits, const std::int32_t* target, const Real* weight, const Real* log_sum,
                            Real* dlogits) {
  const Real spread = static_cast<Real>(smoothing) / static_cast<Real>(classes);
  parallel_blocks(rows, kRows, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      if (target[r] == ignore) continue;
      const Real* row = logits + r * classes;
      const Real factor = weight ? scale * weight[r] : scale;
      for_lanes(0, classes, [&](Index i, Index lanes) {
        add_to(dlogits + r * classes + i, factor * (exp(load(row + i, lanes) - log_sum[r]) - spread), lanes);
      });
      dlogits[r * classes + target[r]] -= factor * static_cast<Real>(1 - smoothing);
    }
  });
}

Index correct(Index rows, Index classes, std::int32_t ignore, const Real* logits, const std::int32_t* target,
              std::int32_t* hit) {
  Index count = 0;
  for (Index r = 0; r < rows; ++r) {
    hit[r] = -1;
    if (target[r] == ignore) continue;
    const Real* row = logits + r * classes;
    hit[r] = std::max_element(row, row + classes) - row == target[r];
    count += hit[r];
  }
  return count;
}

double squared_error(Index n, const Real* x, const Real* target) {
  double total = 0;
  for (Index i = 0; i < n; ++i) total += static_cast<double>(x[i] - target[i]) * static_cast<double>(x[i] - target[i]);
  return total;
}

void squared_error_backward(Index n, Real scale, const Real* x, const Real* target, Real* dx) {
  for_lanes(0, n, [&](Index i, Index lanes) {
    add_to(dx + i, Real{2} * scale * (load(x + i, lanes) - load(target + i, lanes)), lanes);
  });
}

}  // namespace

extern const Loss loss;
const Loss loss{cross_entropy, cross_entropy_backward, correct, squared_error, squared_error_backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
