#include <cmath>

#include "core/error.h"
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// Pre-norm attention, followed by an MLP in the same block (Vaswani et al. 2017; GPT-2's order).
struct TransformerKind final : MixerKind {
  Index heads = 4, max_length = 4096;
  bool causal = true;
  std::string positions = "rotary";
  double rotary_base = 10000;

  TransformerKind() { mlp = 4; }
  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

class SelfAttention final : public Mixer {
 public:
  SelfAttention(const TransformerKind& kind, Index width)
      : kind_(kind), qkv_(width, 3 * width, false), out_(width, width, false) {
    part("qkv", qkv_);
    part("out", out_);
    if (kind.positions == "learned")
      positions_ = parameter("positions", {kind.max_length, width}, init::normal(0.02), {.weight_decay = false});
  }

  /// The state is {keys, values}, each [B, steps read, heads, dim]: the cache grows with the sequence.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) override {
    state.resize(2);
    const Index batch = x.dim(0), length = x.dim(1), width = x.dim(2);
    const Index before = state[0].defined() ? state[0].dim(1) : 0;
    if (!kind_.causal && before > 0)
      throw ConfigError("model.causal: attention to later steps needs whole sequences; it cannot stream or generate");
    const Shape heads{batch, length, kind_.heads, width / kind_.heads};
    const Variable input = positions_.defined() ? with_positions(x, before) : x;
    const auto project = [&](Index i) {
      return reshape(linear(input, slice_first(qkv_.weight, i * width, (i + 1) * width)), heads);
    };
    Variable q = project(0), k = project(1);
    if (kind_.positions == "rotary") {
      q = rotary(q, before, kind_.rotary_base);
      k = rotary(k, before, kind_.rotary_base);
    }
    // Padded keys are zeros in the cache: no query within a sequence attends to them.
    k = concat_time(state[0], zero_padding(k, lengths));
    const Variable v = concat_time(state[1], zero_padding(project(2), lengths));
    state = mode.carry ? State{k, v} : State{};
    const ops::Attention how{.causal = kind_.causal,
                             .alibi = kind_.positions == "alibi",
                             .scale = 1 / std::sqrt(static_cast<double>(heads.back())),
                             .lengths = lengths};
    if (mode.probe && mode.probe->attention) mode.probe->add("attention", weights(q, k, how));
    return out_(reshape(attention(q, k, v, how), x.shape()));
  }

  bool streams() const override { return kind_.causal; }
  bool bounded_state() const override { return false; }
  Index longest() const override { return kind_.positions == "learned" ? kind_.max_length : Mixer::longest(); }

 private:
  /// [B, heads, L, keys]: the output of attention for values that are unit vectors, head-width many keys at a time.
  static Tensor weights(const Variable& q, const Variable& k, const ops::Attention& how) {
    const Index batch = q.dim(0), length = q.dim(1), heads = q.dim(2), width = q.dim(3), keys = k.dim(1);
    Tensor map(Shape{batch, heads, length, keys});
    for (Index first = 0; first < keys; first += width) {
      const Index here = std::min(width, keys - first);
      Tensor units = Tensor::zeros(k.shape());
      for (Index b = 0; b < batch; ++b)
        for (Index i = 0; i < here; ++i)
          for (Index h = 0; h < heads; ++h) units.data()[((b * keys + first + i) * heads + h) * width + i] = 1;
      const Variable answer = attention(q.detach(), k.detach(), Variable(units), how);
      for (Index b = 0; b < batch; ++b)
        for (Index t = 0; t < length; ++t)
          for (Index h = 0; h < heads; ++h)
            for (Index i = 0; i < here; ++i)
              map.data()[((b * heads + h) * length + t) * keys + first + i] =
                  answer.data()[((b * length + t) * heads + h) * width + i];
    }
    return map;
  }
  Variable with_positions(const Variable& x, Index before) const {
    const Index batch = x.dim(0), length = x.dim(1);
    if (before + length > kind_.max_length)
      throw ConfigError(
          str("model.max_length: learned positions end at ", kind_.max_length, ", the sequence has ", before + length));
    IndexTensor ids(Shape{batch, length});
    for (Index i = 0; i < ids.size(); ++i) ids.data()[i] = static_cast<std::int32_t>(before + i % length);
    return add(x, embedding(ids, positions_));
  }

  TransformerKind kind_;
  Linear qkv_, out_;
  Weight positions_;
};

}  // namespace

void TransformerKind::own_fields(Fields& f) {
  f("heads", heads, "attention heads; divides d_model", positive_up_to(4096));
  f("causal", causal, "a step sees itself and what is before it");
  f("positions", positions, "how steps know where they are", one_of({"rotary", "alibi", "learned", "none"}));
  f("rotary_base", rotary_base, "wavelengths of rotary positions", positive());
  f("max_length", max_length, "longest sequence of learned positions", positive_up_to(1e9));
}

std::unique_ptr<Mixer> TransformerKind::build(const MixerPlace& place) const {
  if (place.d_model % heads != 0)
    throw ConfigError(str("model.heads: must divide d_model ", place.d_model, ", got ", heads));
  if (positions == "rotary" && place.d_model / heads % 2 != 0)
    throw ConfigError(
        str("model.heads: rotary positions need an even width of each head, got ", place.d_model, "/", heads));
  return std::make_unique<SelfAttention>(*this, place.d_model);
}

std::unique_ptr<MixerKind> make_transformer() { return std::make_unique<TransformerKind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
