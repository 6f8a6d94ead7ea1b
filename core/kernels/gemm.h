#pragma once
// Matrix products by oneDNN or OpenBLAS (core/blas.h), in tiles of our own.

#include <string>

#include "core/real.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

enum class Transpose { no, yes };

/// C[m,n] = op(A)[m,k] op(B)[k,n] + beta C; row-major, lda/ldb/ldc are row strides of the matrices as stored.
///
/// The libraries do not promise the same bits at another thread count. Here they never see a second thread: the product
/// is cut into tiles by its shape alone, each a single-threaded call from our parallel loop. A product over a long k
/// with a small result (a weight's gradient) is cut along k, and the parts are added in order.
void gemm(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const Real* a, Index lda, const Real* b, Index ldb,
          Real beta, Real* c, Index ldc);

/// The same on the calling thread, within one of our parallel loops.
void gemm_serial(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const Real* a, Index lda, const Real* b,
                 Index ldb, Real beta, Real* c, Index ldc);

/// Adds the columns' sums: out[n] += sum over rows of x[rows,n].
void add_column_sums(Index rows, Index n, const Real* x, Real* out);

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
