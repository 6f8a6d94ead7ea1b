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

namespace {

OpCase alike_case(const Alike& which, std::size_t op, Index batch) {
  return testing::sized_cases(
      {.length = which.length, .batch = batch, .channels = which.channels, .heads = which.heads})[op];
}

/// Runs a case with inputs and output gradients that repeat those of one sequence.
struct AlikeRun {
  std::vector<Tensor> outputs, gradients;

  AlikeRun(const OpCase& one, const OpCase& many) {
    const std::vector<Tensor> inputs = draw_inputs(one, 1);
    std::vector<Variable> leaves;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const bool given = inputs[i].defined();
      leaves.emplace_back(given ? repeated(inputs[i], many.inputs[i].shape) : Tensor(), given);
    }
    Tape tape;
    std::vector<std::pair<Variable, Tensor>> seeds;
    Random random(1, "alike");
    const std::vector<Variable> made = many.function(leaves);
    const std::vector<Variable> small = one.function(std::vector<Variable>(inputs.begin(), inputs.end()));
    for (std::size_t i = 0; i < made.size(); ++i) {
      outputs.push_back(made[i].value());
      if (made[i].requires_grad())
        seeds.emplace_back(made[i], repeated(draw(small[i].shape(), random), made[i].shape()));
    }
    tape.backward(seeds);
    for (const Variable& leaf : leaves) gradients.push_back(leaf.grad());
  }

  static Tensor repeated(const Tensor& one, const Shape& shape) {
    if (shape == one.shape()) return one;
    Tensor many(shape);
    for (Index at = 0; at < many.size(); at += one.size()) std::copy_n(one.data(), one.size(), many.data() + at);
    return many;
  }
};

/// Where a repetition of `one` in `many` differs: those at both ends and at the border of 32 bits.
std::string repetition_report(const Tensor& one, const Tensor& many) {
  const Index n = one.size(), copies = n ? many.size() / n : 0;
  Index border = n ? (Index{1} << 31) / n : 0;
  if (border + 1 >= copies) border = copies / 2;
  double most = 0;
  for (Index i = 0; i < n; ++i) most = std::max(most, std::fabs(static_cast<double>(one.data()[i])));
  for (const Index copy : {Index{0}, border, border + 1, copies - 1})
    for (Index i = 0; i < n && copy >= 0 && copy < copies; ++i) {
      const double got = static_cast<double>(many.data()[copy * n + i]), want = static_cast<double>(one.data()[i]);
      if (!(std::fabs(got - want) <= 1e-6 + 1e-5 * most))
        return str("copy ", copy, " of ", copies, ", element ", i, ": ", got, ", alone ", want);
    }
  return "";
}

}  // namespace

std::size_t alike_count(const Alike& which) {
  return testing::sized_cases({.length = which.length, .batch = 1, .channels = which.channels, .heads = which.heads})
      .size();
}

std::string alike_name(const Alike& which, std::size_t op) {
  return str(alike_case(which, op, 1).name, ", ", which.copies, " sequences of ", which.length, " steps, ",
             which.channels, " channels, ", which.heads, " heads");
}

std::string alike_report(const Alike& which, std::size_t op) {
  const OpCase one = alike_case(which, op, 1), many = alike_case(which, op, which.copies);
  const AlikeRun small(one, one), large(one, many);
  // What is no sequence of its own (a sum over all, a parameter's gradient) is tested at other sizes; and so are ops
  // that treat each sequence as another one.
  for (const char* const apart : {"dropout", "slice_first", "cross_entropy", "distribution_loss", "mse_loss"})
    if (one.name == apart) return "";
  const auto alike = [&](const Tensor& a, const Tensor& b) {
    return a.defined() && b.defined() && b.size() == which.copies * a.size() && a.shape()[0] == 1;
  };
  for (std::size_t i = 0; i < small.outputs.size(); ++i)
    if (alike(small.outputs[i], large.outputs[i]))
      if (const std::string report = repetition_report(small.outputs[i], large.outputs[i]); !report.empty())
        return str(alike_name(which, op), ": output ", i, ": ", report);
  for (std::size_t i = 0; i < small.gradients.size(); ++i)
    if (alike(small.gradients[i], large.gradients[i]))
      if (const std::string report = repetition_report(small.gradients[i], large.gradients[i]); !report.empty())
        return str(alike_name(which, op), ": gradient of input ", i, ": ", report);
  return "";
}

std::vector<Projection> projections_in_float(const SizedCase& which) { return Trial(which).projections(); }

std::string float_report(const SizedCase& which) {
  const std::vector<Projection> got = projections_in_float(which), want = projections_in_double(which);
  // A float parameter is off by 6e-8 of itself, which a recurrence multiplies by its steps.
  const double relative = 5e-5 + 1e-7 * static_cast<double>(sizes()[which.sizes].length);
  for (std::size_t i = 0; i < want.size(); ++i)
    if (!(std::fabs(got[i].value - want[i].value) <= relative * want[i].scale + 1e-6))
      return str(text(which), ": ", want[i].name, ": float ", got[i].value, ", double ", want[i].value, " of ",
                 want[i].scale);
  return "";
}

#else

std::vector<Projection> projections_in_double(const SizedCase& which) { return Trial(which).projections(); }

bool is_long(const SizedCase& which) { return sizes()[which.sizes].length > 1000; }

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
