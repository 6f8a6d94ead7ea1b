#include "models/sequence_model.h"

#include <algorithm>

#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {

void ModelConfig::skeleton(Fields& f) {
  f("d_model", d_model, "width of the residual stream", positive_up_to(1e6));
  Constraint layer_rule = positive_up_to(4096);
  layer_rule.choices = mixers().names();
  f("layers", layers, "number of blocks, or the mixer of each: [\"mamba\", \"mamba\", \"transformer\"]", layer_rule);
  f.named("stem", "what makes steps of the blocks of those of the input, where these are numbers",
          seqtape::named(stems(), stem_name, stem));
  f("norm", norm, "normalisation of each block and before the head", one_of({"rms_norm", "layer_norm"}));
  f("norm_place", norm_place, "pre: x + mixer(norm(x)); post: norm(x + mixer(x))", one_of({"pre", "post"}));
  f("norm_eps", norm_eps, "added under the norm's root", positive());
  f("dropout", dropout, "share of each mixer's outputs dropped in training", below_one());
  f("residual_scale", residual_scale, "factor on each mixer's output", positive());
  f("pooling", pooling, "of one answer a sequence", one_of({"mean", "last", "first"}));
  f("tie_embeddings", tie_embeddings, "the head uses the embedding's weight");
  f("head_bias", head_bias, "bias of the head");
  f("embedding_std", embedding_std, "the embedding starts as N(0, this)", positive());
}

void ModelConfig::fields(Fields& f) {
  skeleton(f);
  mixer->fields(f);
  for (const std::string& kind : layers.names) {
    if (kind == name) continue;
    auto& other = others[kind];
    if (!other) other = mixers().find(kind)->make();
    f.group(kind.c_str(), "settings of this kind of layer", [&](Fields& nested) { other->fields(nested); });
  }
}

const MixerKind& ModelConfig::kind_of(Index i) const {
  if (layers.names.empty()) return *mixer;
  const std::string& kind = layers.names[static_cast<std::size_t>(i)];
  return kind == name ? *mixer : *others.at(kind);
}

Named ModelConfig::named() {
  Named choice = seqtape::named(mixers(), name, mixer);
  choice.fields = [this](Fields& f) { fields(f); };
  return choice;
}

ModelInput random_input(const SequenceShape& shape, Index batch, Index length, const char* stream) {
  Random random(1, stream);
  ModelInput input;
  if (shape.vocabulary) {
    input.tokens = IndexTensor(Shape{batch, length});
    for (Index i = 0; i < batch * length; ++i)
      input.tokens.data()[i] = static_cast<std::int32_t>(random.below(shape.vocabulary));
  } else {
    input.values = Tensor(Shape{batch, length, shape.features});
    for (Index i = 0; i < input.values.size(); ++i) input.values.data()[i] = static_cast<Real>(random.normal());
  }
  return input;
}

void ModelState::detach() {
  for (State& state : layers)
    for (Variable& variable : state) variable = variable.detach();
}

SequenceModel::Block::Block(const ModelConfig& config, const MixerKind& kind)
    : norm(config.norm, config.d_model, config.norm_eps), mixer(kind.build({config.d_model, config.layers.count})) {
  const Index d = config.d_model, width = kind.mlp * d;
  const bool gated = kind.mlp_kind == "gated";
  part("norm", norm);
  part("mixer", *mixer);
  if (width == 0) return;
  mlp_norm = std::make_unique<Norm>(config.norm, d, config.norm_eps);
  mlp_in = std::make_unique<Linear>(d, width, !gated);
  mlp_out = std::make_unique<Linear>(width, d, !gated);
  part("mlp_norm", *mlp_norm);
  if (gated) {
    mlp_gate = std::make_unique<Linear>(d, width, false);
    part("mlp_gate", *mlp_gate);
  }
  part("mlp_in", *mlp_in);
  part("mlp_out", *mlp_out);
}

Variable SequenceModel::Block::mlp(const Variable& x) const {
  const Variable hidden = (*mlp_in)(x);
  return (*mlp_out)(mlp_gate ? multiply(silu((*mlp_gate)(x)), hidden) : gelu(hidden));
}

SequenceModel::SequenceModel(const ModelConfig& config, const SequenceShape& shape)
    : shape_(shape),
      d_model_(config.d_model),
      dropout_(config.dropout),
      residual_scale_(config.residual_scale),
      post_norm_(config.norm_place == "post"),
      pooling_(config.pooling) {
  const Index d = config.d_model;
  stem_ = std::make_unique<Stem>(*config.stem, shape);
  if (shape.vocabulary) {
    embedding_ = parameter("embedding.weight", {shape.vocabulary, d}, init::normal(config.embedding_std));
  } else {
    part("stem", *stem_);
    encoder_ = std::make_unique<Linear>(stem_->width(), d, true);
    part("encoder", *encoder_);
  }
  for (Index i = 0; i < config.layers.count; ++i) {
    blocks_.push_back(std::make_unique<Block>(config, config.kind_of(i)));
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

bool SequenceModel::streams() const {
  return std::all_of(blocks_.begin(), blocks_.end(), [](const auto& block) { return block->mixer->streams(); });
}

Index SequenceModel::longest() const {
  Index least = std::numeric_limits<Index>::max();
  for (const auto& block : blocks_) least = std::min(least, block->mixer->longest());
  return least > std::numeric_limits<Index>::max() / stride() ? least : (least + 1) * stride() - 1;
}

bool SequenceModel::bounded_state() const {
  return std::all_of(blocks_.begin(), blocks_.end(), [](const auto& block) { return block->mixer->bounded_state(); });
}

template <class Branch>
Variable SequenceModel::residual(const Variable& x, const Norm& norm, std::uint64_t place, const RunMode& mode,
                                 const Branch& branch) const {
  Variable out = branch(post_norm_ ? x : norm(x));
  if (mode.training && dropout_ > 0) {
    DropoutKey key = mode.dropout;
    key.key += place;
    out = dropout(out, dropout_, key);
  }
  out = add(x, scale(out, residual_scale_));
  return post_norm_ ? norm(out) : out;
}

Variable SequenceModel::forward(const ModelInput& input, ModelState& state, const RunMode& mode) {
  IndexTensor lengths = input.lengths;
  const Variable x = features(input, lengths, state, mode);
  return head(shape_.pooled ? pool(x, lengths, state, mode) : x);
}

Variable SequenceModel::head(const Variable& x) const {
  return head_ ? (*head_)(x) : linear(x, embedding_, head_bias_);
}

Variable SequenceModel::features(const ModelInput& input, ModelState& state, const RunMode& mode) {
  IndexTensor lengths = input.lengths;
  return features(input, lengths, state, mode);
}

Variable SequenceModel::features(const ModelInput& input, IndexTensor& lengths, ModelState& state,
                                 const RunMode& mode) {
  Variable x;
  if (embedding_.defined()) {
    x = embedding(input.tokens, embedding_);
  } else {
    x = (*stem_)(Variable(input.values), input.kept, state.stem, lengths);
    if (x.dim(1) == 0) return Variable(Tensor(Shape{x.dim(0), 0, d_model_}));  // no step is whole yet
    x = (*encoder_)(x);
  }
  if (mode.probe) x = mode.probe->input = Variable(x.value(), true);
  state.layers.resize(blocks_.size());
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = *blocks_[i];
    if (mode.probe) mode.probe->layer = static_cast<Index>(i);
    x = residual(x, block.norm, 2 * i, mode,
                 [&](const Variable& in) { return block.mixer->forward(in, state.layers[i], lengths, mode); });
    if (block.mlp_in)
      x = residual(x, *block.mlp_norm, 2 * i + 1, mode, [&](const Variable& in) { return block.mlp(in); });
  }
  return (*norm_)(x);
}

Variable SequenceModel::pool(const Variable& x, const IndexTensor& lengths, ModelState& state,
                             const RunMode& mode) const {
  const Index batch = x.dim(0), d = x.dim(2);
  const auto steps_in = [&](Index b) { return static_cast<double>(lengths.defined() ? lengths.data()[b] : x.dim(1)); };
  Variable here;
  if (x.dim(1) == 0)
    here = Variable(Tensor::zeros(Shape{batch, d}));
  else if (pooling_ == "mean")
    here = mean_pool(x, lengths);
  else if (pooling_ == "last")
    here = last_step(x, lengths);
  else
    here = last_step(x, IndexTensor::full(Shape{batch}, 1));
  if (!mode.carry && !state.pooled.defined()) return here;
  // A running sum, or the first or last step: constants, for sequences that are too long for one chunk.
  if (!state.pooled.defined()) {
    state.pooled = Tensor::zeros(Shape{batch, d});
    state.steps.assign(static_cast<std::size_t>(batch), 0);
  }
  Tensor answer(here.shape());
  for (Index b = 0; b < batch; ++b) {
    double& steps = state.steps[static_cast<std::size_t>(b)];
    const double added = steps_in(b);
    Real *const kept = state.pooled.data() + b * d, *const now = answer.data() + b * d;
    for (Index i = 0; i < d; ++i) {
      const Real value = here.data()[b * d + i];
      if (pooling_ == "mean") {
        kept[i] += value * static_cast<Real>(added);
      } else if (added > 0 && (pooling_ == "last" || steps == 0)) {
        kept[i] = value;
      }
      const double count = pooling_ == "mean" ? std::max(1.0, steps + added) : 1;
      now[i] = kept[i] / static_cast<Real>(count);
    }
    steps += added;
  }
  return Variable(answer);
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
