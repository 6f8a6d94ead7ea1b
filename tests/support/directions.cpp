#include "tests/support/directions.h"

#include <algorithm>
#include <cmath>

#include "tests/support/op_case.h"

namespace seqtape::testing_bridge {
namespace {

using namespace seqtape::testing;

const std::vector<Sizes>& sizes() {
  static const std::vector<Sizes> all = all_sizes();
  return all;
}

/// Cases of the sizes asked for last.
const OpCase& case_of(const SizedCase& which) {
  static std::size_t made = sizes().size();
  static std::vector<OpCase> cases;
  if (which.sizes != made) cases = testing::sized_cases(sizes()[made = which.sizes]);
  return cases[which.op];
}

/// The same numbers in both precisions.
Tensor draw(const Shape& shape, Random& random) {
  Tensor tensor(shape);
  for (Index i = 0; i < tensor.size(); ++i)
    tensor.data()[i] = static_cast<Real>(static_cast<float>(random.uniform(-1, 1)));
  return tensor;
}

/// A case's op with its inputs, a direction for each, and weights for its outputs.
struct Trial {
  const OpCase& op;
  std::vector<Tensor> inputs, directions, weights;

  explicit Trial(const SizedCase& which) : op(case_of(which)), inputs(draw_inputs(op, which.seed)) {
    Random random(which.seed, "direction of " + op.name);
    for (const Tensor& input : inputs) directions.push_back(input.defined() ? draw(input.shape(), random) : Tensor());
    const std::vector<Variable> outputs = op.function(std::vector<Variable>(inputs.begin(), inputs.end()));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const bool left_out = which.last_outputs_only && i == 0;
      weights.push_back(left_out || !outputs[i].defined() ? Tensor() : draw(outputs[i].shape(), random));
    }
  }

  std::vector<Projection> projections() const {
    std::vector<Variable> leaves;
    for (const Tensor& input : inputs) leaves.emplace_back(input, input.defined());
    Tape tape;
    const std::vector<Variable> outputs = op.function(leaves);
    std::vector<Projection> all;
    std::vector<std::pair<Variable, Tensor>> seeds;
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (weights[i].defined()) {
        all.push_back(project("output " + std::to_string(i), outputs[i].value(), weights[i]));
        if (outputs[i].requires_grad()) seeds.emplace_back(outputs[i], weights[i]);
      }
    tape.backward(seeds);
    for (std::size_t i = 0; i < leaves.size(); ++i)
      if (leaves[i].defined())
        all.push_back(project("gradient of input " + std::to_string(i),
                              leaves[i].grad().defined() ? leaves[i].grad() : Tensor::zeros(leaves[i].shape()),
                              directions[i]));
    return all;
  }

  /// <w, J v> for a direction of input i: differences of each output element, which are small, are summed.
  [[maybe_unused]] Projection difference(std::size_t i, double eps) const {
    const auto at = [&](double step) {
      std::vector<Variable> moved(inputs.begin(), inputs.end());
      Tensor x = inputs[i].clone();
      for (Index e = 0; e < x.size(); ++e) x.data()[e] += static_cast<Real>(step) * directions[i].data()[e];
      moved[i] = Variable(x);
      return op.function(moved);
    };
    const std::vector<Variable> up = at(eps), down = at(-eps);
    Projection sum{"", 0, 0};
    for (std::size_t o = 0; o < up.size(); ++o)
      for (Index e = 0; weights[o].defined() && e < up[o].size(); ++e) {
        const double slope = static_cast<double>(up[o].data()[e] - down[o].data()[e]) / (2 * eps);
        sum.value += slope * static_cast<double>(weights[o].data()[e]);
        sum.scale += std::fabs(slope * static_cast<double>(weights[o].data()[e]));
      }
    return sum;
  }

 private:
  static Projection project(const std::string& name, const Tensor& x, const Tensor& along) {
    Projection sum{name, 0, 0};
    for (Index i = 0; i < x.size(); ++i) {
      const double product = static_cast<double>(x.data()[i]) * static_cast<double>(along.data()[i]);
      sum.value += product;
      sum.scale += std::fabs(product);
    }
    return sum;
  }
};

}  // namespace

#ifndef SEQTAPE_DOUBLE

std::vector<Projection> projections_in_float(const SizedCase& which) { return Trial(which).projections(); }

std::string float_report(const SizedCase& which) {
  const std::vector<Projection> got = projections_in_float(which), want = projections_in_double(which);
  for (std::size_t i = 0; i < want.size(); ++i)
    if (!(std::fabs(got[i].value - want[i].value) <= 5e-5 * want[i].scale + 1e-6))
      return str(text(which), ": ", want[i].name, ": float ", got[i].value, ", double ", want[i].value, " of ",
                 want[i].scale);
  return "";
}

#else

std::vector<Projection> projections_in_double(const SizedCase& which) { return Trial(which).projections(); }

std::vector<SizedCase> sized_cases() {
  std::vector<SizedCase> all;
  for (std::size_t s = 0; s < sizes().size(); ++s) {
    const std::vector<OpCase> cases = testing::sized_cases(sizes()[s]);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      all.push_back({s, i, false, 1});
      const std::vector<AnyOp> ops = ops_of(cases[i]);
      if (std::any_of(ops.begin(), ops.end(), [](const AnyOp& op) { return op.schema().states.any(); }))
        all.push_back({s, i, true, 1});
    }
  }
  return all;
}

std::vector<std::string> ops_of_case(const SizedCase& which) {
  std::vector<std::string> names;
  for (const AnyOp& op : ops_of(case_of(which))) names.emplace_back(op.name());
  return names;
}

std::string text(const SizedCase& which) {
  return str(case_of(which).name, ", ", testing::text(sizes()[which.sizes]),
             which.last_outputs_only ? ", gradients of the final state alone" : "", ", seed ", which.seed);
}

std::string differences_report(const SizedCase& which) {
  const Trial trial(which);
  std::vector<Projection> backward = trial.projections();
  backward.erase(std::remove_if(backward.begin(), backward.end(),
                                [](const Projection& p) { return p.name.starts_with("output"); }),
                 backward.end());
  auto got = backward.begin();
  for (std::size_t i = 0; i < trial.inputs.size(); ++i) {
    if (!trial.inputs[i].defined()) continue;
    const Projection want = trial.difference(i, 1e-6);
    const double scale = std::max(got->scale, want.scale);
    if (!(std::fabs(got->value - want.value) <= 1e-6 * scale + 1e-8))
      return str(text(which), ": ", got->name, ": backward ", got->value, ", differences ", want.value, " of ", scale);
    ++got;
  }
  return "";
}

#endif

}  // namespace seqtape::testing_bridge
