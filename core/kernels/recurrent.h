#pragma once
// Recurrent cells over a whole sequence, in PyTorch's conventions.

#include "core/kernels/dispatch.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

enum class Cell { rnn_tanh, rnn_relu, lstm, gru };

/// Gates G of a cell: its weight matrices have G H rows.
inline Index gates_of(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }

struct RecurrentSizes {
  Cell cell;
  Index batch, length, hidden;
  const std::int32_t* lengths = nullptr;  ///< [B]: steps of each sequence, or null: all
};

/// With z = gx[b,t] and w = weight h[t-1] + bias (both [G H]), s the logistic function:
///   rnn   h = tanh(z + w) or max(0, z + w)
///   lstm  i, f, g, o = s, s, tanh, s of z + w;   c[t] = f c[t-1] + i g;   h = o tanh(c[t])
///   gru   r, u = s(z + w) of the first two;  n = tanh(z_n + r w_n);   h = (1 - u) n + u h[t-1]
/// gx: [B, L, G H], the input's product with its bias   weight: [G H, H]   bias: [G H] or null
/// h0, c0, h_last, c_last: [B, H]; h0 and c0 null: zeros   y: [B, L, H]
/// Steps at or beyond a sequence's length give y = 0 and leave the state unchanged.
/// Source: torch.nn.RNN, LSTM (Hochreiter & Schmidhuber 1997, Gers et al. 2000), GRU (Cho et al. 2014, reset gate
/// after the recurrent product).
struct RecurrentInputs {
  const Real *gx, *weight, *bias, *h0, *c0;
};
struct RecurrentOutputs {
  Real *y, *h_last, *c_last;
};
struct RecurrentOutputGrads {
  const Real *y, *h_last, *c_last;  ///< null: zero
};
struct RecurrentInputGrads {
  Real *weight, *bias, *h0, *c0;  ///< ADDED to; null: not wanted
};

struct Recurrent {
  /// Elements of `saved`: the gate activations that the backward needs beside y.
  Index (*saved_size)(const RecurrentSizes&);
  void (*forward)(const RecurrentSizes&, const RecurrentInputs&, Real* saved, const RecurrentOutputs&);
  /// dgx: [B, L, G H] is OVERWRITTEN; the other gradients are added to.
  void (*backward)(const RecurrentSizes&, const RecurrentInputs&, const Real* y, const Real* saved,
                   const RecurrentOutputGrads&, Real* dgx, const RecurrentInputGrads&);
};
extern const Dispatch<Recurrent> recurrent;

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
