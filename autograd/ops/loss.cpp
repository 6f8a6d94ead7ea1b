#include "core/kernels/loss.h"

#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"

namespace seqtape::inline SEQTAPE_PRECISION {

Variable cross_entropy(const Variable& logits, const IndexTensor& target, double label_smoothing,
                       const Tensor& weight) {
  const Index classes = logits.shape().back(), count = row_count(logits.shape());
  if (target.size() != count)
    throw ShapeError(
        str("cross_entropy: one target for each row of logits: logits ", logits.shape(), ", target ", target.shape()));
  if (weight.defined() && weight.size() != count)
    throw ShapeError(str("cross_entropy: one weight for each target: ", weight.shape(), ", target ", target.shape()));
  for (Index i = 0; i < count; ++i)
    if (target.data()[i] != kIgnore && (target.data()[i] < 0 || target.data()[i] >= classes))
      throw DataError(str("cross_entropy: target ", target.data()[i], " is not in [0, ", classes, ")"));
  Tensor log_sum(Shape{count});
  double scored = 0;
  const Real* weights = weight.defined() ? weight.data() : nullptr;
  const double total = kernels::loss->cross_entropy(count, classes, label_smoothing, kIgnore, logits.data(),
                                                    target.data(), weights, log_sum.data(), &scored);
  const Real scale = scored > 0 ? Real{1} / static_cast<Real>(scored) : 0;
  Tensor y = Tensor::full(Shape{}, static_cast<Real>(scored > 0 ? total / scored : 0));
  return record("cross_entropy", {logits}, y, [=, logits = logits.value()](const Tensor& dy, Gradients& into) {
    kernels::loss->cross_entropy_backward(count, classes, label_smoothing, kIgnore, dy.data()[0] * scale, logits.data(),
                                          target.data(), weight.defined() ? weight.data() : nullptr, log_sum.data(),
                                          into[0]);
  });
}

Variable mse_loss(const Variable& x, const Variable& target) {
  require_same("mse_loss", x, target);
  const double total = kernels::loss->squared_error(x.size(), x.data(), target.data());
  Tensor y = Tensor::full(Shape{}, static_cast<Real>(total / static_cast<double>(x.size())));
  return record("mse_loss", {x}, y, [x = x.value(), target = target.value()](const Tensor& dy, Gradients& into) {
    kernels::loss->squared_error_backward(x.size(), dy.data()[0] / static_cast<Real>(x.size()), x.data(), target.data(),
                                          into[0]);
  });
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
