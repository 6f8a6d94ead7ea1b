// Compiled in double: the full Jacobian of every op case against central differences.
#include <doctest/doctest.h>

#include <set>

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

namespace {

/// The gradients of a node's inputs, each under an output gradient of its own.
std::vector<std::vector<Real>> gradients_of(const Tape::Node& node, const Operands& values) {
  OutputGrads dy;
  Random random(5, "output gradients");
  for (const auto& slot : node.outputs) {
    dy.emplace_back(slot->shape);
    for (Index i = 0; i < dy.back().size(); ++i) dy.back().data()[i] = random.uniform(-1, 1);
  }
  std::vector<std::shared_ptr<GradSlot>> slots;
  for (const auto& slot : node.inputs)
    slots.push_back(slot ? std::make_shared<GradSlot>(GradSlot{slot->shape, {}}) : slot);
  Gradients into(slots);
  node.op.backward(values, dy, into);
  std::vector<std::vector<Real>> all;
  for (const auto& slot : slots)
    all.push_back(slot && slot->grad.defined() ? slot->grad.to_vector() : std::vector<Real>());
  return all;
}

}  // namespace

TEST_CASE("an op keeps nothing that its backward does not read") {
  std::set<std::string> kept, read;  // by all cases: "selective_scan keeps delta"
  for (const OpCase& op : op_cases()) {
    std::vector<Variable> inputs;
    for (const Tensor& tensor : draw_inputs(op, 3)) inputs.emplace_back(tensor, tensor.defined());
    Tape tape;
    op.function(inputs);
    for (const Tape::Node& node : tape.nodes()) {
      const auto right = gradients_of(node, node.values);
      const auto look = [&](std::vector<Tensor> Operands::*which, const char* const* names) {
        for (std::size_t i = 0; i < (node.values.*which).size(); ++i) {
          if (!(node.values.*which)[i].defined()) continue;
          Operands other = node.values;
          (other.*which)[i] = Tensor::full((node.values.*which)[i].shape(), 0.123);
          const std::string what = str(node.op.name(), " keeps ", names[i]);
          kept.insert(what);
          if (gradients_of(node, other) != right) read.insert(what);
        }
      };
      look(&Operands::in, node.op.schema().inputs);
      look(&Operands::out, node.op.schema().outputs);
    }
  }
  CHECK_GE(kept.size(), 50);
  for (const std::string& what : kept) {
    CAPTURE(what);
    CHECK(read.contains(what));
  }
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
  const auto starting = [&](const IndexTensor& starts) {
    MatrixRecurrenceArguments in;
    in.q = in.k = in.v = of({2, 9, 1, 4});
    in.starts = starts;
    return refused([&] { return matrix_recurrence(in).y; });
  };
  CHECK_EQ(starting(IndexTensor::of({2, 2}, {3, 5, 6, 4})),
           "matrix_recurrence: starts[1, 1] must not be before the start in front of it, 6, got 4");
  CHECK_EQ(starting(IndexTensor::of({2, 1}, {3, 10})), "matrix_recurrence: starts[1, 0] must be in [0, 9], got 10");
  CHECK_EQ(starting(IndexTensor::of({1, 2}, {3, 5})), "matrix_recurrence: starts must be [2, S], got [1, 2]");
}
