#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"
#include "core/kernels/gemm.h"
#include "core/kernels/rows.h"

namespace seqtape::inline SEQTAPE_PRECISION {

using kernels::gemm;
using kernels::Transpose;

Variable linear(const Variable& x, const Variable& weight, const Variable& bias) {
  require_rank("linear", "weight", weight, 2, "[out, in]");
  const Index out = weight.dim(0), in = weight.dim(1);
  if (x.shape().rank() == 0 || x.shape().back() != in)
    throw ShapeError(str("linear: inner sizes differ: x ", x.shape(), ", weight ", weight.shape()));
  require_shape_if("linear", "bias", bias, Shape{out});
  const Index rows = row_count(x.shape());
  Tensor y(x.shape().with_back(out));
  compute([=, x = x.data(), weight = weight.data(), bias = data_or_null(bias), y = y.data()] {
    if (bias)
      for (Index r = 0; r < rows; ++r) std::copy_n(bias, out, y + r * out);
    gemm(Transpose::no, Transpose::yes, rows, out, in, x, in, weight, in, bias ? 1 : 0, y, out);
  });
  return record(
      "linear", {x, weight, bias}, y,
      [rows, in, out, x = x.value(), w = weight.value()](const Tensor& dy, Gradients& into) {
        if (into.wanted(0)) {
          const auto dx = into.target(0);
          gemm(Transpose::no, Transpose::no, rows, in, out, dy.data(), out, w.data(), in, dx.beta, dx.data, in);
        }
        if (into.wanted(1)) {
          const auto dw = into.target(1);
          gemm(Transpose::yes, Transpose::no, out, in, rows, dy.data(), out, x.data(), in, dw.beta, dw.data, in);
        }
        if (into.wanted(2)) kernels::add_column_sums(rows, out, dy.data(), into[2]);
      });
}

Variable embedding(const IndexTensor& ids, const Variable& table) {
  require_rank("embedding", "table", table, 2, "[V, D]");
  const Index classes = table.dim(0), n = table.dim(1);
  for (Index i = 0; i < ids.size(); ++i)
    if (ids.data()[i] < 0 || ids.data()[i] >= classes)
      throw DataError(str("embedding: id ", ids.data()[i], " is not in the vocabulary of ", classes));
  Shape shape = ids.shape();
  shape.push_back(n);
  Tensor y(shape);
  compute([ids, n, table = table.data(), y = y.data()] { kernels::rows->gather(ids.size(), n, ids.data(), table, y); });
  if (Trace* const trace = Trace::current()) trace->ids_of_next(ids);
  return record("embedding", {table}, y, [ids, n](const Tensor& dy, Gradients& into) {
    kernels::rows->gather_backward(ids.size(), n, ids.data(), dy.data(), into[0]);
  });
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
