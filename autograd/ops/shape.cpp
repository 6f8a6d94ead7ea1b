#include <algorithm>

#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"
#include "core/kernels/rows.h"

namespace seqtape::inline SEQTAPE_PRECISION {

Variable reshape(const Variable& x, const Shape& shape) {
  return record("reshape", {x}, x.value().reshape(shape), [](const Tensor& dy, Gradients& into) { into.add(0, dy); });
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
  compute([=, x = x.data(), y = y.data()] { kernels::rows->columns(count, width, begin, n, x, y); });
  return record("columns", {x}, y,
                [count, width, begin, n](const Tensor& dy, Gradients& into) {
                  kernels::rows->columns_backward(count, width, begin, n, dy.data(), into[0]);
                },
                {{"begin", static_cast<double>(begin)}});
}

namespace {

/// Elements of one step of [B, L, ...].
Index step_size(const Shape& shape) {
  Index size = 1;
  for (int i = 2; i < shape.rank(); ++i) size *= shape[i];
  return size;
}

Index steps_of(const IndexTensor& lengths, Index b, Index length) {
  return lengths.defined() ? lengths.data()[b] : length;
}

/// Adds `count` steps of `from` to `to`.
void add_steps(Index count, const Real* from, Real* to) {
  for (Index i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

Variable concat_time(const Variable& a, const Variable& b) {
  if (!a.defined()) return b;
  const Index batch = a.dim(0), step = step_size(a.shape()), first = a.dim(1) * step, second = b.dim(1) * step;
  if (batch != b.dim(0) || step != step_size(b.shape()))
    throw ShapeError(str("concat_time: only the time may differ: a ", a.shape(), ", b ", b.shape()));
  Shape shape{batch, a.dim(1) + b.dim(1)};
  for (int i = 2; i < a.shape().rank(); ++i) shape.push_back(a.dim(i));
  Tensor y(shape);
  compute([=, a = a.data(), b = b.data(), y = y.data()] {
    for (Index i = 0; i < batch; ++i) {
      std::copy_n(a + i * first, first, y + i * (first + second));
      std::copy_n(b + i * second, second, y + i * (first + second) + first);
    }
  });
  return record("concat_time", {a, b}, y, [=](const Tensor& dy, Gradients& into) {
    for (Index i = 0; i < batch; ++i) {
      if (into.wanted(0)) add_steps(first, dy.data() + i * (first + second), into[0] + i * first);
      if (into.wanted(1)) add_steps(second, dy.data() + i * (first + second) + first, into[1] + i * second);
    }
  });
}

Variable reverse_time(const Variable& x, const IndexTensor& lengths) {
  require_rank("reverse_time", "x", x, 3, "[B, L, D]");
  const Index batch = x.dim(0), length = x.dim(1), n = x.dim(2);
  require_lengths("reverse_time", lengths, batch, length);
  Tensor y = Tensor::zeros(x.shape());
  const auto move = [=](const Real* from, Real* to) {
    for (Index b = 0; b < batch; ++b)
      for (Index t = 0, steps = steps_of(lengths, b, length); t < steps; ++t)
        add_steps(n, from + (b * length + steps - 1 - t) * n, to + (b * length + t) * n);
  };
  move(x.data(), y.data());
  return record("reverse_time", {x}, y, [=](const Tensor& dy, Gradients& into) { move(dy.data(), into[0]); });
}

Variable zero_padding(const Variable& x, const IndexTensor& lengths) {
  if (!lengths.defined()) return x;
  const Index batch = x.dim(0), length = x.dim(1), step = step_size(x.shape());
  require_lengths("zero_padding", lengths, batch, length);
  Tensor y = Tensor::zeros(x.shape());
  const auto move = [=](const Real* from, Real* to) {
    for (Index b = 0; b < batch; ++b)
      add_steps(lengths.data()[b] * step, from + b * length * step, to + b * length * step);
  };
  move(x.data(), y.data());
  return record("zero_padding", {x}, y, [=](const Tensor& dy, Gradients& into) { move(dy.data(), into[0]); });
}

Variable last_step(const Variable& x, const IndexTensor& lengths) {
  require_rank("last_step", "x", x, 3, "[B, L, D]");
  const Index batch = x.dim(0), length = x.dim(1), n = x.dim(2);
  require_lengths("last_step", lengths, batch, length);
  Tensor y = Tensor::zeros(Shape{batch, n});
  const auto at = [=](Index b) { return (b * length + steps_of(lengths, b, length) - 1) * n; };
  for (Index b = 0; b < batch; ++b)
    if (steps_of(lengths, b, length) > 0) std::copy_n(x.data() + at(b), n, y.data() + b * n);
  return record("last_step", {x}, y, [=](const Tensor& dy, Gradients& into) {
    for (Index b = 0; b < batch; ++b)
      if (steps_of(lengths, b, length) > 0) add_steps(n, dy.data() + b * n, into[0] + at(b));
  });
}

Variable transpose(const Variable& x) {
  require_rank("transpose", "x", x, 2, "[m, n]");
  const Index m = x.dim(0), n = x.dim(1);
  Tensor y(Shape{n, m});
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) y.data()[j * m + i] = x.data()[i * n + j];
  return record("transpose", {x}, y, [=](const Tensor& dy, Gradients& into) {
    Real* const dx = into[0];
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) dx[i * n + j] += dy.data()[j * m + i];
  });
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
