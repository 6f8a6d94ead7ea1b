// Compiled in double: the full Jacobian of every op case against central differences.
#include <doctest/doctest.h>

#include "autograd/ops/ops.h"
#include "core/error.h"
#include "tests/support/op_case.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using namespace seqtape::testing;

TEST_CASE("every op's backward agrees with central differences") {
  static_assert(sizeof(Real) == 8);
  for (std::size_t i = 0; i < op_cases().size(); ++i) CHECK_EQ(testing_bridge::gradient_report(i), "");
}

namespace {

/// x, with `factor` times its gradient.
struct Broken {
  static constexpr OpSchema schema{.name = "broken", .inputs = {"x"}, .outputs = {"y"}};
  Real factor;
  Shapes output_shapes(const Inputs& in) const { return {in[0].shape()}; }
  void forward(const Operands& v) const { std::copy_n(v.in[0].data(), v.in[0].size(), v.out[0].data()); }
  void backward(const Operands&, const OutputGrads& dy, Gradients& into) const {
    for (Index i = 0; i < dy[0].size(); ++i) into[0][i] += factor * dy[0].data()[i];
  }
};

}  // namespace

TEST_CASE("gradcheck sees a wrong sign, a zero and a factor") {
  const auto broken = [](Real factor) {
    return [factor](const std::vector<Variable>& x) { return apply(Broken{factor}, {x[0]}); };
  };
  const std::vector<Tensor> input{Tensor::full(Shape{3}, 0.5)};
  CHECK_EQ(gradcheck(broken(1), input), "");
  CHECK_NE(gradcheck(broken(-1), input), "");
  CHECK_NE(gradcheck(broken(0), input), "");
  CHECK_NE(gradcheck(broken(1.01), input), "");
}

TEST_CASE("a backward runs over a long tape without recursion") {
  Variable x(Tensor::full(Shape{1}, 1), true);
  Tape tape;
  Variable y = x;
  for (int i = 0; i < 200000; ++i) y = add(y, x);
  tape.backward(y);
  CHECK_EQ(x.grad().data()[0], 200001);
}

TEST_CASE("an op says which input does not fit, and how") {
  const auto of = [](const Shape& shape) { return Variable(Tensor::zeros(shape)); };
  const auto refused = [](const auto& run) { return message_of<ShapeError>([&] { static_cast<void>(run()); }); };
  CHECK_EQ(refused([&] {
             return linear(of({2, 3}), of({4, 5}));
           }),
           "linear: inner sizes differ: x [2, 3], weight [4, 5]");
  CHECK_EQ(refused([&] { return linear(of({2, 5}), of({4, 5}), of({3})); }), "linear: bias must be [4], got [3]");
  CHECK_EQ(refused([&] { return add(of({2}), of({3})); }), "add: shapes differ: a [2], b [3]");
  CHECK_EQ(refused([&] { return multiply(of({2}), Variable()); }), "multiply: b is missing");
  CHECK_EQ(refused([&] { return rms_norm(of({}), of({1}), 1e-5); }), "rms_norm: x must have at least 1 axis, got []");
  CHECK_EQ(refused([&] {
             return concat_time(of({2, 3, 6}), of({2, 3, 2, 3}));
           }),
           "concat_time: only the time may differ: a [2, 3, 6], b [2, 3, 2, 3]");
  CHECK_EQ(refused([&] {
             return concat_time(of({2, 3, 6}), of({3, 3, 6}));
           }),
           "concat_time: only the time may differ: a [2, 3, 6], b [3, 3, 6]");
  CHECK_EQ(refused([&] {
             return mean_pool(of({2, 3, 1}), IndexTensor::of({2}, {3, 4}));
           }),
           "mean_pool: lengths[1] must be in [0, 3], got 4");
  CHECK_EQ(refused([&] { return slice_first(of({2, 3}), 1, 3); }), "slice: [1, 3) is not within [2, 3]");
  CHECK_EQ(concat_time(of({2, 3, 6}), of({2, 1, 6})).shape(), Shape{2, 4, 6});
}
