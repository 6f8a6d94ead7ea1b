#pragma once
// Mean squared error of two tensors of equal shape: a scalar.

#include "autograd/tape.h"
#include "core/kernels/loss.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct MseLoss {
  enum : std::size_t { x, target };
  static constexpr OpSchema schema{
      .name = "mse_loss", .inputs = {"x", "target"}, .outputs = {"loss"}, .keeps = {x, target}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_same();
    return {Shape{}};
  }
  void forward(const Operands& v) const {
    const Index n = v.in[x].size();
    v.out[0].data()[0] = static_cast<Real>(kernels::loss->squared_error(n, v.in[x].data(), v.in[target].data()) /
                                           static_cast<double>(n));
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Index n = v.in[x].size();
    const Real scale = dy[0].data()[0] / static_cast<Real>(n);
    for (std::size_t i = 0; i < 2; ++i)
      if (into.wanted(i)) kernels::loss->squared_error_backward(n, scale, v.in[i].data(), v.in[1 - i].data(), into[i]);
  }
};

}  // namespace ops

inline Variable mse_loss(const Variable& x, const Variable& target) { return apply(ops::MseLoss{}, {x, target})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
