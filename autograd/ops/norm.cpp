#include "core/kernels/norm.h"

#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"
#include "core/kernels/rows.h"

namespace seqtape::inline SEQTAPE_PRECISION {

Variable rms_norm(const Variable& x, const Variable& weight, double eps) {
  const Index n = x.shape().back(), count = row_count(x.shape());
  require_shape("rms_norm", "weight", weight, Shape{n});
  Tensor y = Tensor::like(x.value()), scale(Shape{count});
  compute([=, x = x.data(), weight = weight.data(), y = y.data()] {
    kernels::norm->rms(count, n, eps, x, weight, y, scale.data());
  });
  return record("rms_norm", {x, weight}, y,
                [count, n, x = x.value(), w = weight.value(), scale](const Tensor& dy, Gradients& into) {
                  kernels::norm->rms_backward(count, n, x.data(), w.data(), scale.data(), dy.data(), into[0], into[1]);
                },
                {{"eps", eps}});
}

Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps) {
  const Index n = x.shape().back(), count = row_count(x.shape());
  require_shape("layer_norm", "weight", weight, Shape{n});
  require_shape_if("layer_norm", "bias", bias, Shape{n});
  Tensor y = Tensor::like(x.value()), stats(Shape{count, 2});
  compute([=, x = x.data(), weight = weight.data(), bias = data_or_null(bias), y = y.data()] {
    kernels::norm->layer(count, n, eps, x, weight, bias, y, stats.data());
  });
  return record("layer_norm", {x, weight, bias}, y,
                [count, n, x = x.value(), w = weight.value(), stats](const Tensor& dy, Gradients& into) {
                  kernels::norm->layer_backward(count, n, x.data(), w.data(), stats.data(), dy.data(), into[0], into[1],
                                                into[2]);
                },
                {{"eps", eps}});
}

Variable softmax(const Variable& x) {
  const Index n = x.shape().back(), count = row_count(x.shape());
  Tensor y = Tensor::like(x.value());
  compute([=, x = x.data(), y = y.data()] { kernels::rows->softmax(count, n, x, y); });
  return record("softmax", {x}, y, [count, n, y](const Tensor& dy, Gradients& into) {
    kernels::rows->softmax_backward(count, n, y.data(), dy.data(), into[0]);
  });
}

Variable mean_pool(const Variable& x, const IndexTensor& lengths) {
  require_rank("mean_pool", "x", x, 3, "[B, L, D]");
  const Index batch = x.dim(0), length = x.dim(1), n = x.dim(2);
  require_lengths("mean_pool", lengths, batch, length);
  Tensor y(Shape{batch, n});
  compute([=, x = x.data(), y = y.data()] {
    kernels::rows->mean_over_time(batch, length, n, data_or_null(lengths), x, y);
  });
  return record("mean_pool", {x}, y, [batch, length, n, lengths](const Tensor& dy, Gradients& into) {
    kernels::rows->mean_over_time_backward(batch, length, n, data_or_null(lengths), dy.data(), into[0]);
  });
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
