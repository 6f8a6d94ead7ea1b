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

TEST_CASE("gradcheck sees a wrong sign, a zero and a factor") {
  const auto broken = [](Real factor) {
    return [factor](const std::vector<Variable>& x) {
      return std::vector<Variable>{
          record("broken", {x[0]}, x[0].value().clone(), [factor](const Tensor& dy, Gradients& into) {
            for (Index i = 0; i < dy.size(); ++i) into[0][i] += factor * dy.data()[i];
          })};
    };
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
