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
  std::vector<float> values{};  ///< instead of drawn ones
};

struct OpCase {
  std::string name;  ///< "selective_scan lengths"
  std::vector<Input> inputs;
  Function function;
  const char* zeros = nullptr;  ///< why many of its expected numbers are zeros, or all of a tensor are equal
};

/// Every case, in a fixed order: the same in both precisions.
const std::vector<OpCase>& op_cases();

/// Sizes at which an op is tried beside its small cases.
struct Sizes {
  Index length = 5, batch = 3, channels = 5, heads = 2;  ///< heads have 2 channels
  bool states = true;                                    ///< initial states are given
  bool lengths = false;                                  ///< of the sequences: all, half, none
  enum class Extreme { none, decay_0, decay_1, gates_high, gates_low } extreme = Extreme::none;
};
std::string text(const Sizes&);

/// Every op (autograd/sized_cases.cpp) or every mixer's layer (models/layer_cases.cpp) at these sizes, in a fixed
/// order; without those that states, lengths or extremes do not concern.
std::vector<OpCase> sized_cases(const Sizes&);

/// Every combination worth a check: lengths around every kernel's chunk, one channel, one head, extremes.
std::vector<Sizes> all_sizes();

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

/// "", or where the full Jacobian of op_cases()[which], in double, differs from central differences.
std::string gradient_report(std::size_t which);
/// "", or where float differs from double.
std::string precision_report(std::size_t which, std::uint64_t seed);

}  // namespace seqtape::testing_bridge
