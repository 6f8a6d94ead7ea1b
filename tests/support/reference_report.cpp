#include "tests/support/reference_report.h"

#include <cmath>

#include "core/error.h"
#include "tests/support/reference.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {
namespace {

constexpr double kRelative = sizeof(Real) == 8 ? 1e-10 : 2e-5, kAbsolute = sizeof(Real) == 8 ? 1e-12 : 1e-6;

/// NaN equals nothing.
std::string difference(const Tensor& got, const Plain& want) {
  if (!(got.shape() == want.shape)) return str(" has shape ", got.shape(), ", its reference ", want.shape);
  double largest = 0;
  for (const double value : want.data) largest = std::max(largest, std::fabs(value));
  for (Index i = 0; i < got.size(); ++i) {
    const auto value = static_cast<double>(got.data()[i]), wanted = want.data[static_cast<std::size_t>(i)];
    if (!(std::fabs(value - wanted) <= kAbsolute + kRelative * largest))
      return str(" of shape ", got.shape(), ", element ", i, ": got ", value, ", the reference gives ", wanted);
  }
  return "";
}

}  // namespace

std::string reference_report(const AnyOp& op, const Operands& values) {
  Plains inputs;
  for (const Tensor& input : values.in) inputs.push_back(input.defined() ? Plain(input) : Plain());
  const Plains wanted = reference_outputs(op, inputs);
  if (wanted.size() != values.out.size())
    return str(op.name(), ": ", values.out.size(), " outputs, its reference has ", wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (const std::string what = difference(values.out[i], wanted[i]); !what.empty())
      return str(op.name(), ": ", op.schema().outputs[i], what);
  return "";
}

std::string reference_report(const Trace& trace) {
  for (const Trace::Node& node : trace.nodes())
    if (const std::string what = reference_report(node.op, node.values); !what.empty()) return what;
  return trace.nodes().empty() ? "no op ran" : "";
}

std::string reference_report(const OpCase& op, std::uint64_t seed) {
  std::vector<Variable> inputs;
  for (const Tensor& tensor : draw_inputs(op, seed)) inputs.emplace_back(tensor);
  Trace trace;
  op.function(inputs);
  trace.end();
  const std::string what = reference_report(trace);
  return what.empty() ? "" : str(what, " (case ", op.name, ", seed ", seed, ")");
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
