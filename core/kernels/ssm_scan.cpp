// Lanes are heads. With G the gradient of a complex number as d/dre + i d/dim, and g that of s[t], backwards in time:
//   g     += 2 conj(c) dy                 dc += 2 conj(s) dy
//   low rank, with k2 = 2 Re<p, z>, k1 = 2 Re<p, s[t-1]>:
//     d2   = -Re<r, g>                    dr -= k2 g           g += 2 p d2          dp += 2 z d2
//     d1   = -Re<q, g>                    dq -= k1 g                                dp += 2 s[t-1] d1
//   du     = Re<b, g>                     db += g u            da += g conj(s[t-1])
//   g      = conj(a) g + 2 p d1
// States between the saved ones are recomputed, a chunk at a time.
#include "core/kernels/ssm_scan.h"

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr Index T = kSsmChunk;

Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

/// Sizes in elements: a group's complex vectors over its states.
struct Layout {
  Index groups, vector, chunks;
  explicit Layout(const SsmSizes& s)
      : groups(ceil_div(s.heads, W)), vector(2 * s.states * W), chunks(ceil_div(s.length, T)) {}
};

Index saved_size(const SsmSizes& s) {
  const Layout l(s);
  return s.batch * l.chunks * l.groups * l.vector;
}

/// [H, N, 2] -> [groups, N, 2, W]; null: zeros.
void gather(const SsmSizes& s, const Real* pairs, Index group, Real* out) {
  for (Index n = 0; n < 2 * s.states; ++n)
    for (Index i = 0; i < W; ++i) {
      const Index h = group * W + i;
      out[n * W + i] = pairs && h < s.heads ? pairs[h * 2 * s.states + n] : 0;
    }
}
/// The inverse, adding to the gradient.
void scatter_add(const SsmSizes& s, const Real* vectors, Index group, Real* pairs) {
  for (Index h = group * W; h < std::min(s.heads, group * W + W); ++h)
    for (Index n = 0; n < 2 * s.states; ++n) pairs[h * 2 * s.states + n] += vectors[n * W + h % W];
}

/// A group's coefficients as vectors: element n of a complex vector v is at v + 2 n W.
struct Coefficients {
  const Real *a, *b, *c, *p, *q, *r;
};

struct Pair {
  Vec re, im;
};
inline Pair get(const Real* v, Index n) { return {load(v + 2 * n * W), load(v + (2 * n + 1) * W)}; }
inline void put(Real* v, Index n, Pair x) {
  store(v + 2 * n * W, x.re);
  store(v + (2 * n + 1) * W, x.im);
}
inline void accumulate(Real* v, Index n, Pair x) {
  const Pair old = get(v, n);
  put(v, n, {old.re + x.re, old.im + x.im});
}
inline Vec real_product(Pair x, Pair y) { return x.re * y.re + x.im * y.im; }  // Re conj(x) y

/// One step from `before` to `after` (which may be the same); returns y. `z`, where given, keeps z; k1 and k2 as above.
template <bool low_rank>
inline Vec advance(Index states, const Coefficients& k, Vec u, const Real* before, Real* after, Real* z, Vec* k1,
                   Vec* k2) {
  Vec first{}, second{}, y{};
  if constexpr (low_rank) {
    for (Index n = 0; n < states; ++n) first += real_product(get(k.p, n), get(before, n));
    first += first;
  }
  for (Index n = 0; n < states; ++n) {
    const Pair a = get(k.a, n), b = get(k.b, n), s = get(before, n);
    Pair next{a.re * s.re - a.im * s.im + b.re * u, a.re * s.im + a.im * s.re + b.im * u};
    if constexpr (low_rank) {
      const Pair q = get(k.q, n);
      next.re -= q.re * first;
      next.im -= q.im * first;
      second += real_product(get(k.p, n), next);
      if (z) put(z, n, next);
    } else {
      const Pair c = get(k.c, n);
      y += c.re * next.re - c.im * next.im;
    }
    put(after, n, next);
  }
  if constexpr (low_rank) {
    second += second;
    for (Index n = 0; n < states; ++n) {
      const Pair r = get(k.r, n), c = get(k.c, n), s = get(after, n);
      const Pair next{s.re - r.re * second, s.im - r.im * second};
      y += c.re * next.re - c.im * next.im;
      put(after, n, next);
    }
    if (k1) *k1 = first, *k2 = second;
  }
  return y + y;
}

/// Coefficients of all groups: [6][groups, N, 2, W].
Coefficients coefficients_of(const Layout& l, const Real* all, Index group) {
  const auto part = [&](Index i) { return all + (i * l.groups + group) * l.vector; };
  return {part(0), part(1), part(2), part(3), part(4), part(5)};
}
void gather_all(const SsmSizes& s, const Layout& l, const SsmInputs& in, Real* all) {
  const Real* const sources[] = {in.a, in.b, in.c, in.p, in.q, in.r};
  for (Index i = 0; i < 6; ++i)
    for (Index group = 0; group < l.groups; ++group)
      gather(s, sources[i], group, all + (i * l.groups + group) * l.vector);
}

/// Calls body(b, group, lanes, first head, steps) in parallel.
template <class Body>
void each(const SsmSizes& s, const Layout& l, const Body& body) {
  parallel_for(s.batch * l.groups, [&](Index item) {
    const Index b = item / l.groups, group = item % l.groups;
    body(b, group, std::min<Index>(W, s.heads - group * W), group * W, s.lengths ? s.lengths[b] : s.length);
  });
}

template <bool low_rank>
void forward_as(const SsmSizes& s, const SsmInputs& in, Real* saved, const SsmOutputs& out) {
  const Layout l(s);
  const Scratch all(6 * l.groups * l.vector), work(s.batch * l.groups * l.vector);
  gather_all(s, l, in, all.data());
  const Index state_size = s.heads * 2 * s.states;
  each(s, l, [&](Index b, Index group, Index lanes, Index head, Index steps) {
    const Coefficients k = coefficients_of(l, all.data(), group);
    Real* const state = work.data() + (b * l.groups + group) * l.vector;
    gather(s, in.s0 ? in.s0 + b * state_size : nullptr, group, state);
    for (Index t = 0; t < s.length; ++t) {
      if (saved && t % T == 0)
        std::copy_n(state, l.vector, saved + ((b * l.chunks + t / T) * l.groups + group) * l.vector);
      const Index at = (b * s.length + t) * s.heads + head;
      Vec y{};
      if (t < steps)
        y = advance<low_rank>(s.states, k, load(in.u + at, lanes), state, state, nullptr, nullptr, nullptr);
      store(out.y + at, y, lanes);
    }
    if (out.s_last) {
      for (Index h = head; h < head + lanes; ++h)
        std::fill_n(out.s_last + b * state_size + h * 2 * s.states, 2 * s.states, Real{0});
      scatter_add(s, state, group, out.s_last + b * state_size);
    }
  });
}

template <bool low_rank>
void backward_as(const SsmSizes& s, const SsmInputs& in, const Real* saved, const SsmOutputGrads& grad,
                 const SsmInputGrads& into) {
  const Layout l(s);
  const Index state_size = s.heads * 2 * s.states, items = s.batch * l.groups;
  const Scratch all(6 * l.groups * l.vector), sums(items * 6 * l.vector, 0), carried(items * l.vector);
  const Scratch work(items * (low_rank ? 2 * T + 1 : T + 1) * l.vector);
  gather_all(s, l, in, all.data());
  each(s, l, [&](Index b, Index group, Index lanes, Index head, Index steps) {
    const Coefficients k = coefficients_of(l, all.data(), group);
    const Index item = b * l.groups + group;
    Real* const sum = sums.data() + item * 6 * l.vector;
    Real *const da = sum, *const db = da + l.vector, *const dc = db + l.vector, *const dp = dc + l.vector;
    Real *const dq = dp + l.vector, *const dr = dq + l.vector;
    Real* const g = carried.data() + item * l.vector;
    Real* const states = work.data() + item * (low_rank ? 2 * T + 1 : T + 1) * l.vector;
    Real* const zs = states + (T + 1) * l.vector;
    gather(s, grad.s_last ? grad.s_last + b * state_size : nullptr, group, g);
    for (Index start = ceil_div(steps, T) * T - T; start >= 0; start -= T) {
      const Index count = std::min(T, steps - start);
      Vec k1[T], k2[T];
      std::copy_n(saved + ((b * l.chunks + start / T) * l.groups + group) * l.vector, l.vector, states);
      for (Index t = 0; t < count; ++t)
        advance<low_rank>(s.states, k, load(in.u + (b * s.length + start + t) * s.heads + head, lanes),
                          states + t * l.vector, states + (t + 1) * l.vector, low_rank ? zs + t * l.vector : nullptr,
                          k1 + t, k2 + t);
      for (Index t = count - 1; t >= 0; --t) {
        const Index at = (b * s.length + start + t) * s.heads + head;
        const Real *const before = states + t * l.vector, *const after = before + l.vector;
        const Vec u = load(in.u + at, lanes), dy = grad.y ? load(grad.y + at, lanes) * Real{2} : Vec{};
        Vec d1{}, d2{}, du{};
        for (Index n = 0; n < s.states; ++n) {
          const Pair c = get(k.c, n), state = get(after, n);
          accumulate(dc, n, {state.re * dy, -state.im * dy});
          Pair gn = get(g, n);
          gn = {gn.re + c.re * dy, gn.im - c.im * dy};
          put(g, n, gn);
          if constexpr (low_rank) d2 -= real_product(get(k.r, n), gn);
        }
        if constexpr (low_rank) {
          const Vec twice = d2 + d2;
          for (Index n = 0; n < s.states; ++n) {
            const Pair p = get(k.p, n), z = get(zs + t * l.vector, n);
            Pair gn = get(g, n);
            accumulate(dr, n, {-k2[t] * gn.re, -k2[t] * gn.im});
            accumulate(dp, n, {z.re * twice, z.im * twice});
            gn = {gn.re + p.re * twice, gn.im + p.im * twice};
            put(g, n, gn);
            accumulate(dq, n, {-k1[t] * gn.re, -k1[t] * gn.im});
            d1 -= real_product(get(k.q, n), gn);
          }
        }
        const Vec twice = d1 + d1;
        for (Index n = 0; n < s.states; ++n) {
          const Pair a = get(k.a, n), gn = get(g, n), state = get(before, n);
          du += real_product(get(k.b, n), gn);
          accumulate(db, n, {gn.re * u, gn.im * u});
          accumulate(da, n, {gn.re * state.re + gn.im * state.im, gn.im * state.re - gn.re * state.im});
          Pair next{a.re * gn.re + a.im * gn.im, a.re * gn.im - a.im * gn.re};
          if constexpr (low_rank) {
            const Pair p = get(k.p, n);
            accumulate(dp, n, {state.re * twice, state.im * twice});
            next = {next.re + p.re * twice, next.im + p.im * twice};
          }
          put(g, n, next);
        }
        if (into.u) add_to(into.u + at, du, lanes);
      }
    }
    if (into.s0) scatter_add(s, g, group, into.s0 + b * state_size);
  });
  Real* const outs[] = {into.a, into.b, into.c, into.p, into.q, into.r};
  for (Index b = 0; b < s.batch; ++b)
    for (Index group = 0; group < l.groups; ++group)
      for (Index i = 0; i < 6; ++i)
        if (outs[i]) scatter_add(s, sums.data() + ((b * l.groups + group) * 6 + i) * l.vector, group, outs[i]);
}

void forward(const SsmSizes& s, const SsmInputs& in, Real* saved, const SsmOutputs& out) {
  return s.low_rank ? forward_as<true>(s, in, saved, out) : forward_as<false>(s, in, saved, out);
}
void backward(const SsmSizes& s, const SsmInputs& in, const Real* saved, const SsmOutputGrads& grad,
              const SsmInputGrads& into) {
  return s.low_rank ? backward_as<true>(s, in, saved, grad, into) : backward_as<false>(s, in, saved, grad, into);
}

}  // namespace

extern const SsmScan ssm_scan;
const SsmScan ssm_scan{saved_size, forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
