#include "models/stem.h"

#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

constexpr double kMostSteps = 1 << 16;

struct NoStem final : StemKind {
  void fields(Fields&) override {}
};

/// Patches of a series, as in PatchTST (Nie et al. 2023, arXiv 2211.14730): the encoder maps each to d_model.
struct PatchStem final : StemKind {
  PatchStem() { size = 16; }
  void fields(Fields& f) override {
    f("size", size, "steps of a patch, which becomes one step of the blocks", positive_up_to(kMostSteps));
    f("stride", stride, "steps from patch to patch; 0: its size", between(0, kMostSteps));
  }
};

/// A causal convolution over time that mixes the channels, and GELU.
struct ConvStem final : StemKind {
  ConvStem() { size = 16, stride = 8, channels = 64; }
  void fields(Fields& f) override {
    f("kernel", size, "steps that one of the blocks' is made of", positive_up_to(kMostSteps));
    f("stride", stride, "steps from one to the next; 0: the kernel's", between(0, kMostSteps));
    f("channels", channels, "outputs of the convolution, before the encoder", positive_up_to(1e6));
  }
};

}  // namespace

const Registry<StemKind>& stems() {
  static const Registry<StemKind> registry{{
      {"none", "each step of the input is one of the blocks'", [] { return std::make_unique<NoStem>(); }},
      {"patch", "patches of steps, mapped linearly", [] { return std::make_unique<PatchStem>(); }},
      {"conv", "a causal convolution with a stride, and GELU", [] { return std::make_unique<ConvStem>(); }},
  }};
  return registry;
}

Stem::Stem(const StemKind& kind, const SequenceShape& shape) : bands_(shape.bands) {
  if (bands_.window) samples_ = {bands_.window, bands_.hop};
  steps_ = {kind.size, kind.stride ? kind.stride : kind.size};
  width_ = steps_.size * (bands_.window ? bands_.bands : shape.features);
  if (shape.vocabulary && (kind.size > 1 || kind.channels))
    throw ConfigError("model.stem: is for tasks whose inputs are numbers; the inputs of this one are tokens");
  if (steps_.stride > steps_.size)
    throw ConfigError(str("model.stem.stride: must be at most ", steps_.size,
                          ", the steps that are put together, or some would not be read; got ", steps_.stride));
  if (steps_.stride > 1 && !shape.pooled)
    throw ConfigError(str("model.stem: makes one step of ", steps_.stride,
                          ", and the task asks for an answer at every step; a conv of stride 1 leaves them all"));
  if (!kind.channels) return;
  conv_ = std::make_unique<Linear>(width_, kind.channels, true);
  part("conv", *conv_);
  width_ = kind.channels;
}

Index Stem::stride() const { return samples_.stride * steps_.stride; }

Variable Stem::Framing::operator()(const Variable& x, Variable& state, IndexTensor& lengths) const {
  if (size == 1) return x;
  const Index since = state.defined() ? state.dim(1) - (size - stride) : 0;  // steps since the last frame
  const ScanResult out = frames(x, size, stride, state);
  state = out.state;
  if (lengths.defined()) {
    IndexTensor counts(lengths.shape());
    for (Index b = 0; b < counts.size(); ++b)
      counts.data()[b] = static_cast<std::int32_t>((since + lengths.data()[b]) / stride);
    lengths = counts;
  }
  return out.y;
}

Variable Stem::operator()(const Variable& values, const Tensor& kept, State& state, IndexTensor& lengths) const {
  state.resize(2);
  Variable x = samples_(values, state[0], lengths);
  if (bands_.window && x.dim(1) > 0) x = log_mel(x, bands_);
  if (bands_.window && x.dim(1) == 0) x = Variable(Tensor(Shape{x.dim(0), 0, bands_.bands}));
  if (kept.defined() && kept.size() > 0) x = multiply(x, Variable(kept));
  x = steps_(x, state[1], lengths);
  return conv_ && x.dim(1) > 0 ? gelu((*conv_)(x)) : x;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
