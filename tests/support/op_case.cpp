#include "tests/support/op_case.h"

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
      tensor.data()[i] =
          static_cast<Real>(input.values.empty() ? static_cast<float>(random.uniform(input.low, input.high))
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

#endif

}  // namespace seqtape::testing_bridge
