#include "core/kernels/attention.h"

#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"

namespace seqtape::inline SEQTAPE_PRECISION {

Variable attention(const Variable& q, const Variable& k, const Variable& v, const AttentionOptions& options,
                   const IndexTensor& lengths) {
  require_rank("attention", "q", q, 4, "[B, Q, heads, dim]");
  require_rank("attention", "k", k, 4, "[B, K, heads, dim]");
  const Index batch = q.dim(0), queries = q.dim(1), keys = k.dim(1), heads = q.dim(2), dim = q.dim(3);
  require_shape("attention", "k", k, Shape{batch, keys, heads, dim});
  require_shape("attention", "v", v, k.shape());
  if (keys < queries) throw ShapeError(str("attention: fewer keys than queries: q ", q.shape(), ", k ", k.shape()));
  require_lengths("attention", lengths, batch, queries);
  const auto sizes = [=] {
    return kernels::AttentionSizes{
        batch, queries, keys, heads, dim, options.causal, options.scale, data_or_null(lengths), options.alibi};
  };
  Tensor y = Tensor::like(q.value()), log_sum(Shape{batch, heads, queries});
  compute([=, in = kernels::AttentionInputs{q.data(), k.data(), v.data()}, y = y.data()] {
    kernels::attention->forward(sizes(), in, y, log_sum.data());
  });
  return record("attention", {q, k, v}, y,
                [=, q = q.value(), k = k.value(), v = v.value()](const Tensor& dy, Gradients& into) {
                  // The kernel fills all three; what is not wanted goes to waste, which no model asks for.
                  Tensor spare[3];
                  Real* to[3];
                  for (std::size_t i = 0; i < 3; ++i) {
                    if (!into.wanted(i)) spare[i] = Tensor::zeros(i == 0 ? q.shape() : k.shape());
                    to[i] = into.wanted(i) ? into[i] : spare[i].data();
                  }
                  kernels::attention->backward(sizes(), {q.data(), k.data(), v.data()}, y.data(), log_sum.data(),
                                               dy.data(), to[0], to[1], to[2]);
                },
                {{"causal", options.causal}, {"alibi", options.alibi}, {"scale", options.scale}});
}

Variable rotary(const Variable& x, Index offset, double base) {
  require_rank("rotary", "x", x, 4, "[B, L, heads, dim]");
  const Index batch = x.dim(0), length = x.dim(1), heads = x.dim(2), dim = x.dim(3);
  Tensor y = Tensor::like(x.value());
  compute([=, x = x.data(), y = y.data()] {
    kernels::attention->rotate(batch, length, heads, dim, offset, base, 1, false, x, y);
  });
  return record("rotary", {x}, y,
                [=](const Tensor& dy, Gradients& into) {
                  kernels::attention->rotate(batch, length, heads, dim, offset, base, -1, true, dy.data(), into[0]);
                },
                {{"offset", static_cast<double>(offset)}, {"base", base}});
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
