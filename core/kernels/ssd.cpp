// A chunk of Q steps at once. With u = delta x, m[t] the sum of delta a over the chunk's steps up to t, H0 the state
// before the chunk, and
//   S = C B^T,   W[t,s] = S[t,s] exp(m[t] - m[s]) for s <= t, else 0,   d[s] = exp(m[Q-1] - m[s]),   e[t] = exp(m[t])
// the recurrence is four products:
//   Y = W U + diag(e) C H0^T + skip X,      H1 = e[Q-1] H0 + (diag(d) U)^T B
// and backwards, with G = dH1 and V = diag(d) B G^T:
//   dU = W^T dY + V            dW = dY U^T               dS = the sum over the group's heads of dW exp(m[t] - m[s])
//   R  = diag(e) dY H0         dC = dS B + R             dB = dS^T C + diag(d) U G
//   dH0 = e[Q-1] G + (diag(e) dY)^T C
//   dm[t] = sum_s (dW W)[t,s] - sum_s (dW W)[s,t] + R[t] C[t] - U[t] V[t],  and in the last step  + <G, H1>
// since H1 = e[Q-1] H0 + ... is all scaled by exp(m[Q-1]). Then g[t] = sum of dm[t'] over t' >= t is the gradient of
// delta[t] a. The gradient of a itself is summed from the same terms, each times the time that its exponential spans
// (m / a): dm's differences would cancel in it, and cost it two digits. Sums of m within a chunk only, and differences
// m[t] - m[s] <= 0 only: nothing overflows.
//
// The products cost Q + 3 N + N Q / P multiplications a channel and step instead of the scan's N exponentials, at a
// product's speed. Forward: items are (sequence, head), which repeat S for each head. Backward: (sequence, group),
// whose dB and dC are its own.
#include "core/kernels/ssd.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/kernels/tile_product.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr Index Q = kSsdChunk;  // whole vectors
constexpr Transpose kNo = Transpose::no, kYes = Transpose::yes;

Index chunks_of(const SsdSizes& s) { return (s.length + Q - 1) / Q; }
Index state_size(const SsdSizes& s) { return s.width * s.states; }
Index saved_size(const SsdSizes& s) { return s.batch * s.heads * chunks_of(s) * state_size(s); }

Real dot(Index n, const Real* x, const Real* y) {
  Vec total{};
  for_lanes(0, n, [&](Index i, Index lanes) { total += load(x + i, lanes) * load(y + i, lanes); });
  return seqtape::kernels::SEQTAPE_ISA::sum(total);
}
/// out = factor x
void scaled(Index n, Real factor, const Real* x, Real* out) {
  for_lanes(0, n, [&](Index i, Index lanes) { store(out + i, load(x + i, lanes) * factor, lanes); });
}
/// out += factor x
void add_scaled(Index n, Real factor, const Real* x, Real* out) {
  for_lanes(0, n, [&](Index i, Index lanes) { add_to(out + i, load(x + i, lanes) * factor, lanes); });
}

/// The steps [begin, begin + n) of one sequence and head.
struct Chunk {
  const SsdSizes& s;
  const SsdInputs& in;
  Index b, head, begin, n, group;
  Real sums[Q]{}, rests[Q]{}, from_start[Q]{}, to_end[Q]{};  // m as two numbers, e, d
  double elapsed[Q]{};                                       // m / a: the sum of delta

  Chunk(const SsdSizes& sizes, const SsdInputs& inputs, Index b_, Index head_, Index begin_, Index n_)
      : s(sizes), in(inputs), b(b_), head(head_), begin(begin_), n(n_), group(head / (s.heads / s.groups)) {
    // In float a sum of -100 would leave neighbours' differences an error of 4e-6.
    const double a = static_cast<double>(in.a[head]);
    double total = 0;
    for (Index t = 0; t < n; ++t) {
      elapsed[t] = total += static_cast<double>(delta(t));
      sums[t] = static_cast<Real>(total * a);
      rests[t] = static_cast<Real>(total * a - static_cast<double>(sums[t]));
    }
    for (Index t = 0; t < n; ++t) {
      from_start[t] = std::exp(sums[t]);
      to_end[t] = std::exp(static_cast<Real>((total - elapsed[t]) * a));
    }
  }
  Index x_row() const { return s.heads * s.width; }
  Index b_row() const { return s.groups * s.states; }
  Index x_at(Index t) const { return ((b * s.length + begin + t) * s.heads + head) * s.width; }
  Index b_at(Index t) const { return ((b * s.length + begin + t) * s.groups + group) * s.states; }
  Index delta_at(Index t) const { return (b * s.length + begin + t) * s.heads + head; }
  Real delta(Index t) const { return in.delta[delta_at(t)]; }

  /// u [n, P]
  void inputs(Real* u) const {
    for (Index t = 0; t < n; ++t) scaled(s.width, delta(t), in.x + x_at(t), u + t * s.width);
  }
  /// S [n, n] where a step sees another, in rows of Q
  void similarities(Real* out) const {
    if (n % W != 0) std::fill_n(out, n * Q, Real{0});  // what fills its last vectors
    tile_product(kNo, kYes, n, n, s.states, in.c + b_at(0), b_row(), in.b + b_at(0), b_row(), false, out, Q,
                 Terms::columns_until);
  }
  /// exp(m[t] - m[i]) for i <= t, then zeros
  void decays(Index t, Real* row) const {
    for (Index i = 0; i <= t; i += W) store(row + i, exp((sums[t] - load(sums + i)) + (rests[t] - load(rests + i))));
    std::fill(row + t + 1, row + Q, Real{0});
  }
};

Index steps_of(const SsdSizes& s, Index b) { return s.lengths ? s.lengths[b] : s.length; }

void forward(const SsdSizes& s, const SsdInputs& in, Real* saved, const SsdOutputs& out) {
  const Index state = state_size(s), work_size = Q * Q + Q + Q * s.width;
  parallel_for(s.batch * s.heads, [&](Index item) {
    const Scratch work(work_size);  // of a thread, not of every item
    const Index b = item / s.heads, head = item % s.heads, steps = steps_of(s, b);
    Real *const w = work.data(), *const decay = w + Q * Q, *const u = decay + Q;
    Real* const h = out.h_last + item * state;
    if (in.h0)
      std::copy_n(in.h0 + item * state, state, h);
    else
      std::fill_n(h, state, Real{0});
    for (Index begin = 0; begin < steps; begin += Q) {
      const Chunk chunk(s, in, b, head, begin, std::min(Q, steps - begin));
      const Index n = chunk.n;
      if (saved) std::copy_n(h, state, saved + (item * chunks_of(s) + begin / Q) * state);
      Real* const y = out.y + chunk.x_at(0);
      tile_product(kNo, kYes, n, s.width, s.states, in.c + chunk.b_at(0), chunk.b_row(), h, s.states, false, y,
                   chunk.x_row());
      for (Index t = 0; t < n; ++t) {
        Real* const row = y + t * chunk.x_row();
        scaled(s.width, chunk.from_start[t], row, row);
        if (in.skip) add_scaled(s.width, in.skip[head], in.x + chunk.x_at(t), row);
      }
      chunk.inputs(u);
      chunk.similarities(w);
      for (Index t = 0; t < n; ++t) {
        chunk.decays(t, decay);
        Real* const line = w + t * Q;
        for (Index i = 0; i <= t; i += W) store(line + i, load(line + i) * load(decay + i));
        std::fill(line + t + 1, line + n, Real{0});
      }
      tile_product(kNo, kNo, n, s.width, n, w, Q, u, s.width, true, y, chunk.x_row(), Terms::until_row);
      for (Index t = 0; t < n; ++t) scaled(s.width, chunk.to_end[t], u + t * s.width, u + t * s.width);
      scaled(state, chunk.from_start[n - 1], h, h);
      tile_product(kYes, kNo, s.width, s.states, n, u, s.width, in.b + chunk.b_at(0), chunk.b_row(), true, h, s.states);
    }
    for (Index t = steps; t < s.length; ++t)
      std::fill_n(out.y + ((b * s.length + t) * s.heads + head) * s.width, s.width, Real{0});
  });
}

/// One head's share of a chunk's backward. `place` gives it working memory of work_size(s).
struct HeadBackward {
  const Chunk& chunk;
  const SsdInputs& in;
  const SsdOutputGrads& dout;
  const SsdInputGrads& into;
  const Real* h0;            // before the chunk
  const Real* similarities;  // S
  Real* dsimilarities;       // += dS
  Real* dh;                  // in: of the state after the chunk; out: before it
  Real *w{}, *dw{}, *decay{}, *u{}, *du{}, *rows{}, *r{};

  static Index work_size(const SsdSizes& s) { return 2 * Q * Q + Q + 3 * Q * s.width + Q * s.states; }
  void place(Real* work) {
    const Index width = chunk.s.width;
    w = work, dw = w + Q * Q, decay = dw + Q * Q, u = decay + Q, du = u + Q * width, rows = du + Q * width,
    r = rows + Q * width;
  }

  /// Adds to da and dskip of the head.
  void run(double& da, double& dskip) {
    const SsdSizes& s = chunk.s;
    const Index n = chunk.n, width = s.width, states = s.states, x_row = chunk.x_row(), b_row = chunk.b_row();
    const Real* const dy = dout.y + chunk.x_at(0);
    const Real *const b = in.b + chunk.b_at(0), *const c = in.c + chunk.b_at(0);
    Real dm[Q]{}, elapsed[Q]{};
    for (Index t = 0; t < n; ++t) elapsed[t] = static_cast<Real>(chunk.elapsed[t]);
    chunk.inputs(u);
    // V, and what of dm comes from the states
    tile_product(kNo, kYes, n, width, states, b, b_row, dh, states, false, du, width);
    const double span = chunk.elapsed[n - 1];
    Real through_state = chunk.from_start[n - 1] * dot(width * states, dh, h0);
    da += static_cast<double>(through_state) * span;
    for (Index t = 0; t < n; ++t) {
      scaled(width, chunk.to_end[t], du + t * width, du + t * width);
      const Real v = dot(width, u + t * width, du + t * width);
      dm[t] = -v;
      through_state += v;
      da += static_cast<double>(v) * (span - chunk.elapsed[t]);
    }
    dm[n - 1] += through_state;
    // W and dW
    if (n % W != 0) std::fill_n(dw, n * Q, Real{0});
    tile_product(kNo, kYes, n, n, width, dy, x_row, u, width, false, dw, Q, Terms::columns_until);
    for (Index t = 0; t < n; ++t) {
      chunk.decays(t, decay);
      Real* const weights = w + t * Q;
      Vec total{}, of_rate{};
      for (Index i = 0; i <= t; i += W) {
        const Vec f = load(decay + i), d = load(dw + t * Q + i);
        const Vec weight = f * load(similarities + t * Q + i), product = d * weight;
        add_to(dsimilarities + t * Q + i, d * f, W);
        store(weights + i, weight);
        total += product;
        of_rate += product * (static_cast<Real>(chunk.elapsed[t]) - load(elapsed + i));
        add_to(dm + i, -product, W);
      }
      std::fill(weights + t + 1, weights + n, Real{0});
      dm[t] += seqtape::kernels::SEQTAPE_ISA::sum(total);
      da += static_cast<double>(seqtape::kernels::SEQTAPE_ISA::sum(of_rate));
    }
    tile_product(kYes, kNo, n, width, n, w, Q, dy, x_row, true, du, width, Terms::from_row);
    // The state before the chunk
    for (Index t = 0; t < n; ++t) scaled(width, chunk.from_start[t], dy + t * x_row, rows + t * width);
    tile_product(kNo, kNo, n, states, width, rows, width, h0, states, false, r, states);
    for (Index t = 0; t < n; ++t) {
      const Real through = dot(states, r + t * states, c + t * b_row);
      dm[t] += through;
      da += static_cast<double>(through) * chunk.elapsed[t];
      add_scaled(states, 1, r + t * states, into.c + chunk.b_at(t));
    }
    for (Index t = 0; t < n; ++t) scaled(width, chunk.to_end[t], u + t * width, u + t * width);
    tile_product(kNo, kNo, n, states, width, u, width, dh, states, true, into.b + chunk.b_at(0), b_row);
    scaled(width * states, chunk.from_start[n - 1], dh, dh);
    tile_product(kYes, kNo, width, states, n, rows, width, c, b_row, true, dh, states);
    double sum_g = 0;
    for (Index t = n - 1; t >= 0; --t) {
      const Real* const x = in.x + chunk.x_at(t);
      const Real g = static_cast<Real>(sum_g += static_cast<double>(dm[t]));
      into.delta[chunk.delta_at(t)] += g * in.a[chunk.head] + dot(width, x, du + t * width);
      add_scaled(width, chunk.delta(t), du + t * width, into.x + chunk.x_at(t));
      if (!in.skip) continue;
      add_scaled(width, in.skip[chunk.head], dy + t * x_row, into.x + chunk.x_at(t));
      dskip += static_cast<double>(dot(width, x, dy + t * x_row));
    }
  }
};

void backward(const SsdSizes& s, const SsdInputs& in, const Real* saved, const SsdOutputGrads& dout,
              const SsdInputGrads& into) {
  const Index state = state_size(s), heads = s.heads / s.groups, head_work = HeadBackward::work_size(s);
  const Index work_size = 2 * Q * Q + heads * state + head_work;
  std::vector<double> sums(static_cast<std::size_t>(2 * s.batch * s.heads));  // da, dskip of each sequence and head
  parallel_for(s.batch * s.groups, [&](Index item) {
    const Scratch work(work_size);
    const Index b = item / s.groups, first = item % s.groups * heads, steps = steps_of(s, b);
    Real *const similar = work.data(), *const dsimilar = similar + Q * Q, *const dh = dsimilar + Q * Q;
    const Index state_at = (b * s.heads + first) * state;
    if (dout.h_last)
      std::copy_n(dout.h_last + state_at, heads * state, dh);
    else
      std::fill_n(dh, heads * state, Real{0});
    for (Index begin = (steps - 1) / Q * Q; begin >= 0 && steps > 0; begin -= Q) {
      const Index n = std::min(Q, steps - begin);
      std::fill_n(dsimilar, Q * Q, Real{0});
      for (Index i = 0; i < heads; ++i) {
        const Index head = first + i, row = b * s.heads + head;
        const Chunk chunk(s, in, b, head, begin, n);
        if (i == 0) chunk.similarities(similar);
        HeadBackward one{chunk,   in,       dout,          into, saved + (row * chunks_of(s) + begin / Q) * state,
                         similar, dsimilar, dh + i * state};
        one.place(dh + heads * state);
        one.run(sums[static_cast<std::size_t>(2 * row)], sums[static_cast<std::size_t>(2 * row + 1)]);
      }
      const Index at = ((b * s.length + begin) * s.groups + item % s.groups) * s.states, b_row = s.groups * s.states;
      tile_product(kNo, kNo, n, s.states, n, dsimilar, Q, in.b + at, b_row, true, into.c + at, b_row, Terms::until_row);
      tile_product(kYes, kNo, n, s.states, n, dsimilar, Q, in.c + at, b_row, true, into.b + at, b_row, Terms::from_row);
    }
    if (into.h0) add_scaled(heads * state, 1, dh, into.h0 + state_at);
  });
  for (Index row = 0; row < s.batch * s.heads; ++row) {
    into.a[row % s.heads] += static_cast<Real>(sums[static_cast<std::size_t>(2 * row)]);
    if (into.skip) into.skip[row % s.heads] += static_cast<Real>(sums[static_cast<std::size_t>(2 * row + 1)]);
  }
}

}  // namespace

extern const Ssd ssd;
const Ssd ssd{saved_size, forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
