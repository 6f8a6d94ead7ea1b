#pragma once
// Systems with a unit lower triangular matrix, I - A: blocks of rows by substitution, and what lies between blocks as
// matrix products. Included by kernels' sources only: it is compiled for each instruction set.

#include <algorithm>

#include "core/kernels/matrix_rows.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace matrix {

/// U = (I - A)^-1 U for rows [rows, V]; A [rows, rows], strictly lower triangular.
inline void solve(Index rows, Index values, const Real* a, Real* u) {
  for (Index begin = 0; begin < rows; begin += kMatrixBlock) {
    const Index end = std::min(begin + kMatrixBlock, rows);
    if (begin > 0)
      tile_product(kNo, kNo, end - begin, values, begin, a + begin * rows, rows, u, values, true, u + begin * values,
                   values);
    for (Index r = begin + 1; r < end; ++r)
      for (Index s = begin; s < r; ++s) add_scaled(values, a[r * rows + s], u + s * values, u + r * values);
  }
}
/// U = (I - A)^-T U
inline void solve_transposed(Index rows, Index values, const Real* a, Real* u) {
  for (Index begin = (rows - 1) / kMatrixBlock * kMatrixBlock; begin >= 0; begin -= kMatrixBlock) {
    const Index end = std::min(begin + kMatrixBlock, rows);
    if (end < rows)
      tile_product(kYes, kNo, end - begin, values, rows - end, a + end * rows + begin, rows, u + end * values, values,
                   true, u + begin * values, values);
    for (Index r = end - 1; r > begin; --r)
      for (Index s = begin; s < r; ++s) add_scaled(values, a[r * rows + s], u + r * values, u + s * values);
  }
}

}  // namespace matrix
}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
