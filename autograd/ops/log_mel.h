#pragma once
// Frames of samples in bands of the mel scale.

#include "autograd/tape.h"
#include "core/kernels/log_mel.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

/// y = log10(max(power of x's frames in the bands, 1e-10)): core/mel.h. `hop` is the frames' maker's.
struct LogMel {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "log_mel", .inputs = {"x"}, .outputs = {"y"}, .keeps = {x}};
  MelBands bands{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(x, 1);
    if (bands.window < 2 || bands.bands < 1) in.fail("needs a window of two samples or more, and a band");
    if (!(0 <= bands.low && bands.low < bands.high && bands.high <= bands.rate / 2))
      in.fail(str("frequencies must rise from 0 to half the rate, ", bands.rate / 2, ", got ", bands.low, " to ",
                  bands.high));
    in.require_shape(x, in[x].shape().with_back(bands.window));
    return {in[x].shape().with_back(bands.bands)};
  }
  void forward(const Operands& v) const {
    kernels::log_mel->forward(bands, row_count(v.in[x].shape()), v.in[x].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::log_mel->backward(bands, row_count(v.in[x].shape()), v.in[x].data(), dy[0].data(), into[x]);
  }
};

}  // namespace ops

/// x [..., window] -> [..., bands]
inline Variable log_mel(const Variable& x, const MelBands& bands) { return apply(ops::LogMel{bands}, {x})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
