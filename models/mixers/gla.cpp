#include <cmath>

#include "core/error.h"
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// Gated linear attention (Yang et al. 2023, arXiv 2312.06635). Per head:
///   g = log sigmoid(W_2 W_1 x + b) / 16   for each channel of a key
///   S = diag(e^g) S + k v^T;   y = S^T q / sqrt(K);   out = W_o (RMSNorm(y) silu(W_g x))
/// decay "head": one number a head, from one projection. "none": linear attention (Katharopoulos et al. 2020, arXiv
/// 2006.16236) without its normaliser; the norm of each head takes its place.
struct GlaKind final : MixerKind {
  Index heads = 4, key_dim = 0, value_dim = 0, rank = 16;
  std::string decay = "channel";
  double norm_eps = 1e-5;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

class Gla final : public Mixer {
 public:
  Gla(const GlaKind& kind, Index width, Index keys, Index values)
      : heads_(kind.heads),
        keys_(keys),
        channels_(kind.decay == "channel"),
        q_(width, heads_ * keys, false),
        k_(width, heads_ * keys, false),
        v_(width, heads_ * values, false),
        gate_(width, heads_ * values, false),
        out_(heads_ * values, width, false),
        norm_(values, kind.norm_eps) {
    part("q_proj", q_);
    part("k_proj", k_);
    part("v_proj", v_);
    if (kind.decay != "none") {
      if (channels_) {
        rank_ = std::make_unique<Linear>(width, kind.rank, false);
        part("decay_rank", *rank_);
      }
      decay_ = std::make_unique<Linear>(channels_ ? kind.rank : width, heads_ * (channels_ ? keys : 1), true);
      part("decay_proj", *decay_);
    }
    part("gate_proj", gate_);
    part("norm", norm_);
    part("out_proj", out_);
  }

  /// The state is {S [B, H, K, V]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode& mode) override {
    state.resize(1);
    MatrixRecurrenceArguments layer;
    layer.q = split_heads(q_(x), heads_);
    layer.k = split_heads(k_(x), heads_);
    layer.v = split_heads(v_(x), heads_);
    if (decay_) {
      // log sigmoid(z) = -softplus(-z)
      const Variable z = (*decay_)(rank_ ? (*rank_)(x) : x);
      layer.g = scale(softplus(scale(z, -1)), -1.0 / 16);
      if (channels_) layer.g = split_heads(layer.g, heads_);
      if (mode.probe) mode.probe->add("decay", activation(Activation::exp, layer.g.detach()).value());
    }
    layer.s0 = state[0];
    layer.scale = 1 / std::sqrt(static_cast<double>(keys_));
    layer.lengths = lengths;
    const ScanResult s = matrix_recurrence(layer);
    state[0] = s.state;
    return out_(norm_(s.y, gate_(x)));
  }

 private:
  Index heads_, keys_;
  bool channels_;
  Linear q_, k_, v_;
  std::unique_ptr<Linear> rank_, decay_;
  Linear gate_, out_;
  GatedHeadNorm norm_;
};

}  // namespace

void GlaKind::own_fields(Fields& f) {
  f("heads", heads, "heads, each with a state of its own", positive_up_to(4096));
  f("key_dim", key_dim, "channels of a head's keys (K); 0: d_model / heads / 2", between(0, 1e6));
  f("value_dim", value_dim, "channels of a head's values (V); 0: d_model / heads", between(0, 1e6));
  f("decay", decay, "of the state: one a channel of a key, one a head, or none (linear attention)",
    one_of({"channel", "head", "none"}));
  f("decay_rank", rank, "rank of the projection of a channel's decay", positive_up_to(1e6));
  f("gate_norm_eps", norm_eps, "added under the root of the norm of each head", positive());
}

std::unique_ptr<Mixer> GlaKind::build(const MixerPlace& place) const {
  const Index width = place.d_model / heads;
  if (value_dim == 0 && place.d_model % heads != 0)
    throw ConfigError(str("model.heads: must divide d_model ", place.d_model, ", got ", heads));
  if (key_dim == 0 && (place.d_model % heads != 0 || width % 2 != 0))
    throw ConfigError(str("model.key_dim: with heads ", heads, " and d_model ", place.d_model,
                          " half the width of a head is no whole number; give key_dim"));
  return std::make_unique<Gla>(*this, place.d_model, key_dim ? key_dim : width / 2, value_dim ? value_dim : width);
}

std::unique_ptr<MixerKind> make_gla() { return std::make_unique<GlaKind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
