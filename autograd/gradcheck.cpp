#include "autograd/gradcheck.h"

#include <cmath>

#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

std::vector<Real> flat(const std::vector<Variable>& outputs) {
  std::vector<Real> all;
  for (const Variable& output : outputs)
    if (output.defined()) all.insert(all.end(), output.data(), output.data() + output.size());
  return all;
}

/// d(output element)/d(every input element), from one backward pass.
std::vector<Real> analytic_row(const Function& f, const std::vector<Tensor>& inputs, std::size_t which, Index element) {
  std::vector<Variable> leaves;
  for (const Tensor& input : inputs) leaves.emplace_back(input, input.defined());
  Tape tape;
  const std::vector<Variable> outputs = f(leaves);
  Tensor cotangent = Tensor::zeros(outputs[which].shape());
  cotangent.data()[element] = 1;
  if (outputs[which].requires_grad()) tape.backward({{outputs[which], cotangent}});
  std::vector<Real> row;
  for (const Variable& leaf : leaves)
    for (Index i = 0; leaf.defined() && i < leaf.size(); ++i)
      row.push_back(leaf.grad().defined() ? leaf.grad().data()[i] : 0);
  return row;
}

}  // namespace

std::string gradcheck(const Function& f, const std::vector<Tensor>& inputs, const GradCheckOptions& options) {
  std::vector<std::vector<Real>> columns;  // by input element: d(all outputs)
  std::vector<std::string> names;
  std::vector<Variable> plain;
  for (const Tensor& input : inputs) plain.emplace_back(input);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    for (Index e = 0; inputs[i].defined() && e < inputs[i].size(); ++e) {
      Real& x = inputs[i].data()[e];
      const Real kept = x, eps = static_cast<Real>(options.eps);
      x = kept + eps;
      std::vector<Real> up = flat(f(plain));
      x = kept - eps;
      const std::vector<Real> down = flat(f(plain));
      x = kept;
      for (std::size_t o = 0; o < up.size(); ++o) up[o] = (up[o] - down[o]) / (2 * eps);
      columns.push_back(std::move(up));
      names.push_back(str("input ", i, " element ", e));
    }
  std::size_t output_element = 0;
  double worst = 0;
  std::string report;
  const std::vector<Variable> outputs = f(plain);
  for (std::size_t o = 0; o < outputs.size(); ++o)
    for (Index e = 0; outputs[o].defined() && e < outputs[o].size(); ++e, ++output_element) {
      const std::vector<Real> row = analytic_row(f, inputs, o, e);
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const double got = static_cast<double>(row[i]), want = static_cast<double>(columns[i][output_element]);
        const double excess = std::fabs(got - want) - (options.atol + options.rtol * std::fabs(want));
        if (!(excess <= worst)) {  // NaN is worse than any number
          worst = std::isnan(excess) ? INFINITY : excess;
          report = str(names[i], ", output ", o, " element ", e, ": backward gives ", got, ", differences give ", want);
        }
      }
    }
  return report;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
