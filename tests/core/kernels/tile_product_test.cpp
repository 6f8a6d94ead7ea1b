#include "core/kernels/tile_product.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/random.h"

using namespace seqtape;

namespace {

using kernels::Transpose;
using namespace kernels::SEQTAPE_ISA;

std::vector<float> numbers(Index count, const char* name) {
  Random random(1, name);
  std::vector<float> all(static_cast<std::size_t>(count));
  for (float& x : all) x = static_cast<float>(random.uniform(-1, 1));
  return all;
}

bool is_term(Terms terms, Index i, Index p) {
  return terms == Terms::until_row ? p <= i : terms == Terms::from_row ? p >= i : true;
}

}  // namespace

TEST_CASE("tile_product: every size, either operand transposed, added or not, of triangular matrices") {
  const Index lda = 71, ldb = 77, ldc = 73;
  const std::vector<float> a = numbers(lda * lda, "a"), b = numbers(ldb * ldb, "b"), before = numbers(ldc * ldc, "c");
  for (const Index m : {1, 5, 6, 13, 64})
    for (const Index n : {1, 3, 4, 8, 12, 16, 20, 64})
      for (const Index k : {1, 4, 7, 16, 64})
        for (const Terms terms : {Terms::all, Terms::until_row, Terms::from_row, Terms::columns_until})
          for (const int how : {0, 1, 2, 3, 4, 5, 6, 7}) {
            const bool a_turned = how & 1, b_turned = how & 2, add = how & 4;
            std::vector<float> left = a, c = before;
            const auto at = [&](Index i, Index p) -> float& {
              return left[static_cast<std::size_t>(a_turned ? p * lda + i : i * lda + p)];
            };
            for (Index i = 0; i < m; ++i)
              for (Index p = 0; p < k; ++p)
                if (!is_term(terms, i, p)) at(i, p) = 0;
            tile_product(a_turned ? Transpose::yes : Transpose::no, b_turned ? Transpose::yes : Transpose::no, m, n, k,
                         left.data(), lda, b.data(), ldb, add, c.data(), ldc, terms);
            bool right = true;
            for (Index i = 0; i < ldc; ++i)
              for (Index j = 0; j < ldc; ++j) {
                const auto place = static_cast<std::size_t>(i * ldc + j);
                if (i >= m || j >= n) {
                  right = right && c[place] == before[place];
                  continue;
                }
                if (terms == Terms::columns_until && j > i) continue;
                double sum = add ? static_cast<double>(before[place]) : 0;
                for (Index p = 0; p < k; ++p)
                  sum += static_cast<double>(at(i, p)) *
                         static_cast<double>(b[static_cast<std::size_t>(b_turned ? j * ldb + p : p * ldb + j)]);
                right = right && std::fabs(sum - static_cast<double>(c[place])) < 1e-5;
              }
            CHECK_MESSAGE(right, "m ", m, " n ", n, " k ", k, " terms ", static_cast<int>(terms), " how ", how);
          }
}
