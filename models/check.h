#pragma once
// Checks of a whole model that hold for every mixer. Meant for the double build; `seqtape check` prints them.

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

/// The model part of a config, and the input and output of its task.
struct CheckSubject {
  Json model;
  SequenceShape shape;
};

}  // namespace seqtape

namespace seqtape::inline SEQTAPE_PRECISION {
/// Gradients against finite differences in random directions, also through carried state; equal outputs of the whole
/// sequence, of chunks and of single steps, with and without carried state; causality; padding; the same bits on
/// several threads. A wide or deep model is shrunk first.
std::vector<CheckResult> check_model(const CheckSubject&);
}  // namespace seqtape::inline SEQTAPE_PRECISION

namespace seqtape::SEQTAPE_OTHER_PRECISION {
/// The same in the other precision.
std::vector<CheckResult> check_model(const CheckSubject&);
}  // namespace seqtape::SEQTAPE_OTHER_PRECISION
