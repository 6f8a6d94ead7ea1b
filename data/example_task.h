#pragma once
// Synthetic tasks whose sequences are generated as a whole.

#include "data/synthetic.h"

namespace seqtape {

/// One synthetic sequence: tokens or values at every step, and the targets.
struct Example {
  std::vector<std::int32_t> tokens;   ///< [length], or
  std::vector<float> values;          ///< [length, features]
  std::vector<std::int32_t> targets;  ///< [length], kIgnore where nothing is scored; or one, for the sequence
  float target_value = 0;             ///< of a regression
};

/// A task that draws one example at a time; chunks are cut from it.
class ExampleTask : public SyntheticTask {
 public:
  void fields(Fields&) final;

 protected:
  /// The task's own fields; the common ones follow.
  virtual void own_fields(Fields&) = 0;
  /// Fills an example of `length` steps (shorter, where the task's sequences vary).
  virtual void sample(Random&, Index length, Example&) const = 0;

 private:
  void draw(const Random&, Index length, Index b, Index begin, Batch& out) const final;
};

}  // namespace seqtape
