#pragma once
// RNN, LSTM and GRU over a whole sequence.

#include "autograd/tape.h"
#include "core/kernels/recurrent.h"

namespace seqtape::inline SEQTAPE_PRECISION {
using kernels::Cell;

namespace ops {

struct Recurrence {
  enum : std::size_t { gx, weight, bias, h0, c0 };
  enum : std::size_t { y, h_last, c_last };
  static constexpr OpSchema schema{.name = "recurrence",
                                   .inputs = {"gx", "weight", "bias?", "h0?", "c0?"},
                                   .outputs = {"y", "h_last", "c_last"},  // c_last: LSTM only
                                   .keeps = {weight, h0, c0},
                                   .keeps_outputs = {y},
                                   .states = {h0, c0}};
  Cell cell;
  IndexTensor lengths{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(gx, 3, "[B, L, G H]");
    in.require_rank(weight, 2, "[G H, H]");
    const Index batch = in[gx].dim(0), length = in[gx].dim(1), hidden = in[weight].dim(1),
                gates = kernels::gates_of(cell) * hidden;
    const Shape state{batch, hidden};
    in.require_shape(gx, Shape{batch, length, gates});
    in.require_shape(weight, Shape{gates, hidden});
    in.require_shape(bias, Shape{gates});
    in.require_shape(h0, state);
    in.require_shape(c0, state);
    in.require_lengths(lengths, batch, length);
    Shapes shapes{Shape{batch, length, hidden}, state};
    if (cell == Cell::lstm) shapes.push_back(state);
    return shapes;
  }
  /// The gate activations; see the kernel.
  Index saved_size(const Inputs& in) const {
    return kernels::recurrent->saved_size(sizes(in[gx].shape(), in[weight].shape()));
  }
  void forward(const Operands& v) const {
    kernels::recurrent->forward(
        sizes(v.in[gx].shape(), v.in[weight].shape()), inputs(v), v.saved.data(),
        {v.out[y].data(), v.out[h_last].data(), cell == Cell::lstm ? v.out[c_last].data() : nullptr});
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    // The kernel overwrites dgx, which is the input's first gradient in every model.
    Tensor apart;
    const bool direct = into.wanted(gx) && into.fresh(gx);
    if (!direct) apart = Tensor(v.in[gx].shape());
    Real* const dgx = direct ? into.target(gx).data : apart.data();
    kernels::recurrent->backward(sizes(v.in[gx].shape(), v.in[weight].shape()), inputs(v), v.out[y].data(),
                                 v.saved.data(),
                                 {dy[y].data(), dy[h_last].data(), cell == Cell::lstm ? dy[c_last].data() : nullptr},
                                 dgx, {into[weight], into[bias], into[h0], into[c0]});
    if (!direct) into.add(gx, apart);
  }

 private:
  kernels::RecurrentSizes sizes(const Shape& sequence, const Shape& matrix) const {
    return {cell, sequence[0], sequence[1], matrix[1], lengths.data()};
  }
  static kernels::RecurrentInputs inputs(const Operands& v) {
    return {v.in[gx].data(), v.in[weight].data(), v.in[bias].data(), v.in[h0].data(), v.in[c0].data()};
  }
};

}  // namespace ops

/// The output over time and the states after the last step; c is defined for the LSTM only.
struct RecurrenceResult {
  Variable y, h, c;
};
/// gx [B, L, G H] (the input's projection), weight [G H, H], bias [G H] or undefined, h0 and c0 [B, H] or undefined
/// (zeros) -> y [B, L, H], h and c [B, H]
inline RecurrenceResult recurrence(Cell cell, const Variable& gx, const Variable& weight, const Variable& bias,
                                   const Variable& h0 = {}, const Variable& c0 = {}, const IndexTensor& lengths = {}) {
  const std::vector<Variable> out = apply(ops::Recurrence{cell, lengths}, {gx, weight, bias, h0, c0});
  return {out[0], out[1], cell == Cell::lstm ? out[2] : Variable()};
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
