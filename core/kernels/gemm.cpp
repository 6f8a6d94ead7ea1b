#include "core/kernels/gemm.h"

#include <cblas.h>
#if defined(SEQTAPE_ONEDNN) && !defined(SEQTAPE_DOUBLE)
#include <oneapi/dnnl/dnnl.h>
#define SEQTAPE_ONEDNN_GEMM
#endif

#include <algorithm>

#include "core/blas.h"
#include "core/kernels/gemv.h"
#include "core/kernels/scratch.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {
namespace {

#ifdef SEQTAPE_DOUBLE
constexpr auto blas_gemm = cblas_dgemm;
constexpr auto blas_gemv = cblas_dgemv;
#else
[[maybe_unused]] constexpr auto blas_gemm = cblas_sgemm;
constexpr auto blas_gemv = cblas_sgemv;
#endif

// A matrix of at least this many elements comes from memory, and our gemv reads it 1.25 times as fast as OpenBLAS's (a
// model of 130 million weights, one thread, interleaved: 43 against 34 tokens/s); one in the caches OpenBLAS
// multiplies 1.1 times as fast. A tile of a larger matrix counts as one.
constexpr Index kStreamed = Index{1} << 17;

struct Product {
  Transpose a_op, b_op;
  const Real* a;
  Index lda;
  const Real* b;
  Index ldb;

  /// Rows [i, i+m), columns [j, j+n), terms [p, p+k) on this thread.
  void tile(Index i, Index j, Index p, Index m, Index n, Index k, Real beta, Real* c, Index ldc) const {
    prepare_blas();
    const Real* a_tile = a_op == Transpose::no ? a + i * lda + p : a + p * lda + i;
    const Real* b_tile = b_op == Transpose::no ? b + p * ldb + j : b + j * ldb + p;
    if (m == 1 && a_op == Transpose::no) {  // one row: a generated token
      if (b_op == Transpose::yes && n * k >= kStreamed) return gemv->rows(n, k, b_tile, ldb, a_tile, beta, c);
      blas_gemv(CblasRowMajor, b_op == Transpose::no ? CblasTrans : CblasNoTrans,
                static_cast<int>(b_op == Transpose::no ? k : n), static_cast<int>(b_op == Transpose::no ? n : k), 1,
                b_tile, static_cast<int>(ldb), a_tile, 1, beta, c, 1);
      return;
    }
#ifdef SEQTAPE_ONEDNN_GEMM
    // Measured against OpenBLAS's AVX2 kernels on two cores of a Zen 5: 1.9 to 2.2 times the rate (470 GFLOP/s) at the
    // shapes of our layers, 6 times with 2 to 8 rows.
    dnnl_sgemm(a_op == Transpose::no ? 'N' : 'T', b_op == Transpose::no ? 'N' : 'T', m, n, k, 1, a_tile, lda, b_tile,
               ldb, beta, c, ldc);
#else
    blas_gemm(CblasRowMajor, a_op == Transpose::no ? CblasNoTrans : CblasTrans,
              b_op == Transpose::no ? CblasNoTrans : CblasTrans, static_cast<int>(m), static_cast<int>(n),
              static_cast<int>(k), 1, a_tile, static_cast<int>(lda), b_tile, static_cast<int>(ldb), beta, c,
              static_cast<int>(ldc));
#endif
  }
};

constexpr Index kTiles = 16;               // enough for 16 threads, few enough to repack little
constexpr Index kSerial = Index{1} << 18;  // multiply-adds below which a tile is not worth a thread

Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

}  // namespace

void gemm(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const Real* a, Index lda, const Real* b, Index ldb,
          Real beta, Real* c, Index ldc) {
  if (m == 0 || n == 0) return;
  const Product product{a_op, b_op, a, lda, b, ldb};
  const Index work = m * n * std::max<Index>(k, 1);
  const Index tiles = std::clamp<Index>(work / kSerial, 1, kTiles);
  if (tiles == 1) return product.tile(0, 0, 0, m, n, k, beta, c, ldc);

  if (k >= 4 * std::max(m, n)) {
    const Index depth = std::max<Index>(256, ceil_div(k, tiles)), parts = ceil_div(k, depth);
    const Scratch partial(parts * m * n);
    parallel_for(parts, [&](Index part) {
      product.tile(0, 0, part * depth, m, n, std::min(depth, k - part * depth), 0, partial.data() + part * m * n, n);
    });
    parallel_blocks(m, std::max<Index>(1, 4096 / n), [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i)
        for (Index j = 0; j < n; ++j) {
          Real total = beta == 0 ? 0 : beta * c[i * ldc + j];
          for (Index part = 0; part < parts; ++part) total += partial.data()[(part * m + i) * n + j];
          c[i * ldc + j] = total;
        }
    });
    return;
  }
  if (m >= n) {
    const Index rows = std::max<Index>(16, ceil_div(m, tiles));
    parallel_blocks(m, rows, [&](Index begin, Index end) {
      product.tile(begin, 0, 0, end - begin, n, k, beta, c + begin * ldc, ldc);
    });
  } else {
    const Index columns = std::max<Index>(16, ceil_div(n, tiles));
    parallel_blocks(n, columns, [&](Index begin, Index end) {
      product.tile(0, begin, 0, m, end - begin, k, beta, c + begin, ldc);
    });
  }
}

void gemm_serial(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const Real* a, Index lda, const Real* b,
                 Index ldb, Real beta, Real* c, Index ldc) {
  Product{a_op, b_op, a, lda, b, ldb}.tile(0, 0, 0, m, n, k, beta, c, ldc);
}

void add_column_sums(Index rows, Index n, const Real* x, Real* out) {
  constexpr Index kRows = 256;
  const Index parts = ceil_div(rows, kRows);
  const Scratch partial(parts * n, 0);
  parallel_for(parts, [&](Index part) {
    Real* sums = partial.data() + part * n;
    for (Index i = part * kRows; i < std::min(rows, (part + 1) * kRows); ++i)
      for (Index j = 0; j < n; ++j) sums[j] += x[i * n + j];
  });
  for (Index part = 0; part < parts; ++part)
    for (Index j = 0; j < n; ++j) out[j] += partial.data()[part * n + j];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
