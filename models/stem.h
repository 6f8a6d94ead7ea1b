#pragma once
// What a model of numbers does before its encoder: bands of the mel scale, where its task asks for them, and a stem.
// Both make a sequence shorter.

#include <memory>

#include "core/sequence_shape.h"
#include "models/layers.h"
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// A kind of stem: how steps are put together.
class StemKind {
 public:
  Index size = 1;      ///< steps of a frame
  Index stride = 0;    ///< steps from frame to frame; 0: its size
  Index channels = 0;  ///< of a convolution with GELU; 0: frames go to the encoder as they are

  virtual ~StemKind() = default;
  virtual void fields(Fields&) = 0;
};

/// The table of stems (stem.cpp): one line each.
const Registry<StemKind>& stems();

/// [B, L, features] -> [B, L', width], L' = floor(L / stride): a step comes out with every `stride` that go in, and
/// depends on none after them. Whole sequences, chunks of any length and single steps give the same numbers.
class Stem : public Module {
 public:
  /// Throws ConfigError for a shape that the kind cannot have: tokens, or answers at every step.
  Stem(const StemKind&, const SequenceShape&);
  /// The numbers of a step that comes out.
  Index width() const { return width_; }
  /// The steps that go in for one that comes out.
  Index stride() const;

  /// Advances `state`, [frames so far that are not whole] of each part, and makes `lengths` those of what comes out.
  /// `kept`: what is left of the bands, [B, L'', bands] of 0 and 1, or undefined. Without a whole frame, L' is 0.
  Variable operator()(const Variable& x, const Tensor& kept, State& state, IndexTensor& lengths) const;

 private:
  struct Framing {
    Index size, stride;
    Variable operator()(const Variable& x, Variable& state, IndexTensor& lengths) const;
  };
  MelBands bands_;
  Framing samples_{1, 1}, steps_{1, 1};  // of the bands, and of the stem
  std::unique_ptr<Linear> conv_;
  Index width_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
