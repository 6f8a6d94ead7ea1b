#pragma once
// [m, n] -> [n, m]

#include "autograd/tape.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Transpose {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "transpose", .inputs = {"x"}, .outputs = {"y"}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 2, "[m, n]");
    return {Shape{in[x].dim(1), in[x].dim(0)}};
  }
  void forward(const Operands& v) const {
    const Index m = v.in[x].dim(0), n = v.in[x].dim(1);
    const Real* const from = v.in[x].data();
    Real* const y = v.out[0].data();
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) y[j * m + i] = from[i * n + j];
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Index m = v.in[x].dim(0), n = v.in[x].dim(1);
    Real* const dx = into[x];
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) dx[i * n + j] += dy[0].data()[j * m + i];
  }
};

}  // namespace ops

inline Variable transpose(const Variable& x) { return apply(ops::Transpose{}, {x})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
