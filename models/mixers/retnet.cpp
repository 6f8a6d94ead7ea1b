#include <cmath>

#include "core/error.h"
#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// Retention (Sun et al. 2023, arXiv 2307.08621): linear attention whose decay is fixed, 1 - 2^(-5-h) for head h, with
/// rotary positions on q and k:
///   S = decay S + k v^T;   y = S^T q / sqrt(K);   out = W_o (RMSNorm(y) silu(W_g x))
/// Deviation: the paper's xPos factors and its normalisation of scores cancel in the norm of each head, up to rounding.
struct RetNetKind final : MixerKind {
  Index heads = 4, key_dim = 0, value_dim = 0;
  double rotary_base = 10000, norm_eps = 1e-5;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

class RetNet final : public Mixer {
 public:
  RetNet(const RetNetKind& kind, Index width, Index keys, Index values)
      : heads_(kind.heads),
        keys_(keys),
        base_(kind.rotary_base),
        q_(width, heads_ * keys, false),
        k_(width, heads_ * keys, false),
        v_(width, heads_ * values, false),
        gate_(width, heads_ * values, false),
        out_(heads_ * values, width, false),
        norm_(values, kind.norm_eps) {
    part("q_proj", q_);
    part("k_proj", k_);
    part("v_proj", v_);
    part("gate_proj", gate_);
    part("norm", norm_);
    part("out_proj", out_);
  }

  /// The state is {the number of steps so far [B], S [B, H, K, V]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode&) override {
    state.resize(2);
    const RotaryScanResult turned =
        rotary_scan(split_heads(q_(x), heads_), split_heads(k_(x), heads_), state[0], base_, lengths);
    Tensor g(Shape{heads_});
    for (Index h = 0; h < heads_; ++h)
      g.data()[h] = static_cast<Real>(std::log1p(-std::exp2(-5.0 - static_cast<double>(h))));
    MatrixRecurrenceArguments layer;
    layer.q = turned.q;
    layer.k = turned.k;
    layer.v = split_heads(v_(x), heads_);
    layer.g = Variable(g);
    layer.s0 = state[1];
    layer.scale = 1 / std::sqrt(static_cast<double>(keys_));
    layer.lengths = lengths;
    const ScanResult s = matrix_recurrence(layer);
    state = {turned.end, s.state};
    return out_(norm_(s.y, gate_(x)));
  }

 private:
  Index heads_, keys_;
  double base_;
  Linear q_, k_, v_, gate_, out_;
  GatedHeadNorm norm_;
};

}  // namespace

void RetNetKind::own_fields(Fields& f) {
  f("heads", heads, "heads, each with a decay of its own", positive_up_to(48));
  f("key_dim", key_dim, "channels of a head's keys (K); 0: d_model / heads", between(0, 1e6));
  f("value_dim", value_dim, "channels of a head's values (V); 0: 2 d_model / heads", between(0, 1e6));
  f("rotary_base", rotary_base, "wavelengths of rotary positions", positive());
  f("gate_norm_eps", norm_eps, "added under the root of the norm of each head", positive());
}

std::unique_ptr<Mixer> RetNetKind::build(const MixerPlace& place) const {
  if ((key_dim == 0 || value_dim == 0) && place.d_model % heads != 0)
    throw ConfigError(str("model.heads: must divide d_model ", place.d_model, ", got ", heads));
  const Index width = place.d_model / heads;
  return std::make_unique<RetNet>(*this, place.d_model, key_dim ? key_dim : width, value_dim ? value_dim : 2 * width);
}

std::unique_ptr<MixerKind> make_retnet() { return std::make_unique<RetNetKind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
