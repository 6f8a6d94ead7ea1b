#pragma once
// Mixers: what makes one architecture differ from another. A mixer maps a sequence to a sequence.

#include <limits>
#include <memory>

#include "core/config.h"
#include "models/layers.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// What a mixer carries from one chunk of a sequence to the next: tensors with the batch first. Empty: the start.
using State = std::vector<Variable>;

/// What a forward pass shows of itself on request: a mixer adds what explains it, if it has anything.
struct Probe {
  bool attention = false;  ///< maps of attention are wanted too: L^2 numbers a head

  struct Capture {
    Index layer;
    std::string name;
    Tensor values;
  };
  std::vector<Capture> captures{};
  Variable input{};  ///< the encoder's output [B, L, d_model], a leaf: gradients end here
  Index layer = 0;   ///< where the pass is
  void add(std::string name, Tensor values) { captures.push_back({layer, std::move(name), std::move(values)}); }
};

/// How a forward pass runs.
struct RunMode {
  bool training = false;   ///< dropout is on
  DropoutKey dropout{};    ///< its key changes from training step to training step
  bool carry = true;       ///< the state after the last step is wanted; without it some mixers run faster
  Probe* probe = nullptr;  ///< captures what explains the pass
};

/// [B, L, D] -> [B, L, D]. One interface serves every way to run: the whole sequence (from an empty state), chunk by
/// chunk, and step by step (chunks of one, O(1) state); all give the same numbers.
class Mixer : public Module {
 public:
  /// Moves `state` from before x to after it, differentiably. Padded steps (beyond lengths) leave the state and give
  /// 0.
  virtual Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) = 0;
  /// It can run in pieces: no step depends on a later one.
  virtual bool streams() const { return true; }
  /// Its state keeps its size, however long the sequence.
  virtual bool bounded_state() const { return true; }
  /// Steps of the longest sequence that it can read.
  virtual Index longest() const { return std::numeric_limits<Index>::max(); }
};

/// Where a mixer stands in its model, for initialisations that depend on it.
struct MixerPlace {
  Index d_model, layers;
};

/// A kind of mixer with its settings from the config.
class MixerKind {
 public:
  virtual ~MixerKind() = default;
  virtual void fields(Fields&) = 0;
  /// Throws ConfigError, with `model.key`, for settings that do not go together.
  virtual std::unique_ptr<Mixer> build(const MixerPlace&) const = 0;
  /// Width of an MLP after the mixer, x + MLP(norm(x)), for each of d_model; 0: none.
  virtual Index mlp_ratio() const { return 0; }
};

/// The visible table of architectures (registry.cpp): a line each.
const Registry<MixerKind>& mixers();

}  // namespace seqtape::inline SEQTAPE_PRECISION
