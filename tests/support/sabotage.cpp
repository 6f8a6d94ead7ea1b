#include "tests/support/sabotage.h"

#include <set>

#include "autograd/sabotage.h"
#include "autograd/trace.h"
#include "tests/support/directions.h"
#include "tests/support/op_case.h"
#include "tests/support/reference_report.h"

namespace seqtape::testing_bridge {
namespace {

void sabotage(const std::string& text) {
  if (text.empty()) return set_sabotage(nullptr);
  const Sabotage wrong = Sabotage::parse(text);
  set_sabotage(&wrong);
}

}  // namespace

#ifdef SEQTAPE_DOUBLE

void sabotage_in_double(const std::string& text) { sabotage(text); }
bool struck_in_double() { return sabotage_struck(); }
std::string reference_report_in_double(std::size_t which) {
  return testing::reference_report(testing::op_cases()[which], 1);
}

std::vector<std::string> ops_of_case(std::size_t which) {
  std::vector<std::string> names;
  for (const AnyOp& op : testing::ops_of(testing::op_cases()[which])) names.emplace_back(op.name());
  return names;
}

std::vector<std::string> all_sabotages() {
  std::vector<std::string> all;
  std::set<std::string> seen;
  const auto add = [&](const testing::OpCase& op_case) {
    std::vector<Variable> inputs;
    for (const Tensor& tensor : testing::draw_inputs(op_case, 1)) inputs.emplace_back(tensor);
    const Trace trace;
    op_case.function(inputs);
    for (const Trace::Node& node : trace.nodes())
      for (const Sabotage& one : sabotages_of(node.op, node.values))
        if (seen.insert(one.text()).second) all.push_back(one.text());
  };
  for (const testing::OpCase& op_case : testing::op_cases()) add(op_case);
  for (const testing::Sizes& sizes : testing::all_sizes())
    if (sizes.length < 1000)
      for (const testing::OpCase& op_case : testing::sized_cases(sizes)) add(op_case);
  return all;
}

#else

void sabotage_in_float(const std::string& text) { sabotage(text); }
bool struck_in_float() { return sabotage_struck(); }
std::string reference_report_in_float(std::size_t which) {
  return testing::reference_report(testing::op_cases()[which], 1);
}

#endif

}  // namespace seqtape::testing_bridge
