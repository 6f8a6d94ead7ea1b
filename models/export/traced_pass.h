#pragma once
// A model's forward pass over a chunk of a sequence, as a list of ops, from which exporters write.

#include <string>
#include <utility>
#include <vector>

#include "autograd/trace.h"
#include "models/sequence_model.h"

namespace seqtape {

/// In steps of the model's blocks.
struct Extents {
  Index batch, length, past;  ///< `past`: steps that the sequence has before the chunk
};

struct NamedState {
  std::string name;  ///< "0.1": the second state of layer 0; "stem.0": the first of the stem
  Tensor before, after;
  bool of_stem = false;
};

/// One pass with all its values. Exporters compare what they write from it with what they write from a pass of other
/// extents: a difference would be something that holds for one length only.
struct TracedPass {
  /// Runs the model on random input: a whole sequence, or with `step` one step after `past` others.
  TracedPass(SequenceModel& model, bool step, const Extents& extents);

  std::vector<Trace::Node> nodes{};
  Extents extents;
  ModelInput input{};
  std::vector<NamedState> states{};
  Tensor features{};  ///< the output of the last norm
  Tensor pooled{};    ///< what the head reads instead of them when there is one output a sequence; else undefined
  Tensor logits{};

  /// The op is the first of the head and reads the pooled features.
  bool is_head(const Trace::Node& node) const {
    return pooled.defined() && node.values.in[0].defined() && node.values.in[0].data() == pooled.data();
  }
};

/// Throws ConfigError for a model that cannot run in steps; `target`: "c", for the message.
void refuse_unless_streaming(const SequenceModel&, const char* target);

/// Identifies a value of a pass: by its memory, and its shape, since a reshaped value shares its memory.
using ValueKey = std::pair<const Real*, std::string>;
ValueKey key_of(const Tensor&);

/// The op has tokens or positions among its attributes, which change from step to step.
bool reads_ids(const AnyOp&);

/// The op reads one of these values (a set or map by ValueKey), or tokens or positions.
template <class Values>
bool depends_on(const Trace::Node& node, const Values& values) {
  if (reads_ids(node.op)) return true;
  for (const Tensor& input : node.values.in)
    if (input.defined() && values.contains(key_of(input))) return true;
  return false;
}

}  // namespace seqtape
