#pragma once
// The skeleton around the mixers: (stem) -> encoder -> layers x [x + dropout(mixer(norm(x)))] -> norm -> (pooling) ->
// head. A kind of mixer may ask for an MLP after it: x + dropout(MLP(norm(x))).

#include <map>

#include "core/sequence_shape.h"
#include "models/mixer.h"
#include "models/stem.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// The model part of a config: the keys of the skeleton and of the mixer.
struct ModelConfig {
  std::string name;
  std::unique_ptr<MixerKind> mixer;
  std::map<std::string, std::unique_ptr<MixerKind>> others;  ///< further kinds of a mixed stack
  Index d_model = 64;
  CountOrNames layers{2};  ///< blocks of the kind `name`, or the kind of each
  std::string stem_name = "none";
  std::unique_ptr<StemKind> stem = stems().find("none")->make();
  std::string norm = "rms_norm", norm_place = "pre", pooling = "mean";
  double norm_eps = 1e-5, dropout = 0, residual_scale = 1;
  bool tie_embeddings = false, head_bias = true;
  double embedding_std = 0.02;

  void fields(Fields&);
  /// Those of them that the mixers share.
  void skeleton(Fields&);
  /// The "model" object of a config.
  Named named();
  /// The kind of block i.
  const MixerKind& kind_of(Index i) const;
};

/// A batch of sequences, or a chunk of one.
struct ModelInput {
  IndexTensor tokens;   ///< [B, L], or
  Tensor values;        ///< [B, L, features]
  IndexTensor lengths;  ///< [B] or undefined: all of L
  Tensor kept{};        ///< [B, L / hop, bands] of 0 and 1, what is left of the bands of the values; undefined: all
};

/// Random tokens or values, from a fixed seed and the random stream of this name: to trace, measure and compare models.
ModelInput random_input(const SequenceShape&, Index batch, Index length, const char* stream);

/// The states of all layers between chunks of a sequence; empty at its start.
struct ModelState {
  std::vector<State> layers;
  State stem;                 ///< what steps to come are made of, together with further input
  Tensor pooled;              ///< [B, d_model], over the steps already read: their sum, or the first or last
  std::vector<double> steps;  ///< [B], the number of these steps
  /// The same values as constants: gradients stop here.
  void detach();
};

class SequenceModel : public Module {
 public:
  /// Declares the parameters, which `allocate` (models/module.h) gives memory. Throws ConfigError.
  SequenceModel(const ModelConfig&, const SequenceShape&);

  const std::vector<Parameter*>& parameters() const { return parameters_; }
  Index parameter_count() const;
  /// Every layer can run chunk by chunk.
  bool streams() const;
  /// No layer's state grows with the sequence.
  bool bounded_state() const;
  /// Steps of the input for one of the blocks'.
  Index stride() const { return stem_ ? stem_->stride() : 1; }
  /// The length of the longest sequence, in steps of the input, that every layer can process.
  Index longest() const;
  const SequenceShape& shape() const { return shape_; }
  const std::string& pooling() const { return pooling_; }

  /// Logits [B, L, outputs] (pooled: [B, outputs]); advances `state`. After several chunks a pooled output covers all
  /// steps read; gradients reach only the last chunk.
  Variable forward(const ModelInput&, ModelState& state, const RunMode& mode = {});
  /// The parts of `forward` around the pooling: the output of the last norm [B, L', d_model], a step for each
  /// `stride()` of the input, and the head, which maps [..., d_model] to [..., outputs].
  Variable features(const ModelInput&, ModelState& state, const RunMode& mode = {});
  Variable head(const Variable& features) const;

 private:
  struct Block : Module {
    Block(const ModelConfig&, const MixerKind&);
    Norm norm;
    std::unique_ptr<Mixer> mixer;
    std::unique_ptr<Norm> mlp_norm;                     // null: no MLP
    std::unique_ptr<Linear> mlp_in, mlp_gate, mlp_out;  // mlp_gate: of the gated kind (Shazeer 2020, arXiv 2002.05202)
    Variable mlp(const Variable& x) const;
  };
  /// x + scale * branch(norm(x)), or post: norm(x + scale * branch(x)).
  template <class Branch>
  Variable residual(const Variable& x, const Norm& norm, std::uint64_t place, const RunMode&, const Branch&) const;
  /// `lengths` become those of what comes out.
  Variable features(const ModelInput&, IndexTensor& lengths, ModelState& state, const RunMode&);
  Variable pool(const Variable& x, const IndexTensor& lengths, ModelState&, const RunMode&) const;

  SequenceShape shape_;
  Index d_model_;
  double dropout_, residual_scale_;
  bool post_norm_;
  std::string pooling_;
  Weight embedding_;
  std::unique_ptr<Stem> stem_;
  std::unique_ptr<Linear> encoder_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::unique_ptr<Norm> norm_;
  std::unique_ptr<Linear> head_;  // null: tied to the embedding
  Weight head_bias_;
  std::vector<Parameter*> parameters_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
