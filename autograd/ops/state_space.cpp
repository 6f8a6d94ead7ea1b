#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"
#include "core/kernels/dplr.h"
#include "core/kernels/long_conv.h"
#include "core/kernels/ssm_scan.h"

namespace seqtape::inline SEQTAPE_PRECISION {

std::vector<Variable> ssm_discretize(Discretization method, const Variable& log_dt, const Variable& a_log_real,
                                     const Variable& a_imag, const Variable& b) {
  require_rank("ssm_discretize", "a_log_real", a_log_real, 2, "[H, N]");
  const Index heads = a_log_real.dim(0), states = a_log_real.dim(1);
  const Shape pairs{heads, states, 2};
  require_shape("ssm_discretize", "log_dt", log_dt, Shape{heads});
  require_shape("ssm_discretize", "a_imag", a_imag, a_log_real.shape());
  require_shape("ssm_discretize", "b", b, pairs);
  Tensor a_bar(pairs), b_bar(pairs);
  compute([=, log_dt = log_dt.data(), re = a_log_real.data(), im = a_imag.data(), b = b.data(), a_bar = a_bar.data(),
           b_bar = b_bar.data()] { kernels::discretize(method, heads, states, log_dt, re, im, b, a_bar, b_bar); });
  return record("ssm_discretize", {log_dt, a_log_real, a_imag, b}, {a_bar, b_bar},
                [=, log_dt = log_dt.value(), re = a_log_real.value(), im = a_imag.value(), b = b.value()](
                    const std::vector<Tensor>& dy, Gradients& into) {
                  kernels::discretize_backward(method, heads, states, log_dt.data(), re.data(), im.data(), b.data(),
                                               data_or_null(dy[0]), data_or_null(dy[1]), into[0], into[1], into[2],
                                               into[3]);
                });
}

SsmCoefficients dplr_discretize(const Variable& log_dt, const Variable& a_log_real, const Variable& a_imag,
                                const Variable& p, const Variable& b) {
  constexpr const char* kOp = "dplr_discretize";
  require_rank(kOp, "a_log_real", a_log_real, 2, "[H, N]");
  const Index heads = a_log_real.dim(0), states = a_log_real.dim(1);
  const Shape pairs{heads, states, 2};
  require_shape(kOp, "log_dt", log_dt, Shape{heads});
  require_shape(kOp, "a_imag", a_imag, a_log_real.shape());
  require_shape(kOp, "p", p, pairs);
  require_shape(kOp, "b", b, pairs);
  Tensor a_bar(pairs), b_bar(pairs), q(pairs), r(pairs);
  compute([=, log_dt = log_dt.data(), re = a_log_real.data(), im = a_imag.data(), p = p.data(), b = b.data(),
           a_bar = a_bar.data(), b_bar = b_bar.data(), q = q.data(),
           r = r.data()] { kernels::dplr_discretize(heads, states, log_dt, re, im, p, b, a_bar, b_bar, q, r); });
  const auto out =
      record(kOp, {log_dt, a_log_real, a_imag, p, b}, {a_bar, b_bar, q, r},
             [=, log_dt = log_dt.value(), re = a_log_real.value(), im = a_imag.value(), p = p.value(), b = b.value()](
                 const std::vector<Tensor>& dy, Gradients& into) {
               kernels::dplr_discretize_backward(heads, states, log_dt.data(), re.data(), im.data(), p.data(), b.data(),
                                                 data_or_null(dy[0]), data_or_null(dy[1]), data_or_null(dy[2]),
                                                 data_or_null(dy[3]), into[0], into[1], into[2], into[3], into[4]);
             });
  return {out[0], out[1], p, out[2], out[3]};
}

Carried ssm_scan(const Variable& u, const SsmCoefficients& k, const Variable& c, const Variable& s0,
                 const IndexTensor& lengths) {
  constexpr const char* kOp = "ssm_scan";
  require_rank(kOp, "u", u, 3, "[B, L, H]");
  require_rank(kOp, "a", k.a, 3, "[H, N, 2]");
  const Index batch = u.dim(0), length = u.dim(1), heads = u.dim(2), states = k.a.dim(1);
  const Shape pairs{heads, states, 2}, state_shape{batch, heads, states, 2};
  for (const Variable& coefficient : {k.a, k.b, c}) require_shape(kOp, "a coefficient", coefficient, pairs);
  for (const Variable& coefficient : {k.p, k.q, k.r}) require_shape_if(kOp, "a coefficient", coefficient, pairs);
  require_shape_if(kOp, "s0", s0, state_shape);
  require_lengths(kOp, lengths, batch, length);
  const bool low_rank = k.p.defined();
  const auto sizes = [=] { return kernels::SsmSizes{batch, length, heads, states, low_rank, data_or_null(lengths)}; };
  const auto pointers = [](const std::vector<Tensor>& v) {
    return kernels::SsmInputs{v[0].data(),        v[1].data(),        v[2].data(),        v[3].data(),
                              data_or_null(v[4]), data_or_null(v[5]), data_or_null(v[6]), data_or_null(v[7])};
  };
  const std::vector<Tensor> inputs{u.value(),   k.a.value(), k.b.value(), c.value(),
                                   k.p.value(), k.q.value(), k.r.value(), s0.value()};
  Tensor y = Tensor::like(u.value()), s_last(state_shape), saved;
  if (Tape::current()) saved = Tensor(Shape{kernels::ssm_scan->saved_size(sizes())});
  compute([=, in = pointers(inputs), out = kernels::SsmOutputs{y.data(), s_last.data()}] {
    kernels::ssm_scan->forward(sizes(), in, saved.data(), out);
  });
  const auto out = record(
      kOp, {u, k.a, k.b, c, k.p, k.q, k.r, s0}, {y, s_last}, [=](const std::vector<Tensor>& dy, Gradients& into) {
        kernels::ssm_scan->backward(sizes(), pointers(inputs), saved.data(), {data_or_null(dy[0]), data_or_null(dy[1])},
                                    {into[0], into[1], into[2], into[3], into[4], into[5], into[6], into[7]});
      });
  return {out[0], out[1]};
}

Variable ssm_kernel(const SsmCoefficients& k, const Variable& c, Index length) {
  const Index heads = c.dim(0);
  Tensor impulse = Tensor::zeros(Shape{1, length, heads});
  std::fill_n(impulse.data(), length ? heads : 0, Real{1});
  return reshape(ssm_scan(Variable(impulse), k, c).y, Shape{length, heads});
}

Variable long_conv(const Variable& u, const Variable& k, const Variable& skip) {
  require_rank("long_conv", "u", u, 3, "[B, L, H]");
  const Index batch = u.dim(0), length = u.dim(1), heads = u.dim(2);
  require_shape("long_conv", "k", k, Shape{length, heads});
  require_shape_if("long_conv", "skip", skip, Shape{heads});
  Tensor y = Tensor::like(u.value());
  compute([=, u = u.data(), k = k.data(), skip = data_or_null(skip), y = y.data()] {
    kernels::long_conv->forward(batch, length, heads, u, k, skip, y);
  });
  return record("long_conv", {u, k, skip}, y,
                [=, u = u.value(), k = k.value(), skip = skip.value()](const Tensor& dy, Gradients& into) {
                  kernels::long_conv->backward(batch, length, heads, u.data(), k.data(), data_or_null(skip), dy.data(),
                                               into[0], into[1], into[2]);
                });
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
