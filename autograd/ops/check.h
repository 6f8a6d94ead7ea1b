#pragma once
// Argument checks that several ops share.

#include "autograd/variable.h"
#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// Throws ShapeError "op: what must be [..], got [..]".
inline void require_shape(const char* op, const char* what, const Variable& x, const Shape& shape) {
  if (!(x.shape() == shape)) throw ShapeError(str(op, ": ", what, " must be ", shape, ", got ", x.shape()));
}
inline void require_shape_if(const char* op, const char* what, const Variable& x, const Shape& shape) {
  if (x.defined()) require_shape(op, what, x, shape);
}
inline void require_rank(const char* op, const char* what, const Variable& x, int rank, const char* form) {
  if (x.shape().rank() != rank) throw ShapeError(str(op, ": ", what, " must be ", form, ", got ", x.shape()));
}
inline void require_same(const char* op, const Variable& a, const Variable& b) {
  if (!(a.shape() == b.shape())) throw ShapeError(str(op, ": shapes differ: a ", a.shape(), ", b ", b.shape()));
}
/// Lengths, where given: one for each sequence, within [0, L].
inline void require_lengths(const char* op, const IndexTensor& lengths, Index batch, Index length) {
  if (!lengths.defined()) return;
  if (lengths.size() != batch) throw ShapeError(str(op, ": lengths must be [", batch, "], got ", lengths.shape()));
  for (Index i = 0; i < batch; ++i)
    if (lengths.data()[i] < 0 || lengths.data()[i] > length)
      throw ShapeError(str(op, ": lengths[", i, "] must be in [0, ", length, "], got ", lengths.data()[i]));
}
/// All extents but the last, multiplied.
inline Index row_count(const Shape& shape) { return shape.back() ? shape.size() / shape.back() : 0; }
/// Null for an undefined variable: kernels' word for "not there".
inline const Real* data_or_null(const Variable& x) { return x.defined() ? x.data() : nullptr; }
inline const Real* data_or_null(const Tensor& x) { return x.defined() ? x.data() : nullptr; }
inline const std::int32_t* data_or_null(const IndexTensor& x) { return x.defined() ? x.data() : nullptr; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
