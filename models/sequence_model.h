#pragma once
// The skeleton around the mixers: encoder -> layers x [x + dropout(mixer(norm(x)))] -> norm -> head.

#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// The model part of a config: the skeleton's keys and those of the kind of mixer.
struct ModelConfig {
  std::string name;
  std::unique_ptr<MixerKind> mixer;
  Index d_model = 64, layers = 2;
  std::string norm = "rms_norm";
  double norm_eps = 1e-5, dropout = 0;
  bool tie_embeddings = false, head_bias = true;
  double embedding_std = 0.02;

  void fields(Fields&);
  /// The "model" object of a config.
  Named named();
};

/// What the task feeds and asks.
struct ModelShape {
  Index vocabulary = 0;  ///< token ids in [0, vocabulary), or 0: real values
  Index features = 0;    ///< real values a step, when vocabulary is 0
  Index outputs = 0;     ///< classes, or numbers to predict
  bool pooled = false;   ///< one answer a sequence (mean over time) instead of one a step
};

/// A piece of a batch of sequences.
struct ModelInput {
  IndexTensor tokens;   ///< [B, L], or
  Tensor values;        ///< [B, L, features]
  IndexTensor lengths;  ///< [B] or undefined: all of L
};

/// The states of all layers between pieces of a sequence; empty at its start.
struct ModelState {
  std::vector<State> layers;
  /// The same values as constants: gradients stop here.
  void detach();
};

class SequenceModel : public Module {
 public:
  /// Declares the parameters; they take memory in `allocate`.
  SequenceModel(const ModelConfig&, const ModelShape&);

  const std::vector<Parameter*>& parameters() const { return parameters_; }
  Index parameter_count() const;
  const ModelShape& shape() const { return shape_; }

  /// Logits [B, L, outputs] (pooled: [B, outputs]); moves `state` on.
  Variable forward(const ModelInput&, ModelState& state, const RunMode& mode = {});

 private:
  struct Block : Module {
    Block(const ModelConfig&, std::unique_ptr<Mixer>);
    Norm norm;
    std::unique_ptr<Mixer> mixer;
  };

  ModelShape shape_;
  double dropout_;
  Weight embedding_;
  std::unique_ptr<Linear> encoder_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::unique_ptr<Norm> norm_;
  std::unique_ptr<Linear> head_;  // null: tied to the embedding
  Weight head_bias_;
  std::vector<Parameter*> parameters_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
