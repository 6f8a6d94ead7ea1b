#pragma once
// The ops' outputs held against their references. Compiled in both precisions.

#include <string>

#include "autograd/trace.h"
#include "tests/support/op_case.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {

/// "" where the outputs of an op that ran agree with the reference of its inputs, to 1e-10 (float: 2e-5) of the largest
/// number; otherwise the first that differs: op, output, element and both numbers.
std::string reference_report(const AnyOp&, const Operands&);
/// The same for every op of a trace.
std::string reference_report(const Trace&);
/// The same for every op that a case runs, with the seed of its inputs.
std::string reference_report(const OpCase&, std::uint64_t seed);

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
