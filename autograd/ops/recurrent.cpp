#include "core/kernels/recurrent.h"

#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"
#include "core/kernels/linear_scan.h"

namespace seqtape::inline SEQTAPE_PRECISION {

Recurrence recurrence(Cell cell, const Variable& gx, const Variable& weight, const Variable& bias, const Variable& h0,
                      const Variable& c0, const IndexTensor& lengths) {
  constexpr const char* kOp = "recurrence";
  require_rank(kOp, "gx", gx, 3, "[B, L, G H]");
  require_rank(kOp, "weight", weight, 2, "[G H, H]");
  const Index batch = gx.dim(0), length = gx.dim(1), hidden = weight.dim(1), gates = kernels::gates_of(cell) * hidden;
  const Shape state_shape{batch, hidden};
  require_shape(kOp, "gx", gx, Shape{batch, length, gates});
  require_shape(kOp, "weight", weight, Shape{gates, hidden});
  require_shape_if(kOp, "bias", bias, Shape{gates});
  require_shape_if(kOp, "h0", h0, state_shape);
  require_shape_if(kOp, "c0", c0, state_shape);
  require_lengths(kOp, lengths, batch, length);
  const auto sizes = [=] { return kernels::RecurrentSizes{cell, batch, length, hidden, data_or_null(lengths)}; };
  const auto pointers = [](const std::vector<Tensor>& v) {
    return kernels::RecurrentInputs{v[0].data(), v[1].data(), data_or_null(v[2]), data_or_null(v[3]),
                                    data_or_null(v[4])};
  };
  const std::vector<Tensor> inputs{gx.value(), weight.value(), bias.value(), h0.value(), c0.value()};
  Tensor y(Shape{batch, length, hidden}), h_last(state_shape), c_last(state_shape), saved;
  if (const Index size = kernels::recurrent->saved_size(sizes()); size > 0 && Tape::current())
    saved = Tensor(Shape{size});
  compute([=, in = pointers(inputs)] {
    kernels::recurrent->forward(sizes(), in, saved.data(), {y.data(), h_last.data(), c_last.data()});
  });
  std::vector<Tensor> outputs{y, h_last};
  if (cell == Cell::lstm) outputs.push_back(c_last);
  const auto out = record(kOp, {gx, weight, bias, h0, c0}, outputs,
                          [=](const std::vector<Tensor>& dy, Gradients& into) {
                            // The kernel overwrites dgx, which is the input's first gradient in every model.
                            Tensor apart;
                            const bool direct = into.wanted(0) && into.fresh(0);
                            if (!direct) apart = Tensor(inputs[0].shape());
                            Real* const dgx = direct ? into.target(0).data : apart.data();
                            kernels::recurrent->backward(sizes(), pointers(inputs), y.data(), saved.data(),
                                                         {data_or_null(dy[0]), data_or_null(dy[1]),
                                                          dy.size() > 2 ? data_or_null(dy[2]) : nullptr},
                                                         dgx, {into[1], into[2], into[3], into[4]});
                            if (!direct) into.add(0, apart);
                          },
                          {{"cell", static_cast<double>(cell)}});
  return {out[0], out[1], cell == Cell::lstm ? out[2] : Variable()};
}

namespace {

using Scan = void (*)(const kernels::LinearScanSizes&, const Real*, const Real*, const Real*, Real*, Real*);
using ScanBackward = void (*)(const kernels::LinearScanSizes&, const Real*, const Real*, const Real*, const Real*,
                              const Real*, Real*, Real*, Real*);

/// `width`: elements of a step's state.
Carried linear_scan(const char* op, Scan forward, ScanBackward backward, Index channels, const Variable& a,
                    const Variable& x, const Variable& h0, const IndexTensor& lengths) {
  const Index batch = x.dim(0), length = x.dim(1), width = x.dim(2);
  require_shape_if(op, "h0", h0, Shape{batch, width});
  require_lengths(op, lengths, batch, length);
  const auto sizes = [=] { return kernels::LinearScanSizes{batch, length, channels, data_or_null(lengths)}; };
  Tensor y = Tensor::like(x.value()), h_last(Shape{batch, width});
  compute([=, a = a.data(), x = x.data(), h0 = data_or_null(h0), y = y.data(), h_last = h_last.data()] {
    forward(sizes(), a, x, h0, y, h_last);
  });
  const auto out = record(op, {a, x, h0}, {y, h_last},
                          [=, a = a.value(), h0 = h0.value()](const std::vector<Tensor>& dy, Gradients& into) {
                            backward(sizes(), a.data(), data_or_null(h0), y.data(), data_or_null(dy[0]),
                                     data_or_null(dy[1]), into[0], into[1], into[2]);
                          });
  return {out[0], out[1]};
}

}  // namespace

Carried gated_scan(const Variable& a, const Variable& x, const Variable& h0, const IndexTensor& lengths) {
  require_rank("gated_scan", "x", x, 3, "[B, L, D]");
  require_same("gated_scan", a, x);
  return linear_scan("gated_scan", kernels::linear_scan->gated, kernels::linear_scan->gated_backward, x.dim(2), a, x,
                     h0, lengths);
}

Carried rotating_scan(const Variable& a, const Variable& x, const Variable& h0, const IndexTensor& lengths) {
  require_rank("rotating_scan", "x", x, 3, "[B, L, 2 D]");
  require_shape("rotating_scan", "a", a, Shape{2, x.dim(2) / 2});
  return linear_scan("rotating_scan", kernels::linear_scan->rotating, kernels::linear_scan->rotating_backward,
                     x.dim(2) / 2, a, x, h0, lengths);
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
