#pragma once
// Products of the small matrices of a chunk, which lie in the cache: columns in vectors, blocks of rows in registers,
// and of triangular matrices only what is not zero. On a Zen 4 core (118 GFLOP/s) 64 x 64 x 64 takes 5.0 us, oneDNN's
// product 6.0, and 8.4 with B transposed. Included by kernels' sources only: it is compiled for each instruction set.

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/kernels/gemm.h"
#include "core/kernels/simd.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {

/// Which terms p of c[i, j] = sum of a[i, p] b[p, j] there are: all; p <= i, where a is lower triangular; p >= i, where
/// it is upper. Zeros in a are read beside the diagonal. Or which columns of c are wanted: j <= i; others may be
/// anything.
enum class Terms { all, until_row, from_row, columns_until };

namespace tile {

constexpr int kRows = 6, kVectors = kVectorBytes == 64 ? 4 : 2;  // of a block: 24 of 32 registers, or 12 of 16

template <bool a_transposed, int rows, int vectors>
inline void block(Index begin, Index end, const Real* a, Index lda, const Real* b, Index ldb, bool add, Real* c,
                  Index ldc) {
  Vec total[rows][vectors];
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v) total[r][v] = add ? load(c + r * ldc + v * W) : Vec{};
  for (Index p = begin; p < end; ++p) {
    Vec line[vectors];
    for (int v = 0; v < vectors; ++v) line[v] = load(b + p * ldb + v * W);
    for (int r = 0; r < rows; ++r) {
      const Real factor = a_transposed ? a[p * lda + r] : a[r * lda + p];
      for (int v = 0; v < vectors; ++v) total[r][v] += line[v] * factor;
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v) store(c + r * ldc + v * W, total[r][v]);
}

template <bool a_transposed, int rows>
inline void row_block(Index vectors, Index begin, Index end, const Real* a, Index lda, const Real* b, Index ldb,
                      bool add, Real* c, Index ldc) {
  for (; vectors >= kVectors; vectors -= kVectors, b += kVectors * W, c += kVectors * W)
    block<a_transposed, rows, kVectors>(begin, end, a, lda, b, ldb, add, c, ldc);
  if constexpr (kVectors > 2)
    for (; vectors >= 2; vectors -= 2, b += 2 * W, c += 2 * W)
      block<a_transposed, rows, 2>(begin, end, a, lda, b, ldb, add, c, ldc);
  for (; vectors > 0; --vectors, b += W, c += W) block<a_transposed, rows, 1>(begin, end, a, lda, b, ldb, add, c, ldc);
}

template <bool a_transposed>
inline void product(Terms terms, Index m, Index n, Index k, const Real* a, Index lda, const Real* b, Index ldb,
                    bool add, Real* c, Index ldc) {
  for (Index i = 0; i < m; i += kRows) {
    const Index rows = std::min<Index>(kRows, m - i);
    const Index begin = terms == Terms::from_row ? std::min(i, k) : 0;
    const Index end = terms == Terms::until_row ? std::min(i + rows, k) : k;
    const Index columns = terms == Terms::columns_until ? std::min(i + rows, n) : n;
    const Real* const from = a_transposed ? a + i : a + i * lda;
    const auto run = [&](auto row_count) {
      row_block<a_transposed, decltype(row_count)::value>((columns + W - 1) / W, begin, end, from, lda, b, ldb, add,
                                                          c + i * ldc, ldc);
    };
    switch (rows) {
      case 1:
        run(std::integral_constant<int, 1>{});
        break;
      case 2:
        run(std::integral_constant<int, 2>{});
        break;
      case 3:
        run(std::integral_constant<int, 3>{});
        break;
      case 4:
        run(std::integral_constant<int, 4>{});
        break;
      case 5:
        run(std::integral_constant<int, 5>{});
        break;
      default:
        run(std::integral_constant<int, kRows>{});
    }
  }
}

#ifdef SEQTAPE_DOUBLE
typedef std::int64_t Mask __attribute__((vector_size(kVectorBytes)));
#else
typedef std::int32_t Mask __attribute__((vector_size(kVectorBytes)));
#endif

/// Exchanges, in pairs of vectors (x, y) and of lanes that are `half` apart, x's upper with y's lower.
template <int half>
inline void exchange(Vec* lines) {
  constexpr auto from = [](bool upper) {
    std::array<std::remove_cvref_t<decltype(Mask{}[0])>, W> lanes{};
    for (int lane = 0; lane < W; ++lane)
      lanes[static_cast<std::size_t>(lane)] = lane & half ? W + lane - (upper ? 0 : half) : lane + (upper ? half : 0);
    return lanes;
  };
  static constexpr auto kLower = from(false), kUpper = from(true);
  Mask lower, upper;
  __builtin_memcpy(&lower, kLower.data(), sizeof lower);
  __builtin_memcpy(&upper, kUpper.data(), sizeof upper);
  for (int i = 0; i < W; ++i) {
    if (i & half) continue;
    const Vec x = lines[i], y = lines[i + half];
    lines[i] = __builtin_shuffle(x, y, lower);
    lines[i + half] = __builtin_shuffle(x, y, upper);
  }
  if constexpr (half > 1) exchange<half / 2>(lines);
}

/// out[p, j] = x[j, p] for j < n, a multiple of W, and p < k.
inline void transposed(Index n, Index k, const Real* x, Index ldx, Real* out) {
  for (Index j = 0; j < n; j += W) {
    Index p = 0;
    for (; p + W <= k; p += W) {
      Vec lines[W];
      for (Index r = 0; r < W; ++r) lines[r] = load(x + (j + r) * ldx + p);
      exchange<W / 2>(lines);
      for (Index r = 0; r < W; ++r) store(out + (p + r) * n + j, lines[r]);
    }
    for (; p < k; ++p)
      for (Index r = 0; r < W; ++r) out[p * n + j + r] = x[(j + r) * ldx + p];
  }
}

}  // namespace tile

/// c (+)= op(a) op(b), as gemm_serial. With one row, columns that do not fill vectors, or a b that is not small, it
/// is that.
inline void tile_product(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const Real* a, Index lda,
                         const Real* b, Index ldb, bool add, Real* c, Index ldc, Terms terms = Terms::all) {
  constexpr Index kMost = 8192;  // elements of b: 32 KB
  if (m == 1 || n % W != 0 || n * k > kMost)
    return gemm_serial(a_op, b_op, m, n, k, a, lda, b, ldb, add ? Real{1} : Real{0}, c, ldc);
  alignas(64) Real turned[kMost];
  if (b_op == Transpose::yes) {
    tile::transposed(n, k, b, ldb, turned);
    b = turned, ldb = n;
  }
  if (a_op == Transpose::yes)
    tile::product<true>(terms, m, n, k, a, lda, b, ldb, add, c, ldc);
  else
    tile::product<false>(terms, m, n, k, a, lda, b, ldb, add, c, ldc);
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
