// A tile of scores, [kQueries, kKeys], stays in L2: one product makes it, the softmax runs over it, and the next
// product consumes it. Forward: items are (sequence, head, tile of queries). Backward: (sequence, head), whose dk and
// dv are its own. With P the probabilities, D = rowsum(dy y):  dv = P^T dy,  dS = P (dy v^T - D) scale,  dq = dS k,  dk
// = dS^T q.
#include "core/kernels/attention.h"

#include <cmath>
#include <vector>

#include "core/kernels/gemm.h"
#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr Index kQueries = kAttentionTile, kKeys = 2 * kQueries;
constexpr Real kMinusInfinity = -__builtin_inff();

/// One sequence and head.
struct Head {
  const AttentionSizes& s;
  const AttentionInputs& in;
  Index b, h, queries, keys, offset, row;  // row: distance of neighbouring steps
  Real slope;

  Head(const AttentionSizes& sizes, const AttentionInputs& inputs, Index b_, Index h_)
      : s(sizes),
        in(inputs),
        b(b_),
        h(h_),
        queries(s.lengths ? s.lengths[b] : s.queries),
        keys(s.keys - s.queries + queries),
        offset(s.keys - s.queries),
        row(s.heads * s.dim),
        slope(s.alibi ? static_cast<Real>(std::exp2(-8.0 * static_cast<double>(h + 1) / static_cast<double>(s.heads)))
                      : 0) {}

  Index query_at(Index i) const { return (b * s.queries + i) * row + h * s.dim; }
  Index key_at(Index j) const { return (b * s.keys + j) * row + h * s.dim; }
  /// Number of keys that the queries up to `last` attend to.
  Index visible(Index last) const { return s.causal ? std::min(keys, offset + last + 1) : keys; }

  /// scores[i - i0, j - j0] of queries [i0, i1) and keys [j0, j1), scaled and masked; rows of kKeys.
  void scores(Index i0, Index i1, Index j0, Index j1, Real* out) const {
    gemm_serial(Transpose::no, Transpose::yes, i1 - i0, j1 - j0, s.dim, in.q + query_at(i0), row, in.k + key_at(j0),
                row, 0, out, kKeys);
    const Real scale = static_cast<Real>(s.scale);
    const bool masked = s.causal && j1 > offset + i0 + 1;
    for (Index i = i0; i < i1; ++i) {
      Real* const line = out + (i - i0) * kKeys;
      if (s.alibi)
        for (Index j = j0; j < j1; ++j)
          line[j - j0] = line[j - j0] * scale - slope * static_cast<Real>(std::abs(offset + i - j));
      else
        for (Index j = 0; j < j1 - j0; ++j) line[j] *= scale;
      if (masked)
        for (Index j = std::max(j0, offset + i + 1); j < j1; ++j) line[j - j0] = kMinusInfinity;
    }
  }
};

void forward(const AttentionSizes& s, const AttentionInputs& in, Real* y, Real* log_sum) {
  const Index tiles = (s.queries + kQueries - 1) / kQueries;
  const Index work_size = kQueries * (kKeys + s.dim + 2);
  parallel_for(s.batch * s.heads * tiles, [&](Index item) {
    const Scratch work(work_size);  // of a thread: one for each item would be 36 times the size of q
    const Head head(s, in, item / tiles / s.heads, item / tiles % s.heads);
    const Index i0 = item % tiles * kQueries, end = std::min(s.queries, i0 + kQueries);
    const Index i1 = std::clamp(head.queries, i0, end), rows = i1 - i0;
    Real* const p = work.data();
    Real *const sum = p + kQueries * kKeys, *const top = sum + kQueries * s.dim, *const total = top + kQueries;
    for (Index i = i1; i < end; ++i) {
      std::fill_n(y + head.query_at(i), s.dim, Real{0});
      if (log_sum) log_sum[(head.b * s.heads + head.h) * s.queries + i] = 0;
    }
    if (rows == 0) return;
    std::fill_n(sum, rows * s.dim, Real{0});
    std::fill_n(top, rows, kMinusInfinity);
    std::fill_n(total, rows, Real{0});
    const Index keys = head.visible(i1 - 1);
    for (Index j0 = 0; j0 < keys; j0 += kKeys) {
      const Index j1 = std::min(keys, j0 + kKeys);
      head.scores(i0, i1, j0, j1, p);
      for (Index r = 0; r < rows; ++r) {
        Real* const line = p + r * kKeys;
        Vec most = splat(kMinusInfinity);
        Index j = 0;
        for (; j + W <= j1 - j0; j += W) most = max(most, load(line + j));
        Real now = top[r];
        for (int l = 0; l < W; ++l) now = std::max(now, most[l]);
        for (; j < j1 - j0; ++j) now = std::max(now, line[j]);
        Vec added{};
        // A row without a key yet stays at -inf; exp(-inf - -inf) must not become NaN.
        const Real base = now == kMinusInfinity ? 0 : now;
        for_lanes(0, j1 - j0, [&](Index at, Index lanes) {
          store(line + at, exp(load(line + at, lanes) - base), lanes);
          added += load(line + at, lanes);
        });
        const Real shrink = top[r] == kMinusInfinity ? 0 : std::exp(top[r] - now);
        total[r] = total[r] * shrink + seqtape::kernels::SEQTAPE_ISA::sum(added);
        top[r] = now;
        if (shrink != 1)
          for (Index d = 0; d < s.dim; ++d) sum[r * s.dim + d] *= shrink;
      }
      gemm_serial(Transpose::no, Transpose::no, rows, s.dim, j1 - j0, p, kKeys, in.v + head.key_at(j0), head.row, 1,
                  sum, s.dim);
    }
    for (Index r = 0; r < rows; ++r) {
      const Real scale = Real{1} / total[r];
      for (Index d = 0; d < s.dim; ++d) y[head.query_at(i0 + r) + d] = sum[r * s.dim + d] * scale;
      if (log_sum) log_sum[(head.b * s.heads + head.h) * s.queries + i0 + r] = top[r] + std::log(total[r]);
    }
  });
}

void backward(const AttentionSizes& s, const AttentionInputs& in, const Real* y, const Real* log_sum, const Real* dy,
              Real* dq, Real* dk, Real* dv) {
  const Index work_size = 2 * kQueries * kKeys + s.queries;
  parallel_for(s.batch * s.heads, [&](Index item) {
    const Scratch work(work_size);
    const Head head(s, in, item / s.heads, item % s.heads);
    Real* const p = work.data();
    Real *const ds = p + kQueries * kKeys, *const inner = ds + kQueries * kKeys;
    const Real* const logs = log_sum + item * s.queries;
    const Real scale = static_cast<Real>(s.scale);
    for (Index i = 0; i < head.queries; ++i) {
      inner[i] = 0;
      for (Index d = 0; d < s.dim; ++d) inner[i] += dy[head.query_at(i) + d] * y[head.query_at(i) + d];
    }
    for (Index i0 = 0; i0 < head.queries; i0 += kQueries) {
      const Index i1 = std::min(head.queries, i0 + kQueries), rows = i1 - i0, keys = head.visible(i1 - 1);
      const Real* const g = dy + head.query_at(i0);
      for (Index j0 = 0; j0 < keys; j0 += kKeys) {
        const Index j1 = std::min(keys, j0 + kKeys), n = j1 - j0;
        head.scores(i0, i1, j0, j1, p);
        for (Index r = 0; r < rows; ++r)
          for_lanes(r * kKeys, r * kKeys + n,
                    [&](Index at, Index lanes) { store(p + at, exp(load(p + at, lanes) - logs[i0 + r]), lanes); });
        gemm_serial(Transpose::yes, Transpose::no, n, s.dim, rows, p, kKeys, g, head.row, 1, dv + head.key_at(j0),
                    head.row);
        gemm_serial(Transpose::no, Transpose::yes, rows, n, s.dim, g, head.row, in.v + head.key_at(j0), head.row, 0, ds,
                    kKeys);
        for (Index r = 0; r < rows; ++r)
          for_lanes(r * kKeys, r * kKeys + n, [&](Index at, Index lanes) {
            store(ds + at, load(p + at, lanes) * (load(ds + at, lanes) - inner[i0 + r]) * scale, lanes);
          });
        gemm_serial(Transpose::no, Transpose::no, rows, s.dim, n, ds, kKeys, in.k + head.key_at(j0), head.row, 1,
                    dq + head.query_at(i0), head.row);
        gemm_serial(Transpose::yes, Transpose::no, n, s.dim, rows, ds, kKeys, in.q + head.query_at(i0), head.row, 1,
                    dk + head.key_at(j0), head.row);
      }
    }
  });
}

void rotate(Index batch, Index length, Index heads, Index dim, Index offset, double base, int direction, bool add,
            const Real* x, Real* y) {
  const Index half = dim / 2;
  const Scratch table(2 * length * half);
  parallel_blocks(length, 64, [&](Index begin, Index end) {
    for (Index t = begin; t < end; ++t)
      for (Index i = 0; i < half; ++i) {
        const double rate = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
        const double angle = direction * static_cast<double>(offset + t) * rate;
        table.data()[2 * t * half + i] = static_cast<Real>(std::cos(angle));
        table.data()[(2 * t + 1) * half + i] = static_cast<Real>(std::sin(angle));
      }
  });
  parallel_blocks(batch * length, 64, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const Real *const c = table.data() + 2 * (row % length) * half, *const s = c + half;
      for (Index h = 0; h < heads; ++h) {
        const Real* const in = x + (row * heads + h) * dim;
        Real* const out = y + (row * heads + h) * dim;
        for_lanes(0, half, [&](Index i, Index lanes) {
          const Vec a = load(in + i, lanes), b = load(in + half + i, lanes), cosine = load(c + i, lanes),
                    sine = load(s + i, lanes);
          const Vec first = a * cosine - b * sine, second = b * cosine + a * sine;
          store(out + i, add ? load(out + i, lanes) + first : first, lanes);
          store(out + half + i, add ? load(out + half + i, lanes) + second : second, lanes);
        });
        if (dim % 2) out[dim - 1] = add ? out[dim - 1] + in[dim - 1] : in[dim - 1];
      }
    }
  });
}

}  // namespace

extern const Attention attention;
const Attention attention{forward, backward, rotate};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
