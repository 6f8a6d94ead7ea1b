#pragma once
// Gradients at real sizes, where a full Jacobian costs too much: along a random direction v of each input, under random
// weights w of the outputs, <J^T w, v> from the backward is held against <w, J v> from central differences (double),
// and float against double.

#include <cstdint>
#include <string>
#include <vector>

namespace seqtape::testing_bridge {

/// Which case: sized_cases(all_sizes()[sizes])[op].
struct SizedCase {
  std::size_t sizes, op;
  bool last_outputs_only;  ///< the gradient of the final states alone
  std::uint64_t seed;
};
/// All of them, but not the same gradients twice.
std::vector<SizedCase> sized_cases();
/// The names of the ops that it runs.
std::vector<std::string> ops_of_case(const SizedCase&);
/// Thousands of steps: a second, not a millisecond.
bool is_long(const SizedCase&);
/// "selective_scan, length 17, ..., seed 1"
std::string text(const SizedCase&);

struct Projection {
  std::string name;  ///< "gradient of input 3", "output 0"
  double value;      ///< the sum of products
  double scale;      ///< the sum of their absolute values
};
std::vector<Projection> projections_in_float(const SizedCase&);
std::vector<Projection> projections_in_double(const SizedCase&);
/// "", or where the double backward differs from differences.
std::string differences_report(const SizedCase&);
/// "", or where float differs from double.
std::string float_report(const SizedCase&);

/// Sequences that are all alike, so many that sizes pass `elements` in a tensor: each must have the outputs and the
/// gradients of one alone; "" or where not. In float. `op`: as in sized_cases(sizes of one sequence).
struct Alike {
  long long length, channels, heads, copies;
};
std::size_t alike_count(const Alike&);
std::string alike_name(const Alike&, std::size_t op);
std::string alike_report(const Alike&, std::size_t op);

}  // namespace seqtape::testing_bridge
