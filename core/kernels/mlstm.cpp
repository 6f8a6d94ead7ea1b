// With l = log sigmoid(f), K keys and V values a head, S the memory [K, V] and N the normaliser [K], both times e^-m:
//   m[t] = max(l[t] + m[t-1], i[t], 0),   d[t] = e^(l[t] + m[t-1] - m[t]) <= 1,   w[t] = e^(i[t] - m[t]) <= 1
//   S[t] = d[t] S[t-1] + w[t] k[t] v[t]^T,   N[t] = d[t] N[t-1] + w[t] k[t],   x = S^T q / sqrt(K),
//   n = N^T q / sqrt(K),   y[t] = x[t] / z[t],   z[t] = max(|n[t]|, e^-m[t])
// A chunk at once, with S0, N0 before it, F[t, s] = w[s] d[s+1] ... d[t] for s <= t, D[t] = d[0] ... d[t], T its last
// step:
//   A = F (Q K^T) / sqrt(K),   Q~[t] = D[t] q[t] / sqrt(K),   K^[s] = F[T, s] k[s]
//   X = Q~ S0 + A V,   n = Q~ N0 + A 1,   S1 = D[T] S0 + K^^T V,   N1 = D[T] N0 + K^^T 1
// All factors are products of numbers <= 1: nothing overflows, and a decay of 0, a start's, is exact. The normaliser is
// kept apart from the memory: a product of 65 columns takes 1.17 times as long as one of 64.
//
// Backwards, with dS, dN those of S1, N1:
//   dX = dY / z,   dz = -<dy, y> / z, which goes to n with its sign, or as -e^-m dz to m
//   dA = dX V^T + dn 1^T      dV = A^T dX + K^ dS      dK^ = V dS^T + 1 dN^T      dQ~ = dX S0^T + dn N0^T
//   dS0 = D[T] dS + Q~^T dX,   dN0 = D[T] dN + Q~^T dn
// Each term times its gradient (dA A, dK^ K^, dQ~ Q~, D[T] <S0, dS>) is that of the logarithm of its factors: it is the
// gradient of i[s], and of every log d that it went through. Those that went through none, s = t, are left out of
// the latter, and what cancels does so in double (matrix_decay.h).
//   dm -= di,   dl += dlogd,   dm[t-1] += dlogd,   dm[t] -= dlogd;   and then dm[t] goes to what was the largest: l and
//   m[t-1], or i, or none
// y does not depend on m, so that in exact arithmetic the parts of dm cancel where S itself is not looked at.
#include "core/kernels/mlstm.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/matrix_rows.h"
#include "core/kernels/scratch.h"
#include "core/kernels/tile_product.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

using namespace matrix;
using Sizes = MlstmSizes;

constexpr Index C = kMlstmChunk;  // steps at 1.01 times the rate with 32, and 38 MB more; at 0.87 with 128

Index rows_of(const Sizes& s) { return s.batch * s.length * s.heads; }
Index chunks_of(const Sizes& s) { return (s.length + C - 1) / C; }
Index state_size(const Sizes& s) { return s.keys * (s.values + 1); }
Index steps_of(const Sizes& s, Index b) { return s.lengths ? s.lengths[b] : s.length; }
bool starts_at(const Sizes& s, Index b, Index t) {
  return s.starts && std::binary_search(s.starts + b * s.segments, s.starts + (b + 1) * s.segments, t);
}
Real log_sigmoid(Real f) { return std::min(f, Real{0}) - std::log1p(std::exp(-std::fabs(f))); }
Real sigmoid(Real x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

/// What the forward makes of each step and head, and the backward reads again.
struct Parts {
  Real *m, *g, *w, *n;  // [B, L, H] each; g = log d but at starts
  Real* states;         // S, N before each chunk: [B, H, chunks, K V + K]

  static Index size(const Sizes& s) { return 4 * rows_of(s) + s.batch * s.heads * chunks_of(s) * state_size(s); }
  Parts(const Sizes& s, Real* at) {
    const Index rows = rows_of(s);
    m = at, g = m + rows, w = g + rows, n = w + rows, states = n + rows;
  }
};
Index saved_size(const Sizes& s) { return Parts::size(s); }

/// The memory and the normaliser of a head; in s0 and s_last the latter is the last column.
struct Memory {
  Index keys, values;
  Real *s, *n;  // [K, V], [K]

  Memory(const Sizes& sizes, Real* at) : keys(sizes.keys), values(sizes.values), s(at), n(at + keys * values) {}
  /// Null: zeros.
  void read(const Real* from) {
    if (!from) std::fill_n(s, keys * (values + 1), Real{0});
    for (Index i = 0; from && i < keys; ++i) {
      std::copy_n(from + i * (values + 1), values, s + i * values);
      n[i] = from[i * (values + 1) + values];
    }
  }
  void write(Real* to) const {
    for (Index i = 0; i < keys; ++i) {
      std::copy_n(s + i * values, values, to + i * (values + 1));
      to[i * (values + 1) + values] = n[i];
    }
  }
  void add(Real* to) const {
    for (Index i = 0; i < keys; ++i) {
      add_scaled(values, 1, s + i * values, to + i * (values + 1));
      to[i * (values + 1) + values] += n[i];
    }
  }
};

void gates(const Sizes& s, const MlstmInputs& in, const Parts& parts, Index item, Real* m_last) {
  const Index b = item / s.heads, head = item % s.heads;
  Real m = in.m0 ? in.m0[item] : Real{0};
  for (Index t = 0; t < steps_of(s, b); ++t) {
    const Index at = (b * s.length + t) * s.heads + head;
    const Real kept = log_sigmoid(in.f[at]) + (starts_at(s, b, t) ? Real{0} : m);
    m = std::max({kept, in.i[at], Real{0}});
    parts.m[at] = m, parts.g[at] = kept - m, parts.w[at] = std::exp(in.i[at] - m);
  }
  *m_last = m;
}

Real decay(const Sizes& s, const Parts& parts, Index b, Index t, Index row) {
  return starts_at(s, b, t) ? Real{0} : std::exp(parts.g[row]);
}
/// Full vectors that hold so many numbers: what is behind them in a row of a chunk's matrix is not looked at.
constexpr Index whole(Index count) { return (count + W - 1) / W * W; }
static_assert(whole(C) == C);

/// The steps [begin, begin + steps) of one sequence and head.
struct Chunk {
  const Sizes& s;
  const MlstmInputs& in;
  const Parts& parts;
  Index first, steps;  // the row of its first step
  Real scale;
  Real *d, *fall, *from_start, *a, *query, *key;  // d, F, D, A, Q~, K^

  static Index work_size(const Sizes& s) { return 2 * C * C + 2 * C + 2 * C * s.keys; }
  Chunk(const Sizes& sizes, const MlstmInputs& inputs, const Parts& parts_, Index item, Index begin, Arena& arena)
      : s(sizes),
        in(inputs),
        parts(parts_),
        first((item / s.heads * s.length + begin) * s.heads + item % s.heads),
        steps(std::min(C, steps_of(s, item / s.heads) - begin)),
        scale(static_cast<Real>(1 / std::sqrt(static_cast<double>(s.keys)))),
        d(arena.take(C)),
        fall(arena.take(C * C)),
        from_start(arena.take(C)),
        a(arena.take(C * C)),
        query(arena.take(C * s.keys)),
        key(arena.take(C * s.keys)) {
    for (Index t = 0; t < steps; ++t) {
      Real* const line = fall + t * C;
      d[t] = decay(s, parts, item / s.heads, begin + t, row(t));
      if (t > 0) scaled(whole(t), d[t], line - C, line);
      line[t] = parts.w[row(t)];
      from_start[t] = d[t] * (t > 0 ? from_start[t - 1] : Real{1});
    }
    tile_product(kNo, kYes, steps, steps, s.keys, q(0), key_stride(), k(0), key_stride(), false, a, C,
                 Terms::columns_until);
    for (Index t = 0; t < steps; ++t) {
      weigh(t, a + t * C);
      scaled(s.keys, from_start[t] * scale, q(t), query + t * s.keys);
      scaled(s.keys, fall[(steps - 1) * C + t], k(t), key + t * s.keys);
    }
  }
  Index row(Index t) const { return first + t * s.heads; }
  Index key_stride() const { return s.heads * s.keys; }
  Index value_stride() const { return s.heads * s.values; }
  const Real* q(Index t) const { return in.q + row(t) * s.keys; }
  const Real* k(Index t) const { return in.k + row(t) * s.keys; }
  const Real* v(Index t) const { return in.v + row(t) * s.values; }
  Real through() const { return from_start[steps - 1]; }
  /// One row of products with the keys, times F / sqrt(K).
  void weigh(Index t, Real* line) const {
    for (Index i = 0; i <= t; i += W) store(line + i, load(line + i) * load(fall + t * C + i) * scale);
    std::fill(line + t + 1, line + C, Real{0});
  }
};

Real denominator(Real n, Real m) { return std::max(std::fabs(n), std::exp(-m)); }

void forward_chunk(const Chunk& chunk, const Memory& memory, Real* y) {
  const Sizes& s = chunk.s;
  const Index steps = chunk.steps, keys = s.keys, values = s.values, stride = chunk.value_stride();
  Real* const out = y + chunk.first * values;
  tile_product(kNo, kNo, steps, values, keys, chunk.query, keys, memory.s, values, false, out, stride);
  tile_product(kNo, kNo, steps, values, steps, chunk.a, C, chunk.v(0), stride, true, out, stride, Terms::until_row);
  for (Index t = 0; t < steps; ++t) {
    Vec seen{};
    for (Index i = 0; i <= t; i += W) seen += load(chunk.a + t * C + i);
    const Real n = dot(keys, chunk.query + t * keys, memory.n) + seqtape::kernels::SEQTAPE_ISA::sum(seen);
    const Index row = chunk.row(t);
    chunk.parts.n[row] = n;
    scaled(values, 1 / denominator(n, chunk.parts.m[row]), y + row * values, y + row * values);
  }
  scaled(state_size(s), chunk.through(), memory.s, memory.s);
  tile_product(kYes, kNo, keys, values, steps, chunk.key, keys, chunk.v(0), stride, true, memory.s, values);
  for (Index t = 0; t < steps; ++t) add_scaled(keys, 1, chunk.key + t * keys, memory.n);
}

/// One step without a chunk's matrices, in one pass over the memory: a generated token.
void one_step(const Sizes& s, const MlstmInputs& in, const Parts& parts, Index item, const MlstmOutputs& out) {
  const Index keys = s.keys, values = s.values, wide = values + 1;
  const Real d = decay(s, parts, item / s.heads, 0, item), w = parts.w[item],
             scale = static_cast<Real>(1 / std::sqrt(static_cast<double>(keys)));
  const Real *const q = in.q + item * keys, *const k = in.k + item * keys, *const v = in.v + item * values;
  const Real* const before = in.s0 ? in.s0 + item * keys * wide : nullptr;
  Real *const after = out.s_last + item * keys * wide, *const y = out.y + item * values;
  Real n = 0;
  for (Index i = 0; i < keys; ++i) {
    Real& last = after[i * wide + values];
    last = (before ? d * before[i * wide + values] : Real{0}) + k[i] * w;
    n += q[i] * scale * last;
  }
  parts.n[item] = n;
  const Real by = scale / denominator(n, parts.m[item]);
  for_lanes(0, values, [&](Index c, Index lanes) {
    const Vec value = load(v + c, lanes) * w;
    Vec total{};
    for (Index i = 0; i < keys; ++i) {
      const Vec here = (before ? load(before + i * wide + c, lanes) * d : Vec{}) + value * k[i];
      store(after + i * wide + c, here, lanes);
      total += here * q[i];
    }
    store(y + c, total * by, lanes);
  });
}

void forward(const Sizes& s, const MlstmInputs& in, Real* saved, const MlstmOutputs& out) {
  const bool single = s.length == 1 && !s.lengths;
  const Index state = state_size(s);
  const Scratch own(saved ? 0 : 4 * rows_of(s));
  const Parts parts(s, saved ? saved : own.data());
  parallel_for(s.batch * s.heads, [&](Index item) {
    gates(s, in, parts, item, out.m_last + item);
    const Index steps = steps_of(s, item / s.heads);
    const Real* const before = in.s0 ? in.s0 + item * state : nullptr;
    if (single) {
      if (saved) Memory(s, parts.states + item * state).read(before);
      return one_step(s, in, parts, item, out);
    }
    const Scratch work(state + Chunk::work_size(s));
    Memory memory(s, work.data());
    memory.read(before);
    for (Index begin = 0; begin < steps; begin += C) {
      if (saved) std::copy_n(memory.s, state, parts.states + (item * chunks_of(s) + begin / C) * state);
      Arena arena{work.data() + state};
      forward_chunk(Chunk(s, in, parts, item, begin, arena), memory, out.y);
    }
    memory.write(out.s_last + item * state);
    for (Index t = steps; t < s.length; ++t)
      std::fill_n(out.y + ((item / s.heads * s.length + t) * s.heads + item % s.heads) * s.values, s.values, Real{0});
  });
}

/// A chunk's backward, with its working memory.
class ChunkBackward {
 public:
  static Index work_size(const Sizes& s) { return Chunk::work_size(s) + C * C + C * (2 * s.keys + s.values) + 6 * C; }
  ChunkBackward(const Sizes& sizes, const MlstmInputs& in, const Parts& parts, Index item, Index begin, Arena arena)
      : s(sizes),
        gradient_(reinterpret_cast<double*>(arena.take(2 * C))),  // first, for its alignment
        chunk(s, in, parts, item, begin, arena),
        da_(arena.take(C * C)),
        dquery_(arena.take(C * s.keys)),
        dkey_(arena.take(C * s.keys)),
        dx_(arena.take(C * s.values)),
        dn_(arena.take(C)),
        dm_(arena.take(C)),
        di_(arena.take(C)),
        terms_(arena.take(C)) {
    std::fill_n(gradient_, C, 0.0);
  }

  /// `before`: the memory before the chunk. `dmemory`: in: the gradient of that after it; out: of that before it.
  /// `dm`: likewise, of m.
  void run(const Memory& before, const Memory& dmemory, Real& dm, Index b, Index begin, const MlstmOutputs& out,
           const MlstmOutputGrads& dout, const MlstmInputGrads& into) {
    divide(out, dout);
    const Index steps = chunk.steps, keys = s.keys, values = s.values, stride = chunk.value_stride();
    tile_product(kNo, kYes, steps, steps, values, dx_, values, chunk.v(0), stride, false, da_, C, Terms::columns_until);
    if (into.v) {
      Real* const dv = into.v + chunk.first * values;
      tile_product(kYes, kNo, steps, values, steps, chunk.a, C, dx_, values, true, dv, stride, Terms::from_row);
      tile_product(kNo, kNo, steps, values, keys, chunk.key, keys, dmemory.s, values, true, dv, stride);
    }
    tile_product(kNo, kYes, steps, keys, values, chunk.v(0), stride, dmemory.s, values, false, dkey_, keys);
    tile_product(kNo, kYes, steps, keys, values, dx_, values, before.s, values, false, dquery_, keys);
    through_chunk(before, dmemory);
    through_similarities(into);
    through_states(before, dmemory, into);
    through_gates(dm, b, begin, into);
  }

 private:
  /// dX, dn, and what of dm comes from the denominator.
  void divide(const MlstmOutputs& out, const MlstmOutputGrads& dout) {
    const Index values = s.values;
    for (Index t = 0; t < chunk.steps; ++t) {
      const Index row = chunk.row(t);
      const Real n = chunk.parts.n[row], floor = std::exp(-chunk.parts.m[row]);
      const Real by = 1 / std::max(std::fabs(n), floor);
      Vec total{};
      for_lanes(0, values, [&](Index c, Index lanes) {
        const Vec dy = load(dout.y + row * values + c, lanes);
        total += dy * load(out.y + row * values + c, lanes);
        store(dx_ + t * values + c, dy * by, lanes);
      });
      const Real dz = -seqtape::kernels::SEQTAPE_ISA::sum(total) * by;
      const bool by_n = std::fabs(n) > floor;
      dn_[t] = by_n ? std::copysign(dz, n * dz) : Real{0};
      dm_[t] = by_n ? Real{0} : -floor * dz;
    }
  }
  /// The gradient of D[T], before dmemory changes.
  void through_chunk(const Memory& before, const Memory& dmemory) {
    gradient_[chunk.steps - 1] += static_cast<double>(chunk.through() * dot(state_size(s), before.s, dmemory.s));
  }
  /// From dA on: to the factors, and with dA (Q K^T)' to q and k.
  void through_similarities(const MlstmInputGrads& into) {
    const Index steps = chunk.steps, keys = s.keys, stride = chunk.key_stride();
    std::fill_n(di_, C, Real{0});
    for (Index t = 0; t < steps; ++t) {
      Real* const line = da_ + t * C;
      for (Index i = 0; i <= t; i += W) {
        const Vec d = load(line + i) + dn_[t], term = d * load(chunk.a + t * C + i);
        store(line + i, d);
        store(terms_ + i, term);
        store(di_ + i, load(di_ + i) + term);
      }
      // One number for both ends, summed in double: there it cancels exactly.
      std::fill(terms_ + t, terms_ + whole(t + 1), Real{0});
      double total[W]{};
      for (Index i = 0; i <= t; i += W)
        for (Index lane = 0; lane < W; ++lane) {
          const auto term = static_cast<double>(terms_[i + lane]);
          gradient_[i + lane] -= term;
          total[lane] += term;
        }
      for (const double part : total) gradient_[t] += part;
      chunk.weigh(t, line);
    }
    if (into.q)
      tile_product(kNo, kNo, steps, keys, steps, da_, C, chunk.k(0), stride, true, into.q + chunk.first * keys, stride,
                   Terms::until_row);
    if (into.k)
      tile_product(kYes, kNo, steps, keys, steps, da_, C, chunk.q(0), stride, true, into.k + chunk.first * keys, stride,
                   Terms::from_row);
  }
  /// What the queries read of the memory before the chunk, and what went into that after it.
  void through_states(const Memory& before, const Memory& dmemory, const MlstmInputGrads& into) {
    const Index steps = chunk.steps, keys = s.keys, values = s.values, last = steps - 1;
    for (Index t = 0; t < steps; ++t) {
      Real *const dquery = dquery_ + t * keys, *const dkey = dkey_ + t * keys;
      add_scaled(keys, dn_[t], before.n, dquery);
      gradient_[t] += static_cast<double>(dot(keys, chunk.query + t * keys, dquery));
      if (into.q) add_scaled(keys, chunk.from_start[t] * chunk.scale, dquery, into.q + chunk.row(t) * keys);
      add_scaled(keys, 1, dmemory.n, dkey);
      const Real term = dot(keys, chunk.key + t * keys, dkey);
      di_[t] += term;
      gradient_[t] -= static_cast<double>(t < last ? term : Real{0});
      gradient_[last] += static_cast<double>(t < last ? term : Real{0});
      if (into.k) add_scaled(keys, chunk.fall[last * C + t], dkey, into.k + chunk.row(t) * keys);
    }
    scaled(state_size(s), chunk.through(), dmemory.s, dmemory.s);
    tile_product(kYes, kNo, keys, values, steps, chunk.query, keys, dx_, values, true, dmemory.s, values);
    for (Index t = 0; t < steps; ++t) add_scaled(keys, dn_[t], chunk.query + t * keys, dmemory.n);
  }
  /// Through m, from step to step.
  void through_gates(Real& dm, Index b, Index begin, const MlstmInputGrads& into) {
    double kept_sum = 0;
    for (Index t = chunk.steps - 1; t >= 0; --t) {
      const Index row = chunk.row(t);
      kept_sum += gradient_[t];
      const Real dkept = chunk.d[t] != 0 ? static_cast<Real>(kept_sum) : Real{0};
      dm += dm_[t] - di_[t] - dkept;
      // Which of the three was m: g = 0 says the first, i = m the second.
      const bool by_kept = chunk.parts.g[row] == 0, by_input = !by_kept && chunk.in.i[row] == chunk.parts.m[row];
      const Real to_kept = dkept + (by_kept ? dm : Real{0});
      if (into.f) into.f[row] += to_kept * sigmoid(-chunk.in.f[row]);
      if (into.i) into.i[row] += di_[t] + (by_input ? dm : Real{0});
      dm = starts_at(s, b, begin + t) ? Real{0} : to_kept;
    }
  }

  const Sizes& s;
  double* gradient_;  // of log d, to be summed from its row on
  Chunk chunk;
  Real *da_, *dquery_, *dkey_, *dx_, *dn_, *dm_, *di_, *terms_;
};

void backward(const Sizes& s, const MlstmInputs& in, const Real* saved, const MlstmOutputs& out,
              const MlstmOutputGrads& dout, const MlstmInputGrads& into) {
  const Parts parts(s, const_cast<Real*>(saved));  // read only
  const Index state = state_size(s), work_size = ChunkBackward::work_size(s);
  parallel_for(s.batch * s.heads, [&](Index item) {
    const Scratch work(work_size + state);
    Memory dmemory(s, work.data() + work_size);
    dmemory.read(dout.s_last ? dout.s_last + item * state : nullptr);
    Real dm = dout.m_last ? dout.m_last[item] : Real{0};
    const Index b = item / s.heads, steps = steps_of(s, b);
    for (Index begin = (steps - 1) / C * C; begin >= 0 && steps > 0; begin -= C) {
      const Memory before(s, parts.states + (item * chunks_of(s) + begin / C) * state);
      ChunkBackward(s, in, parts, item, begin, Arena{work.data()}).run(before, dmemory, dm, b, begin, out, dout, into);
    }
    if (into.s0) dmemory.add(into.s0 + item * state);
    if (into.m0) into.m0[item] += dm;
  });
}

}  // namespace

extern const Mlstm mlstm;
const Mlstm mlstm{saved_size, forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
