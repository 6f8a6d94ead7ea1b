// A matrix recurrence (matrix_recurrence.h) between two loops over scalars. With l = log sigmoid(f):
//   m[t] = max(l[t] + m[t-1], i[t], 0),   g[t] = l[t] + m[t-1] - m[t] <= 0,   w[t] = e^(i[t] - m[t]) <= 1
//   S[t] = e^g[t] S[t-1] + k[t] (w v, w)[t]^T,   x[t] = S[t]^T q[t] / sqrt(K) = (numerator, n q)
//   y[t] = x[t, :V] / max(|x[t, V]|, e^-m[t])
// Backwards, with z the denominator:
//   dx[:V] = dy / z,   dz = -<dy, y> / z,   which goes to x[V] with its sign, or as -e^-m dz to m
//   dw = <v, d(w v)> + d(w),   di = w dw,   dm -= w dw
//   dl += dg,   dm[t-1] += dg,   dm[t] -= dg;   and then dm[t] goes to what was the largest: l and m[t-1], or i, or
//   none
// y does not depend on m, so that in exact arithmetic the parts of dm cancel where S itself is not looked at.
#include "core/kernels/mlstm.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/matrix_recurrence.h"
#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

using Sizes = MlstmSizes;

MatrixRecurrenceSizes memory_of(const Sizes& s) {
  return {s.batch,      s.length, s.heads,     s.keys,
          s.values + 1, 1,        Decay::head, 1 / std::sqrt(static_cast<double>(s.keys)),
          s.lengths,    s.starts, s.segments};
}
Index rows_of(const Sizes& s) { return s.batch * s.length * s.heads; }

/// What the forward makes of each step and head, and the backward reads again.
struct Parts {
  Real *m, *g, *w, *weighted, *x, *memory;  // [B, L, H] each, [B, L, H, V + 1] twice, and the recurrence's own

  static Index size(const Sizes& s) {
    return rows_of(s) * (3 + 2 * (s.values + 1)) + matrix_recurrence->saved_size(memory_of(s));
  }
  Parts(const Sizes& s, Real* at) {
    const Index rows = rows_of(s), wide = rows * (s.values + 1);
    m = at, g = m + rows, w = g + rows, weighted = w + rows, x = weighted + wide, memory = x + wide;
  }
};

Index steps_of(const Sizes& s, Index b) { return s.lengths ? s.lengths[b] : s.length; }
bool starts_at(const Sizes& s, Index b, Index t) {
  return s.starts && std::binary_search(s.starts + b * s.segments, s.starts + (b + 1) * s.segments, t);
}
Real log_sigmoid(Real f) { return std::min(f, Real{0}) - std::log1p(std::exp(-std::fabs(f))); }
Real sigmoid(Real x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

void gates(const Sizes& s, const MlstmInputs& in, const Parts& parts, Real* m_last) {
  parallel_for(s.batch * s.heads, [&](Index item) {
    const Index b = item / s.heads, head = item % s.heads;
    Real m = in.m0 ? in.m0[item] : Real{0};
    for (Index t = 0; t < s.length; ++t) {
      const Index at = (b * s.length + t) * s.heads + head;
      if (t >= steps_of(s, b)) {
        parts.m[at] = m, parts.g[at] = 0, parts.w[at] = 0;
        continue;
      }
      const Real kept = log_sigmoid(in.f[at]) + (starts_at(s, b, t) ? Real{0} : m);
      m = std::max({kept, in.i[at], Real{0}});
      parts.m[at] = m, parts.g[at] = kept - m, parts.w[at] = std::exp(in.i[at] - m);
    }
    m_last[item] = m;
  });
}

MatrixRecurrenceInputs memory_inputs(const MlstmInputs& in, const Parts& parts) {
  return {in.q, in.k, parts.weighted, nullptr, nullptr, nullptr, parts.g, in.s0};
}

Index saved_size(const Sizes& s) { return Parts::size(s); }

void forward(const Sizes& s, const MlstmInputs& in, Real* saved, const MlstmOutputs& out) {
  const Scratch own(saved ? 0 : Parts::size(s));
  const Parts parts(s, saved ? saved : own.data());
  const Index values = s.values, wide = values + 1;
  gates(s, in, parts, out.m_last);
  parallel_for(s.batch * s.length, [&](Index step) {
    for (Index row = step * s.heads; row < (step + 1) * s.heads; ++row) {
      for_lanes(0, values, [&](Index c, Index lanes) {
        store(parts.weighted + row * wide + c, load(in.v + row * values + c, lanes) * parts.w[row], lanes);
      });
      parts.weighted[row * wide + values] = parts.w[row];
    }
  });
  matrix_recurrence->forward(memory_of(s), memory_inputs(in, parts), saved ? parts.memory : nullptr,
                             {parts.x, out.s_last});
  parallel_for(s.batch * s.length, [&](Index step) {
    for (Index row = step * s.heads; row < (step + 1) * s.heads; ++row) {
      const Real* const x = parts.x + row * wide;
      const Real scale = 1 / std::max(std::fabs(x[values]), std::exp(-parts.m[row]));
      for_lanes(0, values,
                [&](Index c, Index lanes) { store(out.y + row * values + c, load(x + c, lanes) * scale, lanes); });
    }
  });
}

void backward(const Sizes& s, const MlstmInputs& in, const Real* saved, const MlstmOutputs& out,
              const MlstmOutputGrads& dout, const MlstmInputGrads& into) {
  const Parts parts(s, const_cast<Real*>(saved));  // read only
  const Index rows = rows_of(s), values = s.values, wide = values + 1;
  const Scratch dm(rows), dg(rows, 0), dx(rows * wide), dweighted(rows * wide, 0);
  parallel_for(s.batch * s.length, [&](Index step) {
    for (Index row = step * s.heads; row < (step + 1) * s.heads; ++row) {
      const Real n = parts.x[row * wide + values], floor = std::exp(-parts.m[row]);
      const Real scale = 1 / std::max(std::fabs(n), floor);
      Vec total{};
      for_lanes(0, values, [&](Index c, Index lanes) {
        const Vec dy = load(dout.y + row * values + c, lanes);
        total += dy * load(out.y + row * values + c, lanes);
        store(dx.data() + row * wide + c, dy * scale, lanes);
      });
      const Real dz = -seqtape::kernels::SEQTAPE_ISA::sum(total) * scale;
      const bool by_n = std::fabs(n) > floor;
      dx.data()[row * wide + values] = by_n ? std::copysign(dz, n * dz) : Real{0};
      dm.data()[row] = by_n ? Real{0} : -floor * dz;
    }
  });
  matrix_recurrence->backward(memory_of(s), memory_inputs(in, parts), parts.memory, {dx.data(), dout.s_last},
                              {into.q, into.k, dweighted.data(), nullptr, nullptr, nullptr, dg.data(), into.s0});
  parallel_for(s.batch * s.heads, [&](Index item) {
    const Index b = item / s.heads, head = item % s.heads, steps = steps_of(s, b);
    Real carried = dout.m_last ? dout.m_last[item] : Real{0};  // the gradient of m[t]
    for (Index t = steps - 1; t >= 0; --t) {
      const Index row = (b * s.length + t) * s.heads + head;
      const Real *const dwv = dweighted.data() + row * wide, *const v = in.v + row * values, w = parts.w[row];
      Vec total{};
      for_lanes(0, values, [&](Index c, Index lanes) {
        const Vec d = load(dwv + c, lanes);
        total += d * load(v + c, lanes);
        if (into.v) add_to(into.v + row * values + c, d * w, lanes);
      });
      const Real through_w = w * (seqtape::kernels::SEQTAPE_ISA::sum(total) + dwv[values]);
      const Real dkept = dg.data()[row];
      carried += dm.data()[row] - through_w - dkept;
      // Which of the three was m: g = 0 says the first, i = m the second.
      const bool by_kept = parts.g[row] == 0, by_input = !by_kept && in.i[row] == parts.m[row];
      const Real to_kept = dkept + (by_kept ? carried : Real{0});
      if (into.f) into.f[row] += to_kept * sigmoid(-in.f[row]);
      if (into.i) into.i[row] += through_w + (by_input ? carried : Real{0});
      carried = starts_at(s, b, t) ? Real{0} : to_kept;
    }
    if (into.m0) into.m0[item] += carried;
  });
}

}  // namespace

extern const Mlstm mlstm;
const Mlstm mlstm{saved_size, forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
