#pragma once
// The mean of the steps of each sequence.

#include "autograd/tape.h"
#include "core/kernels/rows.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct MeanPool {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "mean_pool", .inputs = {"x"}, .outputs = {"y"}};
  IndexTensor lengths;

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, D]");
    in.require_lengths(lengths, in[x].dim(0), in[x].dim(1));
    return {Shape{in[x].dim(0), in[x].dim(2)}};
  }
  void forward(const Operands& v) const {
    const Shape& shape = v.in[x].shape();
    kernels::rows->mean_over_time(shape[0], shape[1], shape[2], lengths.data(), v.in[x].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.in[x].shape();
    kernels::rows->mean_over_time_backward(shape[0], shape[1], shape[2], lengths.data(), dy[0].data(), into[x]);
  }
};

}  // namespace ops

/// x [B, L, D] -> [B, D], over the first lengths[b] steps.
inline Variable mean_pool(const Variable& x, const IndexTensor& lengths = {}) {
  return apply(ops::MeanPool{lengths}, {x})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
