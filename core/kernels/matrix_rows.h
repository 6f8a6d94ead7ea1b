#pragma once
// The rows of a chunk of a matrix recurrence, those that read and those that are written, and loops over their
// channels. Included by kernels' sources only: it is compiled for each instruction set.

#include "core/kernels/gemm.h"
#include "core/kernels/matrix_recurrence.h"
#include "core/kernels/simd.h"
#include "core/kernels/tile_product.h"

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
  /// `terms` of the square matrix of what row t sees of row s, where every row is a reader; otherwise all.
  Terms where_seen(Terms terms) const { return first == 0 && step == 1 ? terms : Terms::all; }
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
  Index updates;  ///< rows of a step: the decay comes before the first
  Index block;    ///< rows of a block
};

}  // namespace matrix
}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
