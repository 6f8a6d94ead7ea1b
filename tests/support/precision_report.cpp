// Compiled in float; links the double build too.
#include <cmath>

#include "core/error.h"
#include "tests/support/op_case.h"
#include "tests/support/trust.h"

namespace seqtape::testing_bridge {

/// |got - want| <= 2e-5 max|want| + 1e-6
std::string precision_report(std::size_t which, std::uint64_t seed) {
  const Numbers got = run_in_float(which, seed), want = run_in_double(which, seed);
  for (std::size_t i = 0; i < want.values.size(); ++i) {
    const testing::OpCase& op = testing::op_cases()[which];
    if (const std::string why = testing::mistrust(want.values[i]); !why.empty() && !op.zeros)
      return str(op.name, ": mistrusted: ", want.names[i], ": ", why);
    double most = 0;
    for (const double value : want.values[i]) most = std::max(most, std::fabs(value));
    for (std::size_t j = 0; j < want.values[i].size(); ++j)
      if (!(std::fabs(got.values[i][j] - want.values[i][j]) <= 1e-6 + 2e-5 * most))
        return str(op.name, ", seed ", seed, ": ", want.names[i], " element ", j, ": float ", got.values[i][j],
                   ", double ", want.values[i][j]);
  }
  return "";
}

}  // namespace seqtape::testing_bridge
