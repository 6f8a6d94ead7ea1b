#include "models/mixers/gated_heads.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// Gated linear attention (Yang et al. 2023, arXiv 2312.06635). Per head:
///   g = log sigmoid(W_2 W_1 x + b) / 16   for each channel of a key
///   S = diag(e^g) S + k v^T;   y = S^T q / sqrt(K);   out = W_o (RMSNorm(y) silu(W_g x))
/// decay "head": one number a head, from one projection. "none": linear attention (Katharopoulos et al. 2020, arXiv
/// 2006.16236) without its normaliser; the norm of each head takes its place.
struct GlaKind final : MixerKind {
  HeadSettings heads;
  Index rank = 16;
  std::string decay = "channel";

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

class Gla final : public GatedHeads {
 public:
  Gla(const GlaKind& kind, const HeadSettings& heads, Index width)
      : GatedHeads(heads, width),
        channels_(kind.decay == "channel"),
        q_(width, heads.heads * heads.key_dim, false),
        k_(width, heads.heads * heads.key_dim, false),
        v_(width, heads.heads * heads.value_dim, false) {
    part("q_proj", q_);
    part("k_proj", k_);
    part("v_proj", v_);
    if (kind.decay == "none") return;
    if (channels_) {
      rank_ = std::make_unique<Linear>(width, kind.rank, false);
      part("decay_rank", *rank_);
    }
    decay_ =
        std::make_unique<Linear>(channels_ ? kind.rank : width, heads.heads * (channels_ ? heads.key_dim : 1), true);
    part("decay_proj", *decay_);
  }

  /// The state is {S [B, H, K, V]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) override {
    state.resize(1);
    MatrixRecurrenceArguments layer;
    layer.q = split_keys(q_(x));
    layer.k = split_keys(k_(x));
    layer.v = split_values(v_(x));
    if (decay_) {
      // log sigmoid(z) = -softplus(-z)
      const Variable z = (*decay_)(rank_ ? (*rank_)(x) : x);
      layer.g = scale(softplus(scale(z, -1)), -1.0 / 16);
      if (channels_) layer.g = split_keys(layer.g);
      if (mode.probe) mode.probe->add("decay", activation(Activation::exp, layer.g.detach()).value());
    }
    layer.s0 = state[0];
    layer.scale = query_scale();
    layer.lengths = lengths;
    const ScanResult s = matrix_recurrence(layer);
    state[0] = s.state;
    return read_out(s.y, x);
  }

 private:
  bool channels_;
  Linear q_, k_, v_;
  std::unique_ptr<Linear> rank_, decay_;
};

}  // namespace

void GlaKind::own_fields(Fields& f) {
  heads.fields(f, "channels of a head's keys (K); 0: d_model / heads / 2",
               "channels of a head's values (V); 0: d_model / heads");
  f("decay", decay, "of the state: one a channel of a key, one a head, or none (linear attention)",
    one_of({"channel", "head", "none"}));
  f("decay_rank", rank, "rank of the projection of a channel's decay", positive_up_to(1e6));
}

std::unique_ptr<Mixer> GlaKind::build(const MixerPlace& place) const {
  return std::make_unique<Gla>(*this, heads.within(place.d_model, 0.5, 1), place.d_model);
}

std::unique_ptr<MixerKind> make_gla() { return std::make_unique<GlaKind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
