#pragma once
// Discretisation of a diagonal state space model.

#include "autograd/tape.h"
#include "core/kernels/discretize.h"

namespace seqtape::inline SEQTAPE_PRECISION {
using kernels::Discretization;

namespace ops {

struct SsmDiscretize {
  enum : std::size_t { log_dt, a_log_real, a_imag, b };
  static constexpr OpSchema schema{.name = "ssm_discretize",
                                   .inputs = {"log_dt", "a_log_real", "a_imag", "b"},
                                   .outputs = {"a_bar", "b_bar"},
                                   .keeps = {log_dt, a_log_real, a_imag, b}};
  Discretization method;

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(a_log_real, 2, "[H, N]");
    const Index heads = in[a_log_real].dim(0), states = in[a_log_real].dim(1);
    const Shape pairs{heads, states, 2};
    in.require_shape(log_dt, Shape{heads});
    in.require_shape(a_imag, in[a_log_real].shape());
    in.require_shape(b, pairs);
    return {pairs, pairs};
  }
  void forward(const Operands& v) const {
    const Shape& shape = v.in[a_log_real].shape();
    kernels::discretize(method, shape[0], shape[1], v.in[log_dt].data(), v.in[a_log_real].data(), v.in[a_imag].data(),
                        v.in[b].data(), v.out[0].data(), v.out[1].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.in[a_log_real].shape();
    kernels::discretize_backward(method, shape[0], shape[1], v.in[log_dt].data(), v.in[a_log_real].data(),
                                 v.in[a_imag].data(), v.in[b].data(), dy[0].data(), dy[1].data(), into[log_dt],
                                 into[a_log_real], into[a_imag], into[b]);
  }
};

}  // namespace ops

/// log_dt [H], a_log_real and a_imag [H, N], b [H, N, 2] -> {a_bar, b_bar} [H, N, 2]
inline std::vector<Variable> ssm_discretize(Discretization method, const Variable& log_dt, const Variable& a_log_real,
                                            const Variable& a_imag, const Variable& b) {
  return apply(ops::SsmDiscretize{method}, {log_dt, a_log_real, a_imag, b});
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
