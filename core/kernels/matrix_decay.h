#pragma once
// Decay within a chunk of a matrix recurrence. Row s of a chunk writes a key; row t reads, later. With d[r] = exp g[r],
// what is read at t of what was written at s has been through d[s+1] ... d[e], where e is t, or t - 1 for what reads
// the state before its own row's decay. All of it is products of factors <= 1, never e^-G: nothing overflows, a decay
// of 0 is exact, and no difference of large sums loses digits.
//
// Both kinds of decay do the same things:
//   similarities   A[t, s] = <x[t] d[s+1..e], y[s]> for the rows s that t sees, else 0
//   from_start     x[t] d[0..e], which reads the state before the chunk
//   to_end         y[s] d[s+1..], which goes into the state after it
// and their gradients. With G[r] the sum of g up to r, what t reads of s has the factor exp(G[e] - G[s]): its term,
// times its gradient, is added to dG[e] and taken from dG[s], and dg[r] is the sum of dG from r on, in which what lies
// wholly after r cancels. What has been through no decay (s = e) is left out, or cancels in double: under strong decays
// its rounding would be larger than all the rest.
//
// Included by kernels' sources only: it is compiled for each instruction set.

#include <algorithm>

#include "core/kernels/matrix_rows.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace matrix {

/// One number a head and row, or none: 1 but at a start.
class HeadDecay {
 public:
  static Index work_size(const Extent& most) { return most.rows * most.rows + 4 * most.rows; }

  /// `wants_gradient`: of g.
  HeadDecay(const Extent& extent, Arena& arena, bool wants_gradient)
      : n_(extent),
        wanted_(wants_gradient),
        gradient_(reinterpret_cast<double*>(arena.take(2 * n_.rows))),  // first, for its alignment
        fall_(arena.take(n_.rows * n_.rows)),
        from_start_(arena.take(n_.rows)),
        d_(arena.take(n_.rows)) {
    std::fill_n(gradient_, n_.rows, 0.0);
  }
  /// The factor of row r.
  Real* factor(Index r) { return d_ + r; }
  static constexpr Index factors(Index) { return 1; }
  /// After all factors are set.
  void prepare() {
    for (Index r = 0; r < n_.rows; ++r) {
      Real* const row = fall_ + r * n_.rows;
      if (r > 0)
        scaled(n_.rows, d_[r], row - n_.rows, row);
      else
        std::fill_n(row, n_.rows, Real{0});
      row[r] = 1;
      from_start_[r] = d_[r] * (r > 0 ? from_start_[r - 1] : Real{1});
    }
  }

  void similarities(const Reader& x, const Writer& y, Real* out) const {
    tile_product(kNo, kYes, x.count, n_.rows, n_.keys, x.rows, x.stride, y.rows, y.stride, false, out, n_.rows,
                 x.where_seen(Terms::columns_until));
    weigh(x, out);
  }
  /// `a`: the similarities. Overwrites `da`; adds to dx [count, K] and dy [rows, K].
  void similarities_backward(const Reader& x, const Writer& y, const Real* a, Real* da, Real* dx, Real* dy) {
    for (Index t = 0; wanted_ && t < x.count; ++t) {
      // One number for both ends, summed in double: there it cancels exactly.
      const Real *const row = a + t * n_.rows, *const drow = da + t * n_.rows;
      double total = 0;
      for (Index i = 0; i < x.last(t); ++i) {
        const auto term = static_cast<double>(row[i] * drow[i]);
        gradient_[i] -= term;
        total += term;
      }
      if (x.last(t) >= 0) gradient_[x.last(t)] += total;
    }
    weigh(x, da);
    tile_product(kNo, kNo, x.count, n_.keys, n_.rows, da, n_.rows, y.rows, y.stride, true, dx, n_.keys,
                 x.where_seen(Terms::until_row));
    tile_product(kYes, kNo, n_.rows, n_.keys, x.count, da, n_.rows, x.rows, x.stride, true, dy, n_.keys,
                 x.where_seen(Terms::from_row));
  }
  void from_start(const Reader& x, Real* out) const {
    for (Index t = 0; t < x.count; ++t) scaled(n_.keys, start_factor(x.last(t)), x.at(t), out + t * n_.keys);
  }
  void from_start_backward(const Reader& x, const Real* dout, Real* dx) {
    for (Index t = 0; t < x.count; ++t) {
      const Index e = x.last(t);
      add_scaled(n_.keys, start_factor(e), dout + t * n_.keys, dx + t * n_.keys);
      if (wanted_ && e >= 0)
        gradient_[e] += static_cast<double>(start_factor(e) * dot(n_.keys, x.at(t), dout + t * n_.keys));
    }
  }
  void to_end(const Writer& y, Real* out) const {
    const Real* const end = fall_ + (n_.rows - 1) * n_.rows;
    for (Index s = 0; s < n_.rows; ++s) scaled(n_.keys, end[s], y.at(s), out + s * n_.keys);
  }
  void to_end_backward(const Writer& y, const Real* dout, Real* dy) {
    const Real* const end = fall_ + (n_.rows - 1) * n_.rows;
    for (Index s = 0; s < n_.rows; ++s) {
      add_scaled(n_.keys, end[s], dout + s * n_.keys, dy + s * n_.keys);
      if (!wanted_) continue;
      const auto term = static_cast<double>(end[s] * dot(n_.keys, y.at(s), dout + s * n_.keys));
      gradient_[s] -= term;
      gradient_[n_.rows - 1] += term;
    }
  }
  /// The state [K, V] through the chunk.
  void through(Index values, Real* state) const { scaled(n_.keys * values, from_start_[n_.rows - 1], state, state); }

  /// The gradient of g through the state [K, V].
  void through_backward(Index values, const Real* state, const Real* dstate) {
    if (wanted_)
      gradient_[n_.rows - 1] += static_cast<double>(from_start_[n_.rows - 1] * dot(n_.keys * values, state, dstate));
  }
  /// From here on gradient_ has dg.
  void sum_gradient() {
    for (Index r = n_.rows - 2; r >= 0; --r) gradient_[r] += gradient_[r + 1];
  }
  /// dg += that of row r. Nothing goes through a decay of 0, a start's or an underflow.
  void add_gradient(Index r, Real* dg) const {
    if (d_[r] != 0) *dg += static_cast<Real>(gradient_[r]);
  }

 private:
  Real start_factor(Index e) const { return e < 0 ? Real{1} : from_start_[e]; }
  void weigh(const Reader& x, Real* a) const {
    for (Index t = 0; t < x.count; ++t) {
      Real* const row = a + t * n_.rows;
      // The whole row, in full vectors; what it does not see may be anything, infinite too.
      if (x.last(t) >= 0) product(n_.rows, row, fall_ + x.last(t) * n_.rows, row);
      std::fill(row + x.sees(t), row + n_.rows, Real{0});
    }
  }

  Extent n_;
  bool wanted_;
  double* gradient_;               // dG
  Real *fall_, *from_start_, *d_;  // fall_[r, s] = d[s+1..r]
};

/// One number for each channel of a key. The sums over channels are then products of matrices only between blocks of a
/// chunk: with r0 the first row of t's block, x[t] d[r0..e] on one side and y[s] d[s+1..r0-1] on the other. Within a
/// block, the product of decays is carried from row to row.
class ChannelDecay {
 public:
  static Index work_size(const Extent& most) { return (8 * most.rows + most.block + 1) * most.keys; }

  ChannelDecay(const Extent& extent, Arena& arena, bool wants_gradient)
      : n_(extent),
        wanted_(wants_gradient),
        d_(arena.take(n_.rows * n_.keys)),
        inner_(arena.take(n_.rows * n_.keys)),
        rest_(arena.take(n_.rows * n_.keys)),
        from_start_(arena.take(n_.rows * n_.keys)),
        to_end_(arena.take(n_.rows * n_.keys)),
        gradient_(arena.take(n_.rows * n_.keys)),
        moved_(arena.take(n_.rows * n_.keys)),
        back_(arena.take(n_.rows * n_.keys)),
        inside_(arena.take(n_.block * n_.keys)),
        carried_(arena.take(n_.keys)) {
    std::fill_n(gradient_, n_.rows * n_.keys, Real{0});
  }
  Real* factor(Index r) { return d_ + r * n_.keys; }
  static constexpr Index factors(Index keys) { return keys; }
  void prepare() {
    const Index k = n_.keys;
    for (Index r = 0; r < n_.rows; ++r) {
      running(r % n_.block == 0, d_ + r * k, inner_ + r * k);
      running(r == 0, d_ + r * k, from_start_ + r * k);
    }
    for (Index s = n_.rows - 1; s >= 0; --s) {
      const bool last = s == n_.rows - 1;
      const auto backwards = [&](bool first, Real* out) {
        if (first)
          std::fill_n(out, k, Real{1});
        else
          product(k, d_ + (s + 1) * k, out + k, out);
      };
      backwards(last || (s + 1) % n_.block == 0, rest_ + s * k);
      backwards(last, to_end_ + s * k);
    }
  }

  void similarities(const Reader& x, const Writer& y, Real* out) {
    const Index k = n_.keys;
    for_blocks(y, [&](Index begin, Index end) {
      const Index t0 = begin / x.step, t1 = end / x.step;
      if (begin > 0 && t1 > t0) {
        reads_within(x, begin, t0, t1);
        tile_product(kNo, kYes, t1 - t0, begin, k, inside_, k, moved_, k, false, out + t0 * n_.rows, n_.rows);
      }
      for (Index s = begin; s < end; ++s) {
        std::copy_n(y.at(s), k, carried_);
        const auto read = [&](Index r) { out[x.of_row(r) * n_.rows + s] = dot(k, x.at(x.of_row(r)), carried_); };
        each_reader_of(x, s, end, read);
      }
      for (Index t = t0; t < t1; ++t) std::fill(out + t * n_.rows + x.sees(t), out + (t + 1) * n_.rows, Real{0});
    });
  }
  void similarities_backward(const Reader& x, const Writer& y, const Real*, const Real* da, Real* dx, Real* dy) {
    const Index k = n_.keys;
    for_blocks(y, [&](Index begin, Index end) {
      const Index t0 = begin / x.step, t1 = end / x.step;
      if (begin > 0 && t1 > t0) {
        tile_product(kNo, kNo, t1 - t0, k, begin, da + t0 * n_.rows, n_.rows, moved_, k, false, inside_, k);
        for (Index t = t0; t < t1; ++t) {
          Real* const read = inside_ + (t - t0) * k;
          if (x.last(t) >= begin) product(k, read, inner_ + x.last(t) * k, read);
          add_scaled(k, 1, read, dx + t * k);
          collect(x.last(t), 1, x.at(t), read);
        }
      }
      for (Index s = begin; s < end; ++s) {
        std::copy_n(y.at(s), k, carried_);
        each_reader_of(x, s, end, [&](Index r) {
          const Index t = x.of_row(r), e = x.last(t);
          add_scaled(k, da[t * n_.rows + s], carried_, dx + t * k);
          if (e / n_.updates == s / n_.updates) return;  // no decay between them
          collect(e, da[t * n_.rows + s], x.at(t), carried_);
          collect(s, -da[t * n_.rows + s], x.at(t), carried_);
        });
        // The same products for y, gathered from the last reader to the first.
        std::fill_n(carried_, k, Real{0});
        for (Index r = end - 1; r >= s; --r) {
          const bool here = x.stands_at(r) && x.sees(x.of_row(r)) > s;
          const auto add = [&] { add_scaled(k, da[x.of_row(r) * n_.rows + s], x.at(x.of_row(r)), carried_); };
          if (here && !x.before) add();
          if (r > s) product(k, carried_, d_ + r * k, carried_);
          if (here && x.before) add();
        }
        add_scaled(k, 1, carried_, dy + s * k);
      }
    });
    std::fill_n(back_, n_.rows * k, Real{0});
    for (Index begin = (n_.rows - 1) / n_.block * n_.block; begin >= 0; begin -= n_.block) {
      const Index end = std::min(begin + n_.block, n_.rows), t0 = begin / x.step, t1 = end / x.step;
      for (Index s = begin; s < end; ++s) {
        Real* const later = back_ + s * k;
        product(k, later, rest_ + s * k, later);
        add_scaled(k, 1, later, dy + s * k);
        collect(s, -1, y.at(s), later);
      }
      for (Index s = 0; s < begin; ++s) product(k, back_ + s * k, inner_ + (end - 1) * k, back_ + s * k);
      if (begin == 0 || t1 == t0) continue;
      reads_within(x, begin, t0, t1);
      tile_product(kYes, kNo, begin, k, t1 - t0, da + t0 * n_.rows, n_.rows, inside_, k, true, back_, k);
    }
  }
  void from_start(const Reader& x, Real* out) const {
    for (Index t = 0; t < x.count; ++t) {
      if (x.last(t) < 0)
        std::copy_n(x.at(t), n_.keys, out + t * n_.keys);
      else
        product(n_.keys, x.at(t), from_start_ + x.last(t) * n_.keys, out + t * n_.keys);
    }
  }
  void from_start_backward(const Reader& x, const Real* dout, Real* dx) {
    for (Index t = 0; t < x.count; ++t) {
      const Index e = x.last(t);
      std::copy_n(dout + t * n_.keys, n_.keys, carried_);
      if (e >= 0) product(n_.keys, carried_, from_start_ + e * n_.keys, carried_);
      add_scaled(n_.keys, 1, carried_, dx + t * n_.keys);
      if (e >= 0) collect(e, 1, x.at(t), carried_);
    }
  }
  void to_end(const Writer& y, Real* out) const {
    for (Index s = 0; s < n_.rows; ++s) product(n_.keys, y.at(s), to_end_ + s * n_.keys, out + s * n_.keys);
  }
  void to_end_backward(const Writer& y, const Real* dout, Real* dy) {
    for (Index s = 0; s < n_.rows; ++s) {
      product(n_.keys, dout + s * n_.keys, to_end_ + s * n_.keys, carried_);
      add_scaled(n_.keys, 1, carried_, dy + s * n_.keys);
      if (s / n_.updates == (n_.rows - 1) / n_.updates) continue;
      collect(s, -1, y.at(s), carried_);
      collect(n_.rows - 1, 1, y.at(s), carried_);
    }
  }
  void through(Index values, Real* state) const {
    for (Index i = 0; i < n_.keys; ++i) scaled(values, end_factor(i), state + i * values, state + i * values);
  }

  void through_backward(Index values, const Real* state, const Real* dstate) {
    for (Index i = 0; wanted_ && i < n_.keys; ++i)
      gradient_[(n_.rows - 1) * n_.keys + i] += end_factor(i) * dot(values, state + i * values, dstate + i * values);
  }
  void sum_gradient() {
    for (Index r = n_.rows - 2; r >= 0; --r)
      add_scaled(n_.keys, 1, gradient_ + (r + 1) * n_.keys, gradient_ + r * n_.keys);
  }
  void add_gradient(Index r, Real* dg) const {
    for_lanes(0, n_.keys, [&](Index i, Index lanes) {
      const Vec decay = load(d_ + r * n_.keys + i, lanes);
      add_to(dg + i, decay == Real{0} ? Vec{} : load(gradient_ + r * n_.keys + i, lanes), lanes);
    });
  }

 private:
  /// dG[row] += factor x dx
  void collect(Index row, Real factor, const Real* x, const Real* dx) {
    if (wanted_) add_product(n_.keys, factor, x, dx, gradient_ + row * n_.keys);
  }
  Real end_factor(Index channel) const { return from_start_[(n_.rows - 1) * n_.keys + channel]; }
  void running(bool first, const Real* d, Real* out) const {
    if (first)
      std::copy_n(d, n_.keys, out);
    else
      product(n_.keys, d, out - n_.keys, out);
  }
  /// inside_: the readers [t0, t1) of a block, from its first row on.
  void reads_within(const Reader& x, Index begin, Index t0, Index t1) const {
    for (Index t = t0; t < t1; ++t) {
      Real* const out = inside_ + (t - t0) * n_.keys;
      if (x.last(t) >= begin)
        product(n_.keys, x.at(t), inner_ + x.last(t) * n_.keys, out);
      else
        std::copy_n(x.at(t), n_.keys, out);
    }
  }
  /// Calls body(begin, end) for each block; moved_ holds then the rows of y before the block, moved to its first row.
  template <class Body>
  void for_blocks(const Writer& y, const Body& body) const {
    for (Index begin = 0; begin < n_.rows; begin += n_.block) {
      const Index end = std::min(begin + n_.block, n_.rows), k = n_.keys;
      body(begin, end);
      for (Index s = 0; s < begin; ++s) product(k, moved_ + s * k, inner_ + (end - 1) * k, moved_ + s * k);
      for (Index s = begin; s < end; ++s) product(k, y.at(s), rest_ + s * k, moved_ + s * k);
    }
  }
  /// Calls read(r) for each row r < end with a reader that sees s, while carried_ goes through the decays up to it.
  template <class Read>
  void each_reader_of(const Reader& x, Index s, Index end, const Read& read) const {
    for (Index r = s; r < end; ++r) {
      const bool here = x.stands_at(r) && x.sees(x.of_row(r)) > s;
      if (here && x.before) read(r);
      if (r > s) product(n_.keys, carried_, d_ + r * n_.keys, carried_);
      if (here && !x.before) read(r);
    }
  }

  Extent n_;
  bool wanted_;
  Real *d_, *inner_, *rest_, *from_start_, *to_end_, *gradient_;  // d[r0..r], d[s+1..] of the block, and of the chunk
  Real *moved_, *back_, *inside_, *carried_;
};

}  // namespace matrix
}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
