// A row times a matrix that comes from memory: the product of a generated token in a large model.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/kernels/gemm.h"
#include "core/random.h"

using namespace seqtape;

TEST_CASE("one row times a large matrix, with odd sizes, strides and what was there before") {
  const Index n = 701, k = 331, ld = 340;
  Random random(1, "gemv");
  std::vector<float> m(static_cast<std::size_t>(n * ld)), x(static_cast<std::size_t>(k)),
      before(static_cast<std::size_t>(n));
  for (auto* values : {&m, &x, &before})
    for (float& value : *values) value = static_cast<float>(random.normal());
  for (const float beta : {0.0f, 1.0f, 0.5f}) {
    std::vector<float> y = before;
    if (beta == 0) y[3] = NAN;  // nothing to multiply
    kernels::gemm(kernels::Transpose::no, kernels::Transpose::yes, 1, n, k, x.data(), k, m.data(), ld, beta, y.data(),
                  n);
    for (Index i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      double expected = beta == 0 ? 0 : static_cast<double>(beta) * static_cast<double>(before[at]);
      for (Index j = 0; j < k; ++j)
        expected += static_cast<double>(m[static_cast<std::size_t>(i * ld + j)]) *
                    static_cast<double>(x[static_cast<std::size_t>(j)]);
      CHECK(std::fabs(static_cast<double>(y[at]) - expected) < 1e-4);
    }
  }
}
