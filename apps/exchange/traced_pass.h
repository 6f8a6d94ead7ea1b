#pragma once
// A model's forward pass over a piece of a sequence, as a list of ops: what other forms of a model are written from.

#include <string>
#include <utility>
#include <vector>

#include "apps/trainer/trained_model.h"
#include "autograd/trace.h"

namespace seqtape {

struct Extents {
  Index batch, length, past;  ///< `past`: steps before the piece, for one step of a model that runs on
};

struct NamedState {
  std::string name;  ///< "0.1": of layer 0, the second
  Variable before, after;
};

/// One pass, with all that was computed. What is written from it must come out the same from a pass of other extents,
/// or something in it would hold for one length only.
struct TracedPass {
  /// Of a whole sequence, or of one step behind `past` others.
  TracedPass(SequenceModel& model, bool step, const Extents& extents);

  std::vector<Trace::Node> nodes{};
  Extents extents;
  ModelInput input{};
  std::vector<NamedState> states{};
  Variable features{};  ///< of the last norm
  Variable pooled{};    ///< what the head reads instead of them, where there is one answer a sequence; else undefined
  Variable logits{};
};

/// What tells the values of a pass apart: their memory, and their shape, since a reshaped value shares its memory.
using ValueKey = std::pair<const Real*, std::string>;
ValueKey key_of(const Variable&);

}  // namespace seqtape
