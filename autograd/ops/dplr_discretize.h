#pragma once
// S4's diagonal-plus-low-rank matrix in bilinear form.

#include "autograd/ops/ssm_scan.h"
#include "core/kernels/dplr.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct DplrDiscretize {
  enum : std::size_t { log_dt, a_log_real, a_imag, p, b };
  static constexpr OpSchema schema{.name = "dplr_discretize",
                                   .inputs = {"log_dt", "a_log_real", "a_imag", "p", "b"},
                                   .outputs = {"a_bar", "b_bar", "q", "r"},
                                   .keeps = {log_dt, a_log_real, a_imag, p, b}};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(a_log_real, 2, "[H, N]");
    const Index heads = in[a_log_real].dim(0), states = in[a_log_real].dim(1);
    const Shape pairs{heads, states, 2};
    in.require_shape(log_dt, Shape{heads});
    in.require_shape(a_imag, in[a_log_real].shape());
    in.require_shape(p, pairs);
    in.require_shape(b, pairs);
    return {pairs, pairs, pairs, pairs};
  }
  void forward(const Operands& v) const {
    const Shape& shape = v.in[a_log_real].shape();
    kernels::dplr_discretize(shape[0], shape[1], v.in[log_dt].data(), v.in[a_log_real].data(), v.in[a_imag].data(),
                             v.in[p].data(), v.in[b].data(), v.out[0].data(), v.out[1].data(), v.out[2].data(),
                             v.out[3].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.in[a_log_real].shape();
    kernels::dplr_discretize_backward(shape[0], shape[1], v.in[log_dt].data(), v.in[a_log_real].data(),
                                      v.in[a_imag].data(), v.in[p].data(), v.in[b].data(), dy[0].data(), dy[1].data(),
                                      dy[2].data(), dy[3].data(), into[log_dt], into[a_log_real], into[a_imag], into[p],
                                      into[b]);
  }
};

}  // namespace ops

/// log_dt [H], a_log_real and a_imag [H, N], p and b [H, N, 2] -> the coefficients of ssm_scan
inline SsmCoefficients dplr_discretize(const Variable& log_dt, const Variable& a_log_real, const Variable& a_imag,
                                       const Variable& p, const Variable& b) {
  const std::vector<Variable> out = apply(ops::DplrDiscretize{}, {log_dt, a_log_real, a_imag, p, b});
  return {out[0], out[1], p, out[2], out[3]};
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
