#pragma once
// x weight^T + bias

#include <algorithm>

#include "autograd/tape.h"
#include "core/kernels/gemm.h"
#include "core/kernels/rows.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Linear {
  enum : std::size_t { x, weight, bias };
  static constexpr OpSchema schema{
      .name = "linear", .inputs = {"x", "weight", "bias?"}, .outputs = {"y"}, .keeps = {x, weight}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(weight, 2, "[out, in]");
    const Shape &rows = in[x].shape(), &matrix = in[weight].shape();
    if (rows.rank() == 0 || rows.back() != matrix[1]) in.fail(str("inner sizes differ: x ", rows, ", weight ", matrix));
    in.require_shape(bias, Shape{matrix[0]});
    return {rows.with_back(matrix[0])};
  }
  void forward(const Operands& v) const {
    const Index m = v.in[weight].dim(0), n = v.in[weight].dim(1), rows = row_count(v.in[x].shape());
    const Real* const offset = v.in[bias].data();
    Real* const y = v.out[0].data();
    if (offset)
      for (Index r = 0; r < rows; ++r) std::copy_n(offset, m, y + r * m);
    kernels::gemm(kernels::Transpose::no, kernels::Transpose::yes, rows, m, n, v.in[x].data(), n, v.in[weight].data(),
                  n, offset ? 1 : 0, y, m);
  }
  /// dx += dy W,  dW += dy^T x,  db += sum of dy's rows
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Index m = v.in[weight].dim(0), n = v.in[weight].dim(1), rows = row_count(v.in[x].shape());
    if (into.wanted(x)) {
      const auto dx = into.target(x);
      kernels::gemm(kernels::Transpose::no, kernels::Transpose::no, rows, n, m, dy[0].data(), m, v.in[weight].data(), n,
                    dx.beta, dx.data, n);
    }
    if (into.wanted(weight)) {
      const auto dw = into.target(weight);
      kernels::gemm(kernels::Transpose::yes, kernels::Transpose::no, m, n, rows, dy[0].data(), m, v.in[x].data(), n,
                    dw.beta, dw.data, n);
    }
    if (into.wanted(bias)) kernels::add_column_sums(rows, m, dy[0].data(), into[bias]);
  }
};

}  // namespace ops

/// x [..., in], weight [out, in], bias [out] or undefined -> [..., out]
inline Variable linear(const Variable& x, const Variable& weight, const Variable& bias = {}) {
  return apply(ops::Linear{}, {x, weight, bias})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
