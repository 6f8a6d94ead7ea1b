#pragma once
// A target of its own: a model's step as text, a line for each op. docs/adding.md explains it.

#include <map>
#include <string>
#include <vector>

#include "models/export/lowering.h"
#include "models/export/traced_pass.h"

namespace seqtape {

// [context]
/// What a lowering of this target is given beside its op: the op's values, their names so far, and the text to write.
struct Listing {
  const Operands& values;
  std::map<ValueKey, std::string>& names;
  std::string& text;
  Index& count;  ///< of the values named so far

  /// "h0 = rms_norm(x, norm.weight, eps 1e-05)"; `attributes`: what stands after the operands.
  void write(const AnyOp& op, const std::vector<std::string>& attributes = {});
};
using ListingLowerings = Lowerings<Listing>;

/// Every op's line, or why there is none.
const ListingLowerings& listing_lowerings();
/// The lines of one step of the model. Throws ConfigError for an op that has none.
std::string listing_of(SequenceModel&);
// [rest]

}  // namespace seqtape
