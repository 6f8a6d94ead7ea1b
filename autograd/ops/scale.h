#pragma once
// factor * x

#include "autograd/tape.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Scale {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "scale", .inputs = {"x"}, .outputs = {"y"}};
  double factor;

  Shapes output_shapes(const Inputs& in) const { return {in[x].shape()}; }
  void forward(const Operands& v) const {
    const Real by = static_cast<Real>(factor), *const from = v.in[x].data();
    Real* const y = v.out[0].data();
    for (Index i = 0, n = v.in[x].size(); i < n; ++i) y[i] = by * from[i];
  }
  void backward(const Operands&, const OutputGrads& dy, Gradients& into) const {
    kernels::pointwise->accumulate(dy[0].size(), static_cast<Real>(factor), dy[0].data(), into[x]);
  }
};

}  // namespace ops

inline Variable scale(const Variable& x, double factor) { return factor == 1 ? x : apply(ops::Scale{factor}, {x})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
