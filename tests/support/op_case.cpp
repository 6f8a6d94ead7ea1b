#include "tests/support/op_case.h"

#include <cmath>

#include "autograd/trace.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {

std::vector<Tensor> draw_inputs(const OpCase& op, std::uint64_t seed) {
  std::vector<Tensor> tensors;
  Random random(seed, op.name);
  for (const Input& input : op.inputs) {
    if (input.absent) {
      tensors.emplace_back();
      continue;
    }
    Tensor tensor(input.shape);
    for (Index i = 0; i < tensor.size(); ++i)
      tensor.data()[i] = static_cast<Real>(input.values.empty()
                                               ? static_cast<float>(random.uniform(input.low, input.high))
                                               : input.values[static_cast<std::size_t>(i)]);
    tensors.push_back(tensor);
  }
  return tensors;
}

std::vector<AnyOp> ops_of(const OpCase& op) {
  std::vector<Variable> inputs;
  for (const Tensor& tensor : draw_inputs(op, 1)) inputs.emplace_back(tensor);
  const Trace trace;
  op.function(inputs);
  std::vector<AnyOp> ops;
  for (const Trace::Node& node : trace.nodes()) ops.push_back(node.op);
  return ops;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing

namespace seqtape::testing_bridge {

#ifdef SEQTAPE_DOUBLE
Numbers run_in_double(std::size_t which, std::uint64_t seed) {
#else
Numbers run_in_float(std::size_t which, std::uint64_t seed) {
#endif
  const testing::OpCase& op = testing::op_cases()[which];
  std::vector<Variable> inputs;
  for (const Tensor& tensor : testing::draw_inputs(op, seed)) inputs.emplace_back(tensor, tensor.defined());
  Numbers numbers;
  const auto add = [&](const std::string& name, const Tensor& tensor) {
    numbers.names.push_back(name);
    numbers.values.emplace_back(tensor.data(), tensor.data() + tensor.size());
  };
  Tape tape;
  std::vector<std::pair<Variable, Tensor>> seeds;
  Random random(seed, "cotangent");
  for (const Variable& output : op.function(inputs)) {
    if (!output.defined()) continue;
    add("output " + std::to_string(seeds.size()), output.value());
    Tensor cotangent(output.shape());
    for (Index i = 0; i < cotangent.size(); ++i)
      cotangent.data()[i] = static_cast<Real>(static_cast<float>(random.uniform(-1, 1)));
    seeds.emplace_back(output, cotangent);
  }
  tape.backward(seeds);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].defined())
      add("gradient of input " + std::to_string(i),
          inputs[i].grad().defined() ? inputs[i].grad() : Tensor::zeros(inputs[i].shape()));
  return numbers;
}

#ifdef SEQTAPE_DOUBLE

std::string gradient_report(std::size_t which) {
  const testing::OpCase& op = testing::op_cases()[which];
  const std::string report = gradcheck(op.function, testing::draw_inputs(op, 3));
  return report.empty() ? "" : str(op.name, ": ", report);
}

#else

/// |got - want| <= 2e-5 max|want| + 1e-6
std::string precision_report(std::size_t which, std::uint64_t seed) {
  const Numbers got = run_in_float(which, seed), want = run_in_double(which, seed);
  for (std::size_t i = 0; i < want.values.size(); ++i) {
    double most = 0;
    for (const double value : want.values[i]) most = std::max(most, std::fabs(value));
    for (std::size_t j = 0; j < want.values[i].size(); ++j)
      if (!(std::fabs(got.values[i][j] - want.values[i][j]) <= 1e-6 + 2e-5 * most))
        return str(testing::op_cases()[which].name, ", seed ", seed, ": ", want.names[i], " element ", j, ": float ",
                   got.values[i][j], ", double ", want.values[i][j]);
  }
  return "";
}

#endif

}  // namespace seqtape::testing_bridge
