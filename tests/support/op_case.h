#pragma once
// One description of an op serves its gradient check (double), the float build held against the double one on every
// instruction set, and the proof that the check itself can fail. Compiled in both precisions.

#include <string>
#include <vector>

#include "autograd/gradcheck.h"
#include "core/random.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {

/// A uniform input; an empty shape with `absent` stands for one that is not given.
struct Input {
  Shape shape;
  double low = -1, high = 1;
  bool absent = false;
};

struct OpCase {
  std::string name;  ///< "selective_scan lengths"
  std::vector<Input> inputs;
  Function function;
};

/// Every case, in a fixed order: the same in both precisions.
const std::vector<OpCase>& op_cases();

/// The ops that a case runs, as a trace notes them.
std::vector<AnyOp> ops_of(const OpCase&);

/// Inputs of a case: the same numbers in both precisions (drawn as float).
std::vector<Tensor> draw_inputs(const OpCase&, std::uint64_t seed);

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing

namespace seqtape::testing_bridge {

/// Outputs, and gradients of the inputs under a fixed random cotangent, as plain numbers.
struct Numbers {
  std::vector<std::vector<double>> values;
  std::vector<std::string> names;
};
/// The two builds of the same function.
Numbers run_in_float(std::size_t which, std::uint64_t seed);
Numbers run_in_double(std::size_t which, std::uint64_t seed);

}  // namespace seqtape::testing_bridge
