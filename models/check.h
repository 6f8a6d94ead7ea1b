#pragma once
// Checks of a whole model that need no knowledge of its kind. Meant for the double build; `seqtape check` prints them.

#include <string>
#include <vector>

#include "core/io/json.h"
#include "core/sequence_shape.h"

namespace seqtape {

struct CheckResult {
  std::string name;
  bool passed;
  std::string detail;  ///< the largest difference, or why the check does not apply
};

/// The model part of a config, and what its task feeds and asks.
struct CheckSubject {
  Json model;
  SequenceShape shape;
};

}  // namespace seqtape

namespace seqtape::inline SEQTAPE_PRECISION {
/// Gradients against differences in random directions, through carried state; whole = in chunks = step by step; with
/// and without carried state; causality; padding; the same bits on several threads. A wide or deep model is shrunk
/// first.
std::vector<CheckResult> check_model(const CheckSubject&);
}  // namespace seqtape::inline SEQTAPE_PRECISION

namespace seqtape::SEQTAPE_OTHER_PRECISION {
/// The same, of the other build.
std::vector<CheckResult> check_model(const CheckSubject&);
}  // namespace seqtape::SEQTAPE_OTHER_PRECISION
