#pragma once
// Diagonal linear recurrences: coefficients that change with time, or constant complex ones.

#include "autograd/ops/scan_result.h"
#include "core/kernels/linear_scan.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

/// h[t] = a[t] h[t-1] + x[t]
struct DiagonalRecurrence {
  enum : std::size_t { a, x, h0 };
  static constexpr OpSchema schema{.name = "diagonal_recurrence",
                                   .inputs = {"a", "x", "h0?"},
                                   .outputs = {"y", "h_last"},
                                   .keeps = {a, h0},
                                   .keeps_outputs = {0},
                                   .states = {h0}};
  IndexTensor lengths{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, D]");
    in.require_shape(a, in[x].shape());
    const Shape state{in[x].dim(0), in[x].dim(2)};
    in.require_shape(h0, state);
    in.require_lengths(lengths, in[x].dim(0), in[x].dim(1));
    return {in[x].shape(), state};
  }
  void forward(const Operands& v) const {
    kernels::linear_scan->diagonal(sizes(v), v.in[a].data(), v.in[x].data(), v.in[h0].data(), v.out[0].data(),
                                   v.out[1].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::linear_scan->diagonal_backward(sizes(v), v.in[a].data(), v.in[h0].data(), v.out[0].data(), dy[0].data(),
                                            dy[1].data(), into[a], into[x], into[h0]);
  }

 private:
  kernels::LinearScanSizes sizes(const Operands& v) const {
    const Shape& shape = v.in[x].shape();
    return {shape[0], shape[1], shape[2], lengths.data()};
  }
};

/// The same with a constant complex a [2, D]: real parts, then imaginary ones.
struct ComplexDiagonalRecurrence {
  enum : std::size_t { a, x, h0 };
  static constexpr OpSchema schema{.name = "complex_diagonal_recurrence",
                                   .inputs = {"a", "x", "h0?"},
                                   .outputs = {"y", "h_last"},
                                   .keeps = {a, h0},
                                   .keeps_outputs = {0},
                                   .states = {h0}};
  IndexTensor lengths{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, 2 D]");
    in.require_shape(a, Shape{2, in[x].dim(2) / 2});
    const Shape state{in[x].dim(0), in[x].dim(2)};
    in.require_shape(h0, state);
    in.require_lengths(lengths, in[x].dim(0), in[x].dim(1));
    return {in[x].shape(), state};
  }
  void forward(const Operands& v) const {
    kernels::linear_scan->complex_diagonal(sizes(v), v.in[a].data(), v.in[x].data(), v.in[h0].data(), v.out[0].data(),
                                           v.out[1].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::linear_scan->complex_diagonal_backward(sizes(v), v.in[a].data(), v.in[h0].data(), v.out[0].data(),
                                                    dy[0].data(), dy[1].data(), into[a], into[x], into[h0]);
  }

 private:
  kernels::LinearScanSizes sizes(const Operands& v) const {
    const Shape& shape = v.in[x].shape();
    return {shape[0], shape[1], shape[2] / 2, lengths.data()};
  }
};

}  // namespace ops

/// a, x [B, L, D], h0 [B, D] or undefined (zeros) -> every h [B, L, D], and the last [B, D]
inline ScanResult diagonal_recurrence(const Variable& a, const Variable& x, const Variable& h0 = {},
                                      const IndexTensor& lengths = {}) {
  return ScanResult(apply(ops::DiagonalRecurrence{lengths}, {a, x, h0}));
}
/// a [2, D], x [B, L, 2 D], h0 [B, 2 D] or undefined (zeros), real parts, then imaginary ones -> h [B, L, 2 D], and the
/// last [B, 2 D]
inline ScanResult complex_diagonal_recurrence(const Variable& a, const Variable& x, const Variable& h0 = {},
                                              const IndexTensor& lengths = {}) {
  return ScanResult(apply(ops::ComplexDiagonalRecurrence{lengths}, {a, x, h0}));
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
