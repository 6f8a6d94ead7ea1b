#pragma once
// A model's forward pass over a chunk of a sequence, as a list of ops: what exporters write from.

#include <string>
#include <utility>
#include <vector>

#include "autograd/trace.h"
#include "models/sequence_model.h"

namespace seqtape {

struct Extents {
  Index batch, length, past;  ///< `past`: steps before the chunk, for one step of a model that runs on
};

struct NamedState {
  std::string name;  ///< "0.1": of layer 0, the second
  Tensor before, after;
};

/// One pass, with all that was computed. What is written from it must come out the same from a pass of other extents,
/// or something in it would hold for one length only.
struct TracedPass {
  /// Of a whole sequence, or of one step after `past` others.
  TracedPass(SequenceModel& model, bool step, const Extents& extents);

  std::vector<Trace::Node> nodes{};
  Extents extents;
  ModelInput input{};
  std::vector<NamedState> states{};
  Tensor features{};  ///< of the last norm
  Tensor pooled{};    ///< what the head reads instead of them, where there is one answer a sequence; else undefined
  Tensor logits{};

  /// The op is the first of the head and reads the pooled features.
  bool is_head(const Trace::Node& node) const {
    return pooled.defined() && node.values.in[0].defined() && node.values.in[0].data() == pooled.data();
  }
};

/// What tells the values of a pass apart: their memory, and their shape, since a reshaped value shares its memory.
using ValueKey = std::pair<const Real*, std::string>;
ValueKey key_of(const Tensor&);

/// The op has integers among its attributes that change from step to step.
bool reads_ids(const AnyOp&);

/// The op reads one of these values, or tokens or positions.
template <class Values>
bool depends_on(const Trace::Node& node, const Values& values) {
  if (reads_ids(node.op)) return true;
  for (const Tensor& input : node.values.in)
    if (input.defined() && values.contains(key_of(input))) return true;
  return false;
}

}  // namespace seqtape
