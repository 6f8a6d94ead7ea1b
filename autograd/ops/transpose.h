#pragma once
// [..., m, n] -> [..., n, m]

#include "autograd/tape.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Transpose {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "transpose", .inputs = {"x"}, .outputs = {"y"}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(x, 2);
    const Shape& shape = in[x].shape();
    Shape turned(shape.begin(), shape.end() - 2);
    turned.push_back(shape.back());
    turned.push_back(shape[shape.rank() - 2]);
    return {turned};
  }
  void forward(const Operands& v) const {
    each(v, [from = v.in[x].data(), y = v.out[0].data()](Index at, Index turned) { y[turned] = from[at]; });
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    each(v, [from = dy[0].data(), dx = into[x]](Index at, Index turned) { dx[at] += from[turned]; });
  }

 private:
  /// Calls body(i, j) for each element i of x, which is element j of y.
  template <class Body>
  static void each(const Operands& v, const Body& body) {
    const Shape& shape = v.in[x].shape();
    const Index m = shape[shape.rank() - 2], n = shape.back(), size = m * n;
    for (Index first = 0; first < shape.size(); first += size)
      for (Index i = 0; i < m; ++i)
        for (Index j = 0; j < n; ++j) body(first + i * n + j, first + j * m + i);
  }
};

}  // namespace ops

/// The last two axes exchanged.
inline Variable transpose(const Variable& x) { return apply(ops::Transpose{}, {x})[0]; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
