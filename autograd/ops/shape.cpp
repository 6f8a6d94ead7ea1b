#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"
#include "core/kernels/rows.h"

namespace seqtape::inline SEQTAPE_PRECISION {

Variable reshape(const Variable& x, const Shape& shape) {
  return record("reshape", {x}, x.value().reshape(shape),
                [](const Tensor& dy, Gradients& into) { into.add(0, dy); });
}

Variable rows(const Variable& x, Index begin, Index end) {
  const Index row = x.dim(0) ? x.size() / x.dim(0) : 0;
  return record("rows", {x}, x.value().rows(begin, end), [begin, row](const Tensor& dy, Gradients& into) {
    kernels::pointwise->accumulate(dy.size(), 1, dy.data(), into[0] + begin * row);
  });
}

Variable columns(const Variable& x, Index begin, Index n) {
  const Index width = x.shape().back(), count = row_count(x.shape());
  if (begin < 0 || n < 0 || begin + n > width)
    throw ShapeError(str("columns: [", begin, ", ", begin + n, ") is not within ", x.shape()));
  Tensor y(x.shape().with_back(n));
  kernels::rows->columns(count, width, begin, n, x.data(), y.data());
  return record("columns", {x}, y, [count, width, begin, n](const Tensor& dy, Gradients& into) {
    kernels::rows->columns_backward(count, width, begin, n, dy.data(), into[0]);
  });
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
