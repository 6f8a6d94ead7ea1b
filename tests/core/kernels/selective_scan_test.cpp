// Sizes beyond a Jacobian's reach: the scan against its definition, its backward by a directional difference of it.
#include "core/kernels/selective_scan.h"

#include <doctest/doctest.h>

#include "core/random.h"
#include "core/tensor.h"
#include "tests/core/kernels/reference.h"

using namespace seqtape;

namespace {

Tensor draw(Random& random, const Shape& shape, double low, double high, reference::Array& copy) {
  Tensor tensor(shape);
  copy.clear();
  for (Index i = 0; i < tensor.size(); ++i) {
    tensor.data()[i] = static_cast<Real>(random.uniform(low, high));
    copy.push_back(static_cast<double>(tensor.data()[i]));
  }
  return tensor;
}

double dot(const Real* a, const reference::Array& b) {
  double sum = 0;
  for (std::size_t i = 0; i < b.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

struct Size {
  Index batch, length, channels, states;
};

void check(const Size& size) {
  CAPTURE(size.batch);
  CAPTURE(size.length);
  CAPTURE(size.channels);
  CAPTURE(size.states);
  Random random(5, "scan", static_cast<std::uint64_t>(size.length * 1000 + size.channels * 10 + size.states));
  reference::Scan want{size.batch,  size.length, size.channels,
                       size.states, {},          {},
                       {},          {},          {},
                       {},          {},          {},
                       {},          {},          {},
                       {},          {},          {},
                       {},          {},          {},
                       {},          {},          {}};
  const Shape rows{size.batch, size.length, size.channels}, inputs{size.batch, size.length, size.states};
  const Shape state{size.batch, size.channels, size.states};
  const Tensor x = draw(random, rows, -1, 1, want.x), delta = draw(random, rows, -4, 1, want.delta);
  const Tensor a = draw(random, {size.channels, size.states}, -8, -0.01, want.a);
  const Tensor b = draw(random, inputs, -1, 1, want.b), c = draw(random, inputs, -1, 1, want.c);
  const Tensor skip = draw(random, {size.channels}, -1, 1, want.skip), gate = draw(random, rows, -2, 2, want.gate);
  const Tensor bias = draw(random, {size.channels}, -1, 1, want.bias), h0 = draw(random, state, -1, 1, want.h0);
  reference::Array dy_copy, dh_copy;
  const Tensor dy = draw(random, rows, -1, 1, dy_copy), dh = draw(random, state, -1, 1, dh_copy);
  want.forward();

  const kernels::ScanSizes s{size.batch, size.length, size.channels, size.states, true, nullptr};
  const kernels::ScanInputs in{x.data(),    delta.data(), a.data(),    b.data(), c.data(),
                               skip.data(), gate.data(),  bias.data(), h0.data()};
  Tensor y(rows), h_last(state), saved(Shape{kernels::selective_scan->saved_size(s)});
  const auto is_wanted = [&] {
    double y_most = 0, error = 0;
    for (std::size_t i = 0; i < want.y.size(); ++i) {
      y_most = std::max(y_most, std::fabs(want.y[i]));
      error = std::max(error, std::fabs(want.y[i] - static_cast<double>(y.data()[i])));
    }
    CHECK(y_most > 1e-6);
    CHECK(error < 1e-5 * y_most);
    for (std::size_t i = 0; i < want.h_last.size(); ++i)
      CHECK(static_cast<double>(h_last.data()[i]) == doctest::Approx(want.h_last[i]).epsilon(1e-4));
  };
  kernels::selective_scan->forward(s, in, nullptr, {y.data(), h_last.data()});  // one step has a way of its own
  is_wanted();
  std::fill_n(y.data(), y.size(), Real{9});
  std::fill_n(h_last.data(), h_last.size(), Real{9});
  kernels::selective_scan->forward(s, in, saved.data(), {y.data(), h_last.data()});
  is_wanted();

  // <gradient, direction> against (f(+) - f(-)) / 2 eps of the double reference, for every input at once.
  const Tensor* const leaves[] = {&x, &delta, &a, &b, &c, &skip, &gate, &bias, &h0};
  std::vector<Tensor> grads;
  for (const Tensor* leaf : leaves) grads.push_back(Tensor::full(leaf->shape(), 1));  // the kernel must ADD to these
  kernels::selective_scan->backward(
      s, in, saved.data(), {dy.data(), dh.data()},
      {grads[0].data(), grads[1].data(), grads[2].data(), grads[3].data(), grads[4].data(), grads[5].data(),
       grads[6].data(), grads[7].data(), grads[8].data()});
  reference::Array* const copies[] = {&want.x,    &want.delta, &want.a,    &want.b, &want.c,
                                      &want.skip, &want.gate,  &want.bias, &want.h0};
  for (int k = 0; k < 9; ++k) {
    CAPTURE(k);
    reference::Array direction;
    draw(random, leaves[k]->shape(), -1, 1, direction);
    const reference::Array kept = *copies[k];
    const auto value = [&](double eps) {
      for (std::size_t i = 0; i < kept.size(); ++i) (*copies[k])[i] = kept[i] + eps * direction[i];
      want.forward();
      double sum = 0;
      for (std::size_t i = 0; i < want.y.size(); ++i) sum += want.y[i] * dy_copy[i];
      for (std::size_t i = 0; i < want.h_last.size(); ++i) sum += want.h_last[i] * dh_copy[i];
      return sum;
    };
    const double numeric = (value(1e-6) - value(-1e-6)) / 2e-6;
    *copies[k] = kept;
    double ones = 0, scale = 0;
    for (std::size_t i = 0; i < direction.size(); ++i) {
      ones += direction[i];
      scale += std::fabs(direction[i] * (static_cast<double>(grads[static_cast<std::size_t>(k)].data()[i]) - 1));
    }
    const double analytic = dot(grads[static_cast<std::size_t>(k)].data(), direction) - ones;
    CHECK(scale > 1e-5);
    CHECK(std::fabs(analytic - numeric) < 2e-5 * scale + 1e-7);
  }
}

}  // namespace

TEST_CASE("selective scan at odd sizes: values, and gradients of all nine inputs") {
  for (const Size& size :
       {Size{1, 1, 1, 1}, Size{3, 1, 37, 16}, Size{2, 1, 16, 5}, Size{1, 1, 8, 40}, Size{2, 33, 17, 16},
        Size{1, 50, 40, 5}, Size{3, 16, 16, 4}, Size{2, 47, 65, 24}, Size{17, 20, 9, 3}})
    for (int set = 0; set <= static_cast<int>(best_isa()); ++set) {
      set_isa(static_cast<Isa>(set));
      check(size);
    }
  set_isa(best_isa());
}
