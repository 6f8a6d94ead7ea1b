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
// and their gradients. With G[r] the sum of g up to r, a reader has the factor exp G[e] and a writer exp -G[s], so
// dG[e] += x dx and dG[s] -= y dy, and dg[r] is the sum of dG from r on.
//
// Included by kernels' sources only: it is compiled for each instruction set.

#include <algorithm>

#include "core/kernels/gemm.h"
#include "core/kernels/matrix_recurrence.h"
#include "core/kernels/simd.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace matrix {

constexpr Transpose kNo = Transpose::no, kYes = Transpose::yes;

inline Real dot(Index n, const Real* x, const Real* y) {
  Vec total{};
  for_lanes(0, n, [&](Index i, Index lanes) { total += load(x + i, lanes) * load(y + i, lanes); });
  return seqtape::kernels::SEQTAPE_ISA::sum(total);
}
/// out = factor x
inline void scaled(Index n, Real factor, const Real* x, Real* out) {
  for_lanes(0, n, [&](Index i, Index lanes) { store(out + i, load(x + i, lanes) * factor, lanes); });
}
/// out += factor x
inline void add_scaled(Index n, Real factor, const Real* x, Real* out) {
  for_lanes(0, n, [&](Index i, Index lanes) { add_to(out + i, load(x + i, lanes) * factor, lanes); });
}
/// out = x y
inline void product(Index n, const Real* x, const Real* y, Real* out) {
  for_lanes(0, n, [&](Index i, Index lanes) { store(out + i, load(x + i, lanes) * load(y + i, lanes), lanes); });
}
/// out += factor x y
inline void add_product(Index n, Real factor, const Real* x, const Real* y, Real* out) {
  for_lanes(0, n,
            [&](Index i, Index lanes) { add_to(out + i, load(x + i, lanes) * load(y + i, lanes) * factor, lanes); });
}

/// Working memory, handed out piece by piece.
struct Arena {
  Real* next;
  Real* take(Index count) {
    Real* const piece = next;
    next += count;
    return piece;
  }
};

/// Rows of a chunk that read: the queries, or the erase keys.
struct Reader {
  const Real* rows;
  Index stride, count;
  Index first, step;  ///< the row of the chunk at which reader t stands: first + t step
  bool own;           ///< it sees what its own row writes
  bool before;        ///< it reads the state before its own row's decay

  const Real* at(Index t) const { return rows + t * stride; }
  Index row(Index t) const { return first + t * step; }
  Index sees(Index t) const { return row(t) + (own ? 1 : 0); }     ///< the rows before this one
  Index last(Index t) const { return row(t) - (before ? 1 : 0); }  ///< e
  bool stands_at(Index r) const { return r >= first && (r - first) % step == 0; }
  Index of_row(Index r) const { return (r - first) / step; }
};
/// Rows of a chunk that are written, all of them.
struct Writer {
  const Real* rows;
  Index stride;
  const Real* at(Index s) const { return rows + s * stride; }
};

/// The extents of a chunk.
struct Extent {
  Index rows, keys;
  Index block;  ///< rows of a block
};

/// One number a head and row, or none: 1 but at a start.
class HeadDecay {
 public:
  static Index work_size(const Extent& most) { return most.rows * most.rows + 3 * most.rows; }

  HeadDecay(const Extent& extent, Arena& arena)
      : n_(extent),
        fall_(arena.take(n_.rows * n_.rows)),
        from_start_(arena.take(n_.rows)),
        d_(arena.take(n_.rows)),
        gradient_(arena.take(n_.rows)) {
    std::fill_n(gradient_, n_.rows, Real{0});
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
    gemm_serial(kNo, kYes, x.count, n_.rows, n_.keys, x.rows, x.stride, y.rows, y.stride, 0, out, n_.rows);
    weigh(x, out);
  }
  /// Overwrites `da`; adds to dx [count, K] and dy [rows, K].
  void similarities_backward(const Reader& x, const Writer& y, Real* da, Real* dx, Real* dy) const {
    weigh(x, da);
    gemm_serial(kNo, kNo, x.count, n_.keys, n_.rows, da, n_.rows, y.rows, y.stride, 1, dx, n_.keys);
    gemm_serial(kYes, kNo, n_.rows, n_.keys, x.count, da, n_.rows, x.rows, x.stride, 1, dy, n_.keys);
  }
  void from_start(const Reader& x, Real* out) const {
    for (Index t = 0; t < x.count; ++t) scaled(n_.keys, start_factor(x.last(t)), x.at(t), out + t * n_.keys);
  }
  void from_start_backward(const Reader& x, const Real* dout, Real* dx) const {
    for (Index t = 0; t < x.count; ++t)
      add_scaled(n_.keys, start_factor(x.last(t)), dout + t * n_.keys, dx + t * n_.keys);
  }
  void to_end(const Writer& y, Real* out) const {
    const Real* const end = fall_ + (n_.rows - 1) * n_.rows;
    for (Index s = 0; s < n_.rows; ++s) scaled(n_.keys, end[s], y.at(s), out + s * n_.keys);
  }
  void to_end_backward(const Real* dout, Real* dy) const {
    const Real* const end = fall_ + (n_.rows - 1) * n_.rows;
    for (Index s = 0; s < n_.rows; ++s) add_scaled(n_.keys, end[s], dout + s * n_.keys, dy + s * n_.keys);
  }
  /// The state [K, V] through the chunk.
  void through(Index values, Real* state) const { scaled(n_.keys * values, from_start_[n_.rows - 1], state, state); }

  void collect(const Reader& x, const Real* dx) {
    for (Index t = 0; t < x.count; ++t)
      if (x.last(t) >= 0) gradient_[x.last(t)] += dot(n_.keys, x.at(t), dx + t * n_.keys);
  }
  void collect(const Writer& y, const Real* dy) {
    for (Index s = 0; s < n_.rows; ++s) gradient_[s] -= dot(n_.keys, y.at(s), dy + s * n_.keys);
  }
  /// What is scaled by all of the chunk: rows of y [.., K] that went to the end, or of the state through it.
  void collect_end(Index count, const Real* y, const Real* dy) {
    gradient_[n_.rows - 1] += dot(count * n_.keys, y, dy);
  }
  void collect_through(Index values, const Real* state, const Real* dstate) {
    gradient_[n_.rows - 1] += from_start_[n_.rows - 1] * dot(n_.keys * values, state, dstate);
  }
  /// dG of row r.
  const Real* gradient(Index r) const { return gradient_ + r; }

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
  Real *fall_, *from_start_, *d_, *gradient_;  // fall_[r, s] = d[s+1..r]
};

/// One number for each channel of a key. The sums over channels are then products of matrices only between blocks of a
/// chunk: with r0 the first row of t's block, x[t] d[r0..e] on one side and y[s] d[s+1..r0-1] on the other. Within a
/// block, the product of decays is carried from row to row.
class ChannelDecay {
 public:
  static Index work_size(const Extent& most) { return (8 * most.rows + most.block + 1) * most.keys; }

  ChannelDecay(const Extent& extent, Arena& arena)
      : n_(extent),
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
        gemm_serial(kNo, kYes, t1 - t0, begin, k, inside_, k, moved_, k, 0, out + t0 * n_.rows, n_.rows);
      }
      for (Index s = begin; s < end; ++s) {
        std::copy_n(y.at(s), k, carried_);
        const auto read = [&](Index r) { out[x.of_row(r) * n_.rows + s] = dot(k, x.at(x.of_row(r)), carried_); };
        each_reader_of(x, s, end, read);
      }
      for (Index t = t0; t < t1; ++t) std::fill(out + t * n_.rows + x.sees(t), out + (t + 1) * n_.rows, Real{0});
    });
  }
  void similarities_backward(const Reader& x, const Writer& y, const Real* da, Real* dx, Real* dy) {
    const Index k = n_.keys;
    for_blocks(y, [&](Index begin, Index end) {
      const Index t0 = begin / x.step, t1 = end / x.step;
      if (begin > 0 && t1 > t0) {
        gemm_serial(kNo, kNo, t1 - t0, k, begin, da + t0 * n_.rows, n_.rows, moved_, k, 0, inside_, k);
        for (Index t = t0; t < t1; ++t) {
          if (x.last(t) >= begin)
            add_product(k, 1, inside_ + (t - t0) * k, inner_ + x.last(t) * k, dx + t * k);
          else
            add_scaled(k, 1, inside_ + (t - t0) * k, dx + t * k);
        }
      }
      for (Index s = begin; s < end; ++s) {
        std::copy_n(y.at(s), k, carried_);
        each_reader_of(x, s, end, [&](Index r) {
          const Index t = x.of_row(r);
          add_scaled(k, da[t * n_.rows + s], carried_, dx + t * k);
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
      for (Index s = begin; s < end; ++s) add_product(k, 1, back_ + s * k, rest_ + s * k, dy + s * k);
      for (Index s = 0; s < begin; ++s) product(k, back_ + s * k, inner_ + (end - 1) * k, back_ + s * k);
      if (begin == 0 || t1 == t0) continue;
      reads_within(x, begin, t0, t1);
      gemm_serial(kYes, kNo, begin, k, t1 - t0, da + t0 * n_.rows, n_.rows, inside_, k, 1, back_, k);
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
  void from_start_backward(const Reader& x, const Real* dout, Real* dx) const {
    for (Index t = 0; t < x.count; ++t) {
      if (x.last(t) < 0)
        add_scaled(n_.keys, 1, dout + t * n_.keys, dx + t * n_.keys);
      else
        add_product(n_.keys, 1, dout + t * n_.keys, from_start_ + x.last(t) * n_.keys, dx + t * n_.keys);
    }
  }
  void to_end(const Writer& y, Real* out) const {
    for (Index s = 0; s < n_.rows; ++s) product(n_.keys, y.at(s), to_end_ + s * n_.keys, out + s * n_.keys);
  }
  void to_end_backward(const Real* dout, Real* dy) const { add_product(n_.rows * n_.keys, 1, dout, to_end_, dy); }
  void through(Index values, Real* state) const {
    for (Index i = 0; i < n_.keys; ++i) scaled(values, end_factor(i), state + i * values, state + i * values);
  }

  void collect(const Reader& x, const Real* dx) {
    for (Index t = 0; t < x.count; ++t)
      if (x.last(t) >= 0) add_product(n_.keys, 1, x.at(t), dx + t * n_.keys, gradient_ + x.last(t) * n_.keys);
  }
  void collect(const Writer& y, const Real* dy) {
    for (Index s = 0; s < n_.rows; ++s) add_product(n_.keys, -1, y.at(s), dy + s * n_.keys, gradient_ + s * n_.keys);
  }
  void collect_end(Index count, const Real* y, const Real* dy) {
    for (Index s = 0; s < count; ++s)
      add_product(n_.keys, 1, y + s * n_.keys, dy + s * n_.keys, gradient_ + (n_.rows - 1) * n_.keys);
  }
  void collect_through(Index values, const Real* state, const Real* dstate) {
    for (Index i = 0; i < n_.keys; ++i)
      gradient_[(n_.rows - 1) * n_.keys + i] += end_factor(i) * dot(values, state + i * values, dstate + i * values);
  }
  const Real* gradient(Index r) const { return gradient_ + r * n_.keys; }

 private:
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
  Real *d_, *inner_, *rest_, *from_start_, *to_end_, *gradient_;  // d[r0..r], d[s+1..] of the block, and of the chunk
  Real *moved_, *back_, *inside_, *carried_;
};

}  // namespace matrix
}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
