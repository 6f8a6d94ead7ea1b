#include "core/kernels/simd.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>

using namespace seqtape;

namespace {

namespace k = kernels::SEQTAPE_ISA;

template <class Function>
float one(const Function& function, float x) {
  return function(k::Vec{} + x)[0];
}

/// Every `stride`-th float from `from` to `to`, both positive.
template <class Body>
void each_float(float from, float to, std::uint32_t stride, const Body& body) {
  std::uint32_t first, last;
  std::memcpy(&first, &from, 4);
  std::memcpy(&last, &to, 4);
  for (std::uint32_t bits = first; bits <= last; bits += stride) {
    float x;
    std::memcpy(&x, &bits, 4);
    body(x);
  }
}

}  // namespace

TEST_CASE("exp, tanh and sigmoid: right to a few ulp everywhere, and numbers where the true value is one") {
  const auto exp = [](k::Vec x) { return k::exp(x); };
  const auto tanh = [](k::Vec x) { return k::tanh(x); };
  const auto sigmoid = [](k::Vec x) { return k::sigmoid(x); };
  double worst_exp = 0, worst_tanh = 0, worst_sigmoid = 0;
  const auto at = [&](float positive) {
    for (const float x : {positive, -positive}) {
      const auto v = static_cast<double>(x);
      const double e = std::exp(v), t = std::tanh(v), s = 1 / (1 + std::exp(-v));
      if (e <= static_cast<double>(std::numeric_limits<float>::max()) &&
          e >= static_cast<double>(std::numeric_limits<float>::min()))
        worst_exp = std::max(worst_exp, std::fabs(static_cast<double>(one(exp, x)) / e - 1));
      else
        CHECK_EQ(one(exp, x), x > 0 ? std::numeric_limits<float>::infinity() : 0.0f);
      // Written so that a NaN fails.
      worst_tanh = std::fabs(static_cast<double>(one(tanh, x)) - t) <= 3e-7 ? worst_tanh : 1;
      worst_sigmoid = std::fabs(static_cast<double>(one(sigmoid, x)) - s) <= 3e-7 ? worst_sigmoid : 1;
    }
  };
  each_float(1e-6f, 200.0f, 997, at);
  // Where e^x and e^2x overflow, and e^-x ends: every single one. A NaN at 44.3614197 once ended a training.
  each_float(88.70f, 88.75f, 1, at);
  each_float(44.35f, 44.37f, 1, at);
  each_float(87.30f, 87.33f, 1, at);
  CHECK(worst_exp < 4e-7);
  CHECK_EQ(worst_tanh, 0);
  CHECK_EQ(worst_sigmoid, 0);
  CHECK_EQ(one(exp, 0), 1);
  CHECK_EQ(one(exp, std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
  CHECK_EQ(one(exp, -std::numeric_limits<float>::infinity()), 0);
  // NaNs of every payload.
  for (const std::uint32_t bits : {0x7FC00000u, 0xFFC00000u, 0x7FC00001u, 0xFFFFFF9Cu}) {
    float nan;
    std::memcpy(&nan, &bits, 4);
    CHECK(std::isnan(one(exp, nan)));
    CHECK(std::isnan(one(tanh, nan)));
    CHECK(std::isnan(one(sigmoid, nan)));
  }
}
