#include "models/sequence_model.h"

#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {

void ModelConfig::fields(Fields& f) {
  f("d_model", d_model, "width of the residual stream", positive_up_to(1e6));
  f("layers", layers, "number of blocks", positive_up_to(4096));
  f("norm", norm, "normalisation before each mixer and the head", one_of({"rms_norm", "layer_norm"}));
  f("norm_eps", norm_eps, "added under the norm's root", positive());
  f("dropout", dropout, "share of each mixer's outputs dropped in training", fraction());
  f("tie_embeddings", tie_embeddings, "the head uses the embedding's weight");
  f("head_bias", head_bias, "bias of the head");
  f("embedding_std", embedding_std, "the embedding starts as N(0, this)", positive());
  mixer->fields(f);
}

Named ModelConfig::named() {
  Named choice = seqtape::named(mixers(), name, mixer);
  choice.fields = [this](Fields& f) { fields(f); };
  return choice;
}

void ModelState::detach() {
  for (State& state : layers)
    for (Variable& variable : state) variable = variable.detach();
}

SequenceModel::Block::Block(const ModelConfig& config, std::unique_ptr<Mixer> mixer_)
    : norm(config.norm, config.d_model, config.norm_eps), mixer(std::move(mixer_)) {
  part("norm", norm);
  part("mixer", *mixer);
}

SequenceModel::SequenceModel(const ModelConfig& config, const ModelShape& shape)
    : shape_(shape), dropout_(config.dropout) {
  const Index d = config.d_model;
  if (shape.vocabulary) {
    embedding_ = parameter("embedding.weight", {shape.vocabulary, d}, init::normal(config.embedding_std));
  } else {
    encoder_ = std::make_unique<Linear>(shape.features, d, true);
    part("encoder", *encoder_);
  }
  for (Index i = 0; i < config.layers; ++i) {
    blocks_.push_back(std::make_unique<Block>(config, config.mixer->build({d, config.layers})));
    part("blocks." + std::to_string(i), *blocks_.back());
  }
  norm_ = std::make_unique<Norm>(config.norm, d, config.norm_eps);
  part("norm", *norm_);
  if (config.tie_embeddings) {
    if (shape.vocabulary != shape.outputs)
      throw ConfigError("model.tie_embeddings: needs a task whose answers are tokens of its vocabulary");
    if (config.head_bias) head_bias_ = parameter("head.bias", {shape.outputs}, init::zeros());
  } else {
    head_ = std::make_unique<Linear>(d, shape.outputs, config.head_bias);
    part("head", *head_);
  }
  parameters_ = collect();
}

Index SequenceModel::parameter_count() const {
  Index count = 0;
  for (const Parameter* parameter : parameters_) count += parameter->shape.size();
  return count;
}

Variable SequenceModel::forward(const ModelInput& input, ModelState& state, const RunMode& mode) {
  Variable x = embedding_.defined() ? embedding(input.tokens, embedding_) : (*encoder_)(Variable(input.values));
  state.layers.resize(blocks_.size());
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    Variable mixed = blocks_[i]->mixer->forward(blocks_[i]->norm(x), state.layers[i], input.lengths, mode);
    if (mode.training && dropout_ > 0) mixed = dropout(mixed, dropout_, mode.key + i);
    x = add(x, mixed);
  }
  x = (*norm_)(x);
  if (shape_.pooled) x = mean_pool(x, input.lengths);
  return head_ ? (*head_)(x) : linear(x, embedding_, head_bias_);
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
