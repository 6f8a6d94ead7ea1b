#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// minGRU and minLSTM (Feng et al. 2024, arXiv 2410.01201): gates that depend on the input only, so a scan does it.
struct MinimalKind final : MixerKind {
  explicit MinimalKind(bool lstm_) : lstm(lstm_) {}
  bool lstm;
  Index expand = 2;

  void own_fields(Fields&) override;
  std::unique_ptr<Mixer> build(const MixerPlace&) const override;
};

/// With E = expand * d_model, k the gates' inputs and v the candidate, each E wide:
///   minGRU   keep = s(-k), take = s(k)                       (z and 1 - z of section 3.1.1)
///   minLSTM  keep = f/(f + i), take = i/(f + i)              (section 3.2; f, i = s(k_f), s(k_i))
///   h[t] = keep h[t-1] + take v
/// f/(f + i) = s(log f - log i), and log s(k) = -softplus(-k): no division, no overflow.
class Minimal final : public Mixer {
 public:
  Minimal(const MinimalKind& kind, Index width)
      : lstm_(kind.lstm),
        inner_(kind.expand * width),
        in_(width, (kind.lstm ? 3 : 2) * inner_, true),
        out_(inner_, width, false) {
    part("in_proj", in_);
    part("out_proj", out_);
  }

  /// The state is {h [B, E]}.
  Variable forward(const Variable& x, State& state, const IndexTensor& lengths, const RunMode&) override {
    state.resize(1);
    const auto project = [&](Index i) {
      return linear(x, slice_first(in_.weight, i * inner_, (i + 1) * inner_),
                    slice_first(in_.bias, i * inner_, (i + 1) * inner_));
    };
    Variable gate = project(0);  // take = s(gate)
    if (lstm_) gate = add(softplus(scale(gate, -1)), scale(softplus(scale(project(2), -1)), -1));
    const Variable take = activation(Activation::sigmoid, gate);
    const Variable keep = activation(Activation::sigmoid, scale(gate, -1));
    const ScanResult h = diagonal_recurrence(keep, multiply(take, project(1)), state[0], lengths);
    state[0] = h.state;
    return out_(h.y);
  }

 private:
  bool lstm_;
  Index inner_;
  Linear in_, out_;
};

}  // namespace

void MinimalKind::own_fields(Fields& f) { f("expand", expand, "inner channels for each of d_model", positive_up_to(64)); }

std::unique_ptr<Mixer> MinimalKind::build(const MixerPlace& place) const {
  return std::make_unique<Minimal>(*this, place.d_model);
}

std::unique_ptr<MixerKind> make_mingru() { return std::make_unique<MinimalKind>(false); }
std::unique_ptr<MixerKind> make_minlstm() { return std::make_unique<MinimalKind>(true); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
