#pragma once
// Embedding lookup: rows of a table.

#include "autograd/tape.h"
#include "core/kernels/rows.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

struct Embedding {
  enum : std::size_t { table };
  static constexpr OpSchema schema{.name = "embedding", .inputs = {"table"}, .outputs = {"y"}};
  IndexTensor ids;

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(table, 2, "[V, D]");
    const Index classes = in[table].dim(0);
    for (Index i = 0; i < ids.size(); ++i)
      if (ids.data()[i] < 0 || ids.data()[i] >= classes)
        throw DataError(str("embedding: id ", ids.data()[i], " is not in the vocabulary of ", classes));
    Shape shape = ids.shape();
    shape.push_back(in[table].dim(1));
    return {shape};
  }
  void forward(const Operands& v) const {
    kernels::rows->gather(ids.size(), v.in[table].dim(1), ids.data(), v.in[table].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::rows->gather_backward(ids.size(), v.in[table].dim(1), ids.data(), dy[0].data(), into[table]);
  }
};

}  // namespace ops

/// ids [...], table [V, D] -> [..., D]. Throws DataError for an id outside [0, V).
inline Variable embedding(const IndexTensor& ids, const Variable& table) {
  return apply(ops::Embedding{ids}, {table})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
