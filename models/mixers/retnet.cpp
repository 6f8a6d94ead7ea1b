#include <cmath>

#include "models/mixers/gated_heads.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// Retention (Sun et al. 2023, arXiv 2307.08621): linear attention whose decay is fixed, 1 - 2^(-5-h) for head h, with
/// rotary positions on q and k:
///   S = decay S + k v^T;   y = S^T q / sqrt(K);   out = W_o (RMSNorm(y) silu(W_g x))
/// Deviation: the paper's normalisation of scores cancels in the norm of each head.
struct RetNetKind final : MixerKind {
  HeadSettings heads;
  double rotary_base = 10000;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

class RetNet final : public GatedHeads {
 public:
  RetNet(const HeadSettings& heads, double rotary_base, Index width)
      : GatedHeads(heads, width),
        base_(rotary_base),
        q_(width, heads.heads * heads.key_dim, false),
        k_(width, heads.heads * heads.key_dim, false),
        v_(width, heads.heads * heads.value_dim, false) {
    part("q_proj", q_);
    part("k_proj", k_);
    part("v_proj", v_);
  }

  /// The state is {the number of steps so far [B], S [B, H, K, V]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode&) override {
    state.resize(2);
    const RotaryScanResult turned = rotary_scan(split_keys(q_(x)), split_keys(k_(x)), state[0], base_, lengths);
    Tensor g(Shape{heads_.heads});
    for (Index h = 0; h < g.size(); ++h)
      g.data()[h] = static_cast<Real>(std::log1p(-std::exp2(-5.0 - static_cast<double>(h))));
    MatrixRecurrenceArguments layer;
    layer.q = turned.q;
    layer.k = turned.k;
    layer.v = split_values(v_(x));
    layer.g = Variable(g);
    layer.s0 = state[1];
    layer.scale = query_scale();
    layer.lengths = lengths;
    const ScanResult s = matrix_recurrence(layer);
    state = {turned.end, s.state};
    return read_out(s.y, x);
  }

 private:
  double base_;
  Linear q_, k_, v_;
};

}  // namespace

void RetNetKind::own_fields(Fields& f) {
  heads.fields(f, "channels of a head's keys (K); 0: d_model / heads",
               "channels of a head's values (V); 0: 2 d_model / heads");
  f("rotary_base", rotary_base, "wavelengths of rotary positions", positive());
}

std::unique_ptr<Mixer> RetNetKind::build(const MixerPlace& place) const {
  return std::make_unique<RetNet>(heads.within(place.d_model, 1, 2), rotary_base, place.d_model);
}

std::unique_ptr<MixerKind> make_retnet() { return std::make_unique<RetNetKind>(); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
