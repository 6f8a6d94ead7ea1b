// A chunk at once. With S0 the state before it, S1 after it, and over its rows
//   A_xy[t, s] = <x[t] decay, y[s]> for what t sees (matrix_decay.h),   X~ = from_start(x),   Y^ = to_end(y),
// what is written at row s is b[s] u[s]^T + k[s] v[s]^T, where u[s] = S'^T a[s] is what the erase key reads:
//   U  = A_ab U + A_ak V + A~ S0,     so (I - A_ab) U = A_ak V + A~ S0, by forward substitution, since A_ab is
//                                     strictly lower triangular
//   Y  = Q~ S0 + A_qb U + A_qk V
//   S1 = d[0..] S0 + B^^T U + K^^T V
// Where b is k, only W = U + V is needed, and adding V to the system above gives (I - A_ak) W = V + A~ S0. The delta
// rule is that with a = -beta k, read after the decay, and beta v for v.
//
// Backwards, with G = dS1, M = I - A_ab, and dY given:
//   dU = A_qb^T dY + B^ G          dV = A_qk^T dY + K^ G
//   Z  = M^-T dU                   dV += A_ak^T Z           (X = M^-1 R:  dR = M^-T dX,  dM = -dR X^T below the
//   diagonal) dA_qb = dY U^T   dA_qk = dY V^T   dA_ab = Z U^T   dA_ak = Z V^T      where seen dQ~ = dY S0^T    dA~ = Z
//   S0^T     dB^ = U G^T     dK^ = V G^T dS0 = d[0..] G + Q~^T dY + A~^T Z
// and where b is k: dW as dU, Z = M^-T dW, dV = Z, dA_ak = Z W^T.
//
// Items of the parallel loop are (sequence, head). Forward and backward keep one chunk's matrices in the cache; the
// state goes from chunk to chunk.
#include "core/kernels/matrix_recurrence.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/kernels/matrix_decay.h"
#include "core/kernels/matrix_solve.h"
#include "core/kernels/scratch.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

using namespace matrix;

using Sizes = MatrixRecurrenceSizes;
using Ins = MatrixRecurrenceInputs;

Index steps_of_block(const Sizes& s) { return std::max<Index>(1, kMatrixBlock / s.updates); }
// Chunks of 32, 64 and 128 steps: training steps of gated_deltanet at 1.02, 1 and 0.87 times the rate, of gla at 1.06,
// 1 and 1.00, of retnet at 1.07, 1 and 0.98, with up to 22 MB more for chunks of 32 (d 128, 4 layers, 8 x 1024 steps,
// one thread of a Zen 4, in turns).
Index steps_of_chunk(const Sizes& s) { return kMatrixChunk / kMatrixBlock * steps_of_block(s); }
Index chunks_of(const Sizes& s) { return (s.length + steps_of_chunk(s) - 1) / steps_of_chunk(s); }
Index state_size(const Sizes& s) { return s.keys * s.values; }
Index saved_size(const Sizes& s) { return s.batch * s.heads * chunks_of(s) * state_size(s); }
Index steps_of(const Sizes& s, Index b) { return s.lengths ? s.lengths[b] : s.length; }
Extent extent_of(const Sizes& s, Index steps) {
  return {steps * s.updates, s.keys, s.updates, steps_of_block(s) * s.updates};
}

bool starts_at(const Sizes& s, Index b, Index t) {
  return s.starts && std::binary_search(s.starts + b * s.segments, s.starts + (b + 1) * s.segments, t);
}

/// Keys, and the values that are written with them: [rows, V].
struct Written {
  Writer key;
  const Real* values;
  Index stride;
};

/// The steps [begin, begin + steps) of one sequence and head.
template <class D>
struct Chunk {
  const Sizes& s;
  const Ins& in;
  Index b, head, begin, steps;
  Extent n;
  Arena arena;
  D decay;
  Reader query, erase;
  bool erases, own_erase_keys;  // a or beta is given; b is

  Chunk(const Sizes& sizes, const Ins& inputs, Index b_, Index head_, Index begin_, Index steps_, Real* work,
        bool wants_dg = false)
      : s(sizes),
        in(inputs),
        b(b_),
        head(head_),
        begin(begin_),
        steps(steps_),
        n(extent_of(s, steps)),
        arena{work},
        decay(n, arena, wants_dg),
        erases(in.a || in.beta),
        own_erase_keys(in.b != nullptr) {
    for (Index t = 0; t < steps; ++t) {
      const Index width = D::factors(s.keys);
      for (Index r = t * s.updates; r < (t + 1) * s.updates; ++r) std::fill_n(decay.factor(r), width, Real{1});
      Real* const factor = decay.factor(t * s.updates);
      if (starts_at(s, b, begin + t))
        std::fill_n(factor, width, Real{0});
      else if (in.g)
        for_lanes(0, width,
                  [&](Index i, Index lanes) { store(factor + i, exp(load(in.g + g_at(t) + i, lanes)), lanes); });
    }
    decay.prepare();
    Real* const q = arena.take(steps * s.keys);
    for (Index t = 0; t < steps; ++t) scaled(s.keys, static_cast<Real>(s.scale), in.q + q_at(t), q + t * s.keys);
    query = {q, s.keys, steps, s.updates - 1, s.updates, true, false};
    if (!erases) return;
    Real* const a = arena.take(n.rows * s.keys);
    for (Index r = 0; r < n.rows; ++r) {
      if (in.beta)
        scaled(s.keys, -in.beta[beta_at(r)], in.k + k_at(r), a + r * s.keys);
      else if (begins(r))
        std::fill_n(a + r * s.keys, s.keys, Real{0});
      else
        std::copy_n(in.a + k_at(r), s.keys, a + r * s.keys);
    }
    erase = {a, s.keys, n.rows, 0, 1, false, in.a != nullptr};
  }

  Index step_row(Index t) const { return (b * s.length + begin + t) * s.heads + head; }
  Index update_row(Index r) const { return ((b * s.length + begin) * s.updates + r) * s.heads + head; }
  Index q_at(Index t) const { return step_row(t) * s.keys; }
  Index y_at(Index t) const { return step_row(t) * s.values; }
  Index g_at(Index t) const { return step_row(t) * D::factors(s.keys); }
  Index k_at(Index r) const { return update_row(r) * s.keys; }
  Index v_at(Index r) const { return update_row(r) * s.values; }
  Index beta_at(Index r) const { return update_row(r); }
  Index key_stride() const { return s.heads * s.keys; }
  Index value_stride() const { return s.heads * s.values; }
  Writer keys() const { return {in.k + k_at(0), key_stride()}; }
  Writer erase_keys() const { return {(own_erase_keys ? in.b : in.k) + k_at(0), key_stride()}; }
  /// Row r is the first of a sequence.
  bool begins(Index r) const { return r % s.updates == 0 && starts_at(s, b, begin + r / s.updates); }

  /// W, or U where there are erase keys: [rows, V]. `system`: A_ab [rows, rows]; `between`: working memory of as much.
  void solve_writes(const Real* s0, Real* system, Real* between, Real* rows, Real* out) {
    for (Index r = 0; r < n.rows; ++r) {
      if (own_erase_keys)
        std::fill_n(out + r * s.values, s.values, Real{0});
      else
        scaled(s.values, in.beta ? in.beta[beta_at(r)] : Real{1}, in.v + v_at(r), out + r * s.values);
    }
    if (own_erase_keys) {
      decay.similarities(erase, keys(), between);
      tile_product(kNo, kNo, n.rows, s.values, n.rows, between, n.rows, in.v + v_at(0), value_stride(), false, out,
                   s.values);
    }
    decay.from_start(erase, rows);
    tile_product(kNo, kNo, n.rows, s.values, s.keys, rows, s.keys, s0, s.values, true, out, s.values);
    decay.similarities(erase, erase_keys(), system);
    solve(n.rows, s.values, system, out);
  }
  /// What the chunk writes; `w`: of solve_writes.
  std::pair<Written, std::optional<Written>> written(const Real* w) const {
    const Written plain{keys(), in.v + v_at(0), value_stride()};
    if (!erases) return {plain, std::nullopt};
    const Written solved{erase_keys(), w, s.values};
    return own_erase_keys ? std::pair{solved, std::optional(plain)} : std::pair{solved, std::optional<Written>()};
  }
};

/// Elements that a Chunk takes.
template <class D>
Index chunk_size(const Sizes& s) {
  const Extent n = extent_of(s, steps_of_chunk(s));
  return D::work_size(n) + 2 * n.rows * n.keys;
}

/// One step of one sequence and head, without a chunk's matrices: the recurrence as it is written.
void one_step(const Sizes& s, const Ins& in, Index item, Real* state, Real* y, Real* u) {
  const Index b = item / s.heads, head = item % s.heads, keys = s.keys, values = s.values;
  const Real* const g = in.g ? in.g + item * (s.decay == Decay::channel ? keys : 1) : nullptr;
  if (starts_at(s, b, 0)) std::fill_n(state, keys * values, Real{0});
  for (Index r = 0; r < s.updates; ++r) {
    const Index row = (b * s.updates + r) * s.heads + head;
    const Real *const k = in.k + row * keys, *const v = in.v + row * values;
    const Real *const a = in.a ? in.a + row * keys : nullptr, *const written = in.b ? in.b + row * keys : k;
    std::fill_n(u, values, Real{0});
    for (Index i = 0; i < keys; ++i) {
      Real* const line = state + i * values;
      if (a) add_scaled(values, a[i], line, u);
      if (r == 0 && g) scaled(values, std::exp(g[s.decay == Decay::channel ? i : 0]), line, line);
      if (in.beta) add_scaled(values, -in.beta[row] * k[i], line, u);
    }
    for (Index i = 0; i < keys; ++i) {
      if (a || in.beta) add_scaled(values, written[i], u, state + i * values);
      add_scaled(values, in.beta ? in.beta[row] * k[i] : k[i], v, state + i * values);
    }
  }
  std::fill_n(y, values, Real{0});
  const Real* const q = in.q + item * keys;
  for (Index i = 0; i < keys; ++i) add_scaled(values, static_cast<Real>(s.scale) * q[i], state + i * values, y);
}

template <class D>
void forward_with(const Sizes& s, const Ins& in, Real* saved, const MatrixRecurrenceOutputs& out) {
  const Index state = state_size(s), most = s.updates * steps_of_chunk(s);
  const Index work_size = chunk_size<D>(s) + 2 * most * most + most * (s.keys + s.values);
  parallel_for(s.batch * s.heads, [&](Index item) {
    const Index b = item / s.heads, head = item % s.heads, steps = steps_of(s, b), values = s.values;
    Real* const h = out.s_last + item * state;
    if (in.s0)
      std::copy_n(in.s0 + item * state, state, h);
    else
      std::fill_n(h, state, Real{0});
    if (s.length == 1 && steps == 1) {
      const Scratch u(values);
      if (saved) std::copy_n(h, state, saved + item * state);
      return one_step(s, in, item, h, out.y + item * values, u.data());
    }
    const Scratch work(work_size);
    for (Index begin = 0; begin < steps; begin += steps_of_chunk(s)) {
      Chunk<D> chunk(s, in, b, head, begin, std::min(steps_of_chunk(s), steps - begin), work.data());
      const Extent n = chunk.n;
      Real *const system = chunk.arena.take(most * most), *const similar = chunk.arena.take(most * most);
      Real *const rows = chunk.arena.take(most * s.keys), *const w = chunk.arena.take(most * values);
      if (saved) std::copy_n(h, state, saved + (item * chunks_of(s) + begin / steps_of_chunk(s)) * state);
      if (chunk.erases) chunk.solve_writes(h, system, similar, rows, w);
      Real* const y = out.y + chunk.y_at(0);
      chunk.decay.from_start(chunk.query, rows);
      tile_product(kNo, kNo, chunk.steps, values, s.keys, rows, s.keys, h, values, false, y, chunk.value_stride());
      chunk.decay.through(values, h);
      const auto write = [&](const Written& one) {
        chunk.decay.similarities(chunk.query, one.key, similar);
        tile_product(kNo, kNo, chunk.steps, values, n.rows, similar, n.rows, one.values, one.stride, true, y,
                     chunk.value_stride(), chunk.query.where_seen(Terms::until_row));
        chunk.decay.to_end(one.key, rows);
        tile_product(kYes, kNo, s.keys, values, n.rows, rows, s.keys, one.values, one.stride, true, h, values);
      };
      const auto [first, second] = chunk.written(w);
      write(first);
      if (second) write(*second);
    }
    for (Index t = steps; t < s.length; ++t)
      std::fill_n(out.y + ((b * s.length + t) * s.heads + head) * values, values, Real{0});
  });
}

/// A chunk's backward, with its working memory.
template <class D>
class ChunkBackward {
 public:
  static Index work_size(const Sizes& s) {
    const Index most = s.updates * steps_of_chunk(s);
    return chunk_size<D>(s) + 3 * most * most + most * (8 * s.keys + 3 * s.values) + s.keys;
  }
  ChunkBackward(const Sizes& sizes, const Ins& in, Index b, Index head, Index begin, Index steps, Real* work,
                bool wants_dg)
      : s(sizes), chunk(s, in, b, head, begin, steps, work, wants_dg), n(chunk.n) {
    const auto matrix = [&] { return chunk.arena.take(n.rows * n.rows); };
    const auto zeros = [&] {
      Real* const memory = chunk.arena.take(n.rows * n.keys);
      std::fill_n(memory, n.rows * n.keys, Real{0});
      return memory;
    };
    const auto values = [&] { return chunk.arena.take(n.rows * s.values); };
    system_ = matrix(), similar_ = matrix(), da_ = matrix();
    rows_ = zeros(), drows_ = zeros(), dquery_ = zeros(), derase_ = zeros(), dkeys_ = zeros(), derase_keys_ = zeros();
    w_ = values(), dw_ = values(), dv_ = values();
  }

  /// `s0`: the state before the chunk. `ds`: in: of the state after it; out: before it.
  void run(const Real* s0, const MatrixRecurrenceOutputGrads& dout, Real* ds, const MatrixRecurrenceInputGrads& into) {
    const Index values = s.values;
    const Real* const dy = dout.y + chunk.y_at(0);
    if (chunk.erases) chunk.solve_writes(s0, system_, similar_, rows_, w_);
    const auto [first, second] = chunk.written(w_);
    Real* const dfirst = chunk.own_erase_keys ? derase_keys_ : dkeys_;
    read(first, dy, ds, dfirst, chunk.erases ? dw_ : dv_);
    if (second) read(*second, dy, ds, dkeys_, dv_);
    chunk.decay.through_backward(values, s0, ds);
    chunk.decay.through(values, ds);
    reach(chunk.query, dy, chunk.value_stride(), s0, ds, dquery_);
    if (chunk.erases) {
      solve_transposed(n.rows, values, system_, dw_);  // Z
      through_system(first, system_, dfirst);
      if (second) {
        chunk.decay.similarities(chunk.erase, second->key, similar_);
        through_system(*second, similar_, dkeys_);
        tile_product(kYes, kNo, n.rows, values, n.rows, similar_, n.rows, dw_, values, true, dv_, values);
      }
      reach(chunk.erase, dw_, values, s0, ds, derase_);
      if (!second) std::swap(dv_, dw_);
    }
    if (into.g) through_decay(into);
    hand_out(into);
  }

 private:
  /// dw = A^T dY + Y^ G; the keys' gradient of what the queries and the state read of it.
  void read(const Written& one, const Real* dy, const Real* ds, Real* dkeys, Real* dw) {
    const Index values = s.values, y_stride = chunk.value_stride();
    chunk.decay.to_end(one.key, rows_);
    tile_product(kNo, kNo, n.rows, values, n.keys, rows_, n.keys, ds, values, false, dw, values);
    tile_product(kNo, kYes, n.rows, n.keys, values, one.values, one.stride, ds, values, false, drows_, n.keys);
    chunk.decay.to_end_backward(one.key, drows_, dkeys);
    chunk.decay.similarities(chunk.query, one.key, similar_);
    tile_product(kYes, kNo, n.rows, values, chunk.steps, similar_, n.rows, dy, y_stride, true, dw, values,
                 chunk.query.where_seen(Terms::from_row));
    tile_product(kNo, kYes, chunk.steps, n.rows, values, dy, y_stride, one.values, one.stride, false, da_, n.rows,
                 chunk.query.where_seen(Terms::columns_until));
    chunk.decay.similarities_backward(chunk.query, one.key, similar_, da_, dquery_, dkeys);
  }
  /// What went through the system: dA = Z W^T; `a`: A.
  void through_system(const Written& one, const Real* a, Real* dkeys) {
    tile_product(kNo, kYes, n.rows, n.rows, s.values, dw_, s.values, one.values, one.stride, false, da_, n.rows,
                 chunk.erase.where_seen(Terms::columns_until));
    chunk.decay.similarities_backward(chunk.erase, one.key, a, da_, derase_, dkeys);
  }
  /// What the reader read of the state before the chunk.
  void reach(const Reader& x, const Real* dread, Index stride, const Real* s0, Real* ds, Real* dx) {
    tile_product(kNo, kYes, x.count, n.keys, s.values, dread, stride, s0, s.values, false, drows_, n.keys);
    chunk.decay.from_start_backward(x, drows_, dx);
    chunk.decay.from_start(x, rows_);
    tile_product(kYes, kNo, n.keys, s.values, x.count, rows_, n.keys, dread, stride, true, ds, s.values);
  }
  void through_decay(const MatrixRecurrenceInputGrads& into) {
    chunk.decay.sum_gradient();
    for (Index t = 0; t < chunk.steps; ++t) chunk.decay.add_gradient(t * s.updates, into.g + chunk.g_at(t));
  }
  /// Adds to the gradients of the inputs.
  void hand_out(const MatrixRecurrenceInputGrads& into) {
    const Index keys = s.keys, values = s.values;
    if (into.q)
      for (Index t = 0; t < chunk.steps; ++t)
        add_scaled(keys, static_cast<Real>(s.scale), dquery_ + t * keys, into.q + chunk.q_at(t));
    for (Index r = 0; r < n.rows; ++r) {
      const Real *const da = derase_ + r * keys, *const dv = dv_ + r * values;
      if (into.k) add_scaled(keys, 1, dkeys_ + r * keys, into.k + chunk.k_at(r));
      if (into.b) add_scaled(keys, 1, derase_keys_ + r * keys, into.b + chunk.k_at(r));
      if (into.a && !chunk.begins(r)) add_scaled(keys, 1, da, into.a + chunk.k_at(r));
      const Real beta = chunk.in.beta ? chunk.in.beta[chunk.beta_at(r)] : Real{1};
      if (into.v) add_scaled(values, beta, dv, into.v + chunk.v_at(r));
      if (chunk.in.beta && into.k) add_scaled(keys, -beta, da, into.k + chunk.k_at(r));
      if (into.beta)
        into.beta[chunk.beta_at(r)] +=
            dot(values, dv, chunk.in.v + chunk.v_at(r)) - dot(keys, da, chunk.in.k + chunk.k_at(r));
    }
  }

  const Sizes& s;
  Chunk<D> chunk;
  const Extent n;
  Real *system_, *similar_, *da_, *rows_, *drows_, *dquery_, *derase_, *dkeys_, *derase_keys_, *w_, *dw_, *dv_;
};

template <class D>
void backward_with(const Sizes& s, const Ins& in, const Real* saved, const MatrixRecurrenceOutputGrads& dout,
                   const MatrixRecurrenceInputGrads& into) {
  const Index state = state_size(s), each = steps_of_chunk(s), work_size = ChunkBackward<D>::work_size(s);
  parallel_for(s.batch * s.heads, [&](Index item) {
    const Index b = item / s.heads, steps = steps_of(s, b);
    const Scratch work(work_size + state);
    Real* const ds = work.data() + work_size;
    if (dout.s_last)
      std::copy_n(dout.s_last + item * state, state, ds);
    else
      std::fill_n(ds, state, Real{0});
    for (Index begin = (steps - 1) / each * each; begin >= 0 && steps > 0; begin -= each)
      ChunkBackward<D>(s, in, b, item % s.heads, begin, std::min(each, steps - begin), work.data(), into.g != nullptr)
          .run(saved + (item * chunks_of(s) + begin / each) * state, dout, ds, into);
    if (into.s0) add_scaled(state, 1, ds, into.s0 + item * state);
  });
}

void forward(const Sizes& s, const Ins& in, Real* saved, const MatrixRecurrenceOutputs& out) {
  s.decay == Decay::channel ? forward_with<ChannelDecay>(s, in, saved, out)
                            : forward_with<HeadDecay>(s, in, saved, out);
}
void backward(const Sizes& s, const Ins& in, const Real* saved, const MatrixRecurrenceOutputGrads& dout,
              const MatrixRecurrenceInputGrads& into) {
  s.decay == Decay::channel ? backward_with<ChannelDecay>(s, in, saved, dout, into)
                            : backward_with<HeadDecay>(s, in, saved, dout, into);
}

}  // namespace

extern const MatrixRecurrence matrix_recurrence;
const MatrixRecurrence matrix_recurrence{saved_size, forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
