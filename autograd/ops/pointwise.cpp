#include "core/kernels/pointwise.h"

#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {
const char* name_of(Activation f) {
  switch (f) {
    case Activation::silu:
      return "silu";
    case Activation::sigmoid:
      return "sigmoid";
    case Activation::tanh:
      return "tanh";
    case Activation::relu:
      return "relu";
    case Activation::gelu:
      return "gelu";
    case Activation::gelu_tanh:
      return "gelu_tanh";
    case Activation::softplus:
      return "softplus";
    case Activation::exp:
      return "exp";
    case Activation::negative_exp:
      return "negative_exp";
  }
  return "activation";
}
}  // namespace

Variable activation(Activation f, const Variable& x) {
  Tensor y = Tensor::like(x.value());
  compute([f, n = x.size(), x = x.data(), y = y.data()] { kernels::pointwise->activation(f, n, x, y); });
  return record(name_of(f), {x}, y, [f, x = x.value()](const Tensor& dy, Gradients& into) {
    kernels::pointwise->activation_backward(f, x.size(), x.data(), dy.data(), into[0]);
  });
}

Variable scale(const Variable& x, double factor) {
  if (factor == 1) return x;
  Tensor y = Tensor::like(x.value());
  compute([n = x.size(), by = static_cast<Real>(factor), x = x.data(), y = y.data()] {
    for (Index i = 0; i < n; ++i) y[i] = by * x[i];
  });
  return record("scale", {x}, y,
                [factor](const Tensor& dy, Gradients& into) {
                  kernels::pointwise->accumulate(dy.size(), static_cast<Real>(factor), dy.data(), into[0]);
                },
                {{"factor", factor}});
}

Variable add(const Variable& a, const Variable& b) {
  require_same("add", a, b);
  Tensor y = Tensor::like(a.value());
  compute([n = a.size(), a = a.data(), b = b.data(), y = y.data()] { kernels::pointwise->add(n, a, b, y); });
  return record("add", {a, b}, y, [](const Tensor& dy, Gradients& into) {
    into.add(0, dy);
    into.add(1, dy);
  });
}

Variable multiply(const Variable& a, const Variable& b) {
  require_same("multiply", a, b);
  Tensor y = Tensor::like(a.value());
  compute([n = a.size(), a = a.data(), b = b.data(), y = y.data()] { kernels::pointwise->multiply(n, a, b, y); });
  return record("multiply", {a, b}, y, [a = a.value(), b = b.value()](const Tensor& dy, Gradients& into) {
    kernels::pointwise->multiply_backward(dy.size(), a.data(), b.data(), dy.data(), into[0], into[1]);
  });
}

Variable scale_columns(const Variable& x, const Variable& weight) {
  const Index n = x.shape().back(), rows = row_count(x.shape());
  require_shape("scale_columns", "weight", weight, Shape{n});
  Tensor y = Tensor::like(x.value());
  compute([=, x = x.data(), weight = weight.data(), y = y.data()] {
    kernels::pointwise->scale_columns(rows, n, x, weight, y);
  });
  return record("scale_columns", {x, weight}, y,
                [=, x = x.value(), w = weight.value()](const Tensor& dy, Gradients& into) {
                  kernels::pointwise->scale_columns_backward(rows, n, x.data(), w.data(), dy.data(), into[0], into[1]);
                });
}

Variable glu(const Variable& x) {
  if (x.shape().rank() == 0 || x.shape().back() % 2 != 0)
    throw ShapeError(str("glu: the last extent must be even, got ", x.shape()));
  const Index n = x.shape().back() / 2, rows = row_count(x.shape());
  Tensor y(x.shape().with_back(n));
  compute([=, x = x.data(), y = y.data()] { kernels::pointwise->glu(rows, n, x, y); });
  return record("glu", {x}, y, [rows, n, x = x.value()](const Tensor& dy, Gradients& into) {
    kernels::pointwise->glu_backward(rows, n, x.data(), dy.data(), into[0]);
  });
}

Variable dropout(const Variable& x, double rate, const DropoutKey& key) {
  if (rate == 0) return x;
  require_rank("dropout", "x", x, 3, "[B, L, D]");
  Tensor y = Tensor::like(x.value());
  kernels::pointwise->dropout(x.dim(0), x.dim(1), x.dim(2), rate, key, false, x.data(), y.data());
  return record("dropout", {x}, y, [rate, key](const Tensor& dy, Gradients& into) {
    kernels::pointwise->dropout(dy.dim(0), dy.dim(1), dy.dim(2), rate, key, true, dy.data(), into[0]);
  });
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
