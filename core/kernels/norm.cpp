#include "core/kernels/norm.h"

#include <cmath>

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr Index kRows = 64;  // rows to a parallel item, and to a partial sum of the weight's gradient

template <class F>
Real row_sum(Index n, const F& term) {
  Vec total{};
  for_lanes(0, n, [&](Index i, Index lanes) { total += term(i, lanes); });
  return sum(total);
}

void rms(Index rows, Index n, double eps, const Real* x, const Real* weight, Real* y, Real* scale) {
  parallel_blocks(rows, kRows, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const Real* row = x + r * n;
      const Real squares = row_sum(n, [&](Index i, Index lanes) {
        const Vec v = load(row + i, lanes);
        return v * v;
      });
      const Real s = Real{1} / std::sqrt(squares / static_cast<Real>(n) + static_cast<Real>(eps));
      if (scale) scale[r] = s;
      for_lanes(0, n, [&](Index i, Index lanes) {
        store(y + r * n + i, load(row + i, lanes) * s * load(weight + i, lanes), lanes);
      });
    }
  });
}

/// Runs body(row, partial sums of this item: [width]) over all rows and adds the partial sums to `out` in order.
template <class Body>
void with_partial_sums(Index rows, Index width, const Body& body, Real* const* outs, Index n) {
  const Index items = (rows + kRows - 1) / kRows;
  const Scratch partial(items * width, 0);
  parallel_blocks(rows, kRows, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) body(r, partial.data() + begin / kRows * width);
  });
  for (Index part = 0; part < width / n; ++part)
    if (Real* out = outs[part])
      for (Index item = 0; item < items; ++item)
        for (Index i = 0; i < n; ++i) out[i] += partial.data()[item * width + part * n + i];
}

// With g = dy weight:  dx = r (g - x r^2 mean(g x)),  dweight = sum dy x r.
void rms_backward(Index rows, Index n, const Real* x, const Real* weight, const Real* scale, const Real* dy, Real* dx,
                  Real* dweight) {
  Real* const outs[] = {dweight};
  with_partial_sums(
      rows, n,
      [&](Index r, Real* sums) {
        const Real *row = x + r * n, *grad = dy + r * n, s = scale[r];
        const Real inner = row_sum(n, [&](Index i, Index lanes) {
          return load(grad + i, lanes) * load(weight + i, lanes) * load(row + i, lanes);
        });
        const Real shared = inner * s * s / static_cast<Real>(n);
        for_lanes(0, n, [&](Index i, Index lanes) {
          const Vec v = load(row + i, lanes), g = load(grad + i, lanes);
          if (dx) add_to(dx + r * n + i, s * (g * load(weight + i, lanes) - v * shared), lanes);
          add_to(sums + i, g * v * s, lanes);
        });
      },
      outs, n);
}

void layer(Index rows, Index n, double eps, const Real* x, const Real* weight, const Real* bias, Real* y, Real* stats) {
  parallel_blocks(rows, kRows, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const Real* row = x + r * n;
      const Real mean = row_sum(n, [&](Index i, Index lanes) { return load(row + i, lanes); }) / static_cast<Real>(n);
      // Two passes: the one-pass form cancels when the mean is large.
      Real variance = 0;
      for (Index i = 0; i < n; ++i) variance += (row[i] - mean) * (row[i] - mean);
      const Real r_std = Real{1} / std::sqrt(variance / static_cast<Real>(n) + static_cast<Real>(eps));
      if (stats) {
        stats[2 * r] = mean;
        stats[2 * r + 1] = r_std;
      }
      for_lanes(0, n, [&](Index i, Index lanes) {
        const Vec v = (load(row + i, lanes) - mean) * r_std * load(weight + i, lanes);
        store(y + r * n + i, bias ? v + load(bias + i, lanes) : v, lanes);
      });
    }
  });
}

// With g = dy weight and u = (x - m) r:  dx = r (g - mean(g) - u mean(g u)).
void layer_backward(Index rows, Index n, const Real* x, const Real* weight, const Real* stats, const Real* dy, Real* dx,
                    Real* dweight, Real* dbias) {
  Real* const outs[] = {dweight, dbias};
  with_partial_sums(
      rows, 2 * n,
      [&](Index r, Real* sums) {
        const Real *row = x + r * n, *grad = dy + r * n, mean = stats[2 * r], s = stats[2 * r + 1];
        const Real g_mean =
            row_sum(n, [&](Index i, Index lanes) { return load(grad + i, lanes) * load(weight + i, lanes); }) /
            static_cast<Real>(n);
        const Real gu_mean =
            row_sum(n,
                    [&](Index i, Index lanes) {
                      // Lanes after the end hold zeros in dy, so (0 - mean) there adds nothing.
                      return load(grad + i, lanes) * load(weight + i, lanes) * (load(row + i, lanes) - mean) * s;
                    }) /
            static_cast<Real>(n);
        for_lanes(0, n, [&](Index i, Index lanes) {
          const Vec u = (load(row + i, lanes) - mean) * s, g = load(grad + i, lanes);
          if (dx) add_to(dx + r * n + i, s * (g * load(weight + i, lanes) - g_mean - u * gu_mean), lanes);
          add_to(sums + i, g * u, lanes);
          add_to(sums + n + i, g, lanes);
        });
      },
      outs, n);
}

}  // namespace

extern const Norm norm;
const Norm norm{rms, rms_backward, layer, layer_backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
