// Compiled in double: the full Jacobian of every op case against central differences.
#include <doctest/doctest.h>

#include "autograd/ops/ops.h"
#include "tests/support/op_case.h"

using namespace seqtape;
using namespace seqtape::testing;

TEST_CASE("every op's backward agrees with central differences") {
  static_assert(sizeof(Real) == 8);
  for (const OpCase& op : op_cases()) {
    CAPTURE(op.name);
    CHECK_EQ(gradcheck(op.function, draw_inputs(op, 3)), "");
  }
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
