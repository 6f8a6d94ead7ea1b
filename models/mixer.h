#pragma once
// Mixers: the part of a block in which architectures differ. A mixer maps a sequence to a sequence.

#include <limits>
#include <memory>

#include "core/config.h"
#include "models/layers.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// What a mixer carries from one chunk of a sequence to the next: tensors with the batch as first axis. Empty at the
/// start of a sequence.
using State = std::vector<Variable>;

/// Captures intermediate values of a forward pass; a mixer adds those that explain it, if it has any.
struct Probe {
  bool attention = false;  ///< also capture attention maps, L^2 numbers a head

  struct Capture {
    Index layer;
    std::string name;
    Tensor values;
  };
  std::vector<Capture> captures{};
  Variable input{};  ///< the encoder's output [B, L, d_model] as a leaf: gradients stop here
  Index layer = 0;   ///< the layer that is running
  void add(std::string name, Tensor values) { captures.push_back({layer, std::move(name), std::move(values)}); }
};

/// How a forward pass runs.
struct RunMode {
  bool training = false;   ///< dropout is on
  DropoutKey dropout{};    ///< its key changes with every training step
  bool carry = true;       ///< the final state is wanted; without it some mixers run faster
  Probe* probe = nullptr;  ///< captures intermediate values; null: none
};

/// [B, L, D] -> [B, L, D]. One interface serves every way to run: the whole sequence (from an empty state), chunk by
/// chunk, and step by step (chunks of one, O(1) state); all give the same numbers.
class Mixer : public Module {
 public:
  /// x: [B, L, D], lengths: [B] or undefined. Advances `state` over x; output and state are differentiable. Padded
  /// steps (at or beyond lengths) leave the state unchanged and give 0.
  virtual Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) = 0;
  /// It can run chunk by chunk: no step depends on a later one.
  virtual bool streams() const { return true; }
  /// The size of its state does not depend on the length.
  virtual bool bounded_state() const { return true; }
  /// The length of the longest sequence that it can process.
  virtual Index longest() const { return std::numeric_limits<Index>::max(); }
};

/// Width and depth of the model, for initialisations that depend on them.
struct MixerPlace {
  Index d_model, layers;
};

/// A kind of mixer with its settings from the config.
class MixerKind {
 public:
  Index mlp = 0;                  ///< width of the MLP after the mixer, x + MLP(norm(x)), for each of d_model; 0: none
  std::string mlp_kind = "gelu";  ///< or "gated"

  virtual ~MixerKind() = default;
  /// Its own keys, and those of every kind.
  void fields(Fields&);
  virtual void own_fields(Fields&) = 0;
  /// Throws ConfigError, with `model.key`, for settings that contradict each other.
  virtual std::unique_ptr<Mixer> build(const MixerPlace&) const = 0;
};

/// The table of architectures (registry.cpp): one line each.
const Registry<MixerKind>& mixers();

}  // namespace seqtape::inline SEQTAPE_PRECISION
