#pragma once
// Rotary positions of queries and keys that go on from a state.

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/ops/steps.h"
#include "autograd/tape.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

/// Pairs (i, i + dim/2) of each head of q and k turn by p[t] base^(-2 i / dim), where p[t] = start + t counts the steps
/// since the start of the sequence, and end = p of the step after the last.
/// q, k: [B, L, H, dim]   start, end: [B]; start absent: 0
/// Steps at or beyond a sequence's length give 0 and are not counted.
/// Source: Su et al. 2021 (RoFormer, arXiv 2104.09864), eq. 34. Deviation: halves instead of neighbours.
struct RotaryScan {
  enum : std::size_t { q, k, start };
  enum : std::size_t { turned_q, turned_k, end };
  static constexpr OpSchema schema{.name = "rotary_scan",
                                   .inputs = {"q", "k", "start?"},
                                   .outputs = {"q", "k", "end"},
                                   .keeps = {start},
                                   .keeps_outputs = {turned_q, turned_k},
                                   .states = {start}};
  double base = 10000;
  IndexTensor lengths{};

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(q, 4, "[B, L, H, dim]");
    in.require_shape(k, in[q].shape());
    const Shape positions{in[q].dim(0)};
    in.require_shape(start, positions);
    in.require_lengths(lengths, in[q].dim(0), in[q].dim(1));
    return {in[q].shape(), in[q].shape(), positions};
  }
  void forward(const Operands& v) const {
    const Shape& shape = v.in[q].shape();
    turn(shape, v.in[start].data(), 1, false, v.in[q].data(), v.out[turned_q].data());
    turn(shape, v.in[start].data(), 1, false, v.in[k].data(), v.out[turned_k].data());
    for (Index b = 0; b < shape[0]; ++b)
      v.out[end].data()[b] =
          (v.in[start].defined() ? v.in[start].data()[b] : Real{0}) + static_cast<Real>(steps_of(lengths, b, shape[1]));
  }
  /// The inverse rotation. A position's gradient: with y = e^(i f p) x, dy/dp = i f y.
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    const Shape& shape = v.in[q].shape();
    for (const std::size_t i : {q, k})
      if (dy[i].defined()) {
        if (into[i]) turn(shape, v.in[start].data(), -1, true, dy[i].data(), into[i]);
        if (into[start]) add_position_gradient(v.out[i], dy[i], into[start]);
      }
    if (into[start] && dy[end].defined()) add_numbers(shape[0], dy[end].data(), into[start]);
  }

 private:
  std::vector<double> frequencies(Index dim) const {
    std::vector<double> all;
    for (Index i = 0; i < dim / 2; ++i)
      all.push_back(std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dim)));
    return all;
  }

  void turn(const Shape& shape, const Real* starts, int direction, bool add, const Real* from, Real* to) const {
    const Index length = shape[1], heads = shape[2], dim = shape[3], half = dim / 2;
    // Sines and cosines are dear: steps of all sequences share them, where all begin at the same position.
    bool same = true;
    for (Index b = 1; starts && b < shape[0]; ++b) same = same && starts[b] == starts[0];
    const std::vector<double> frequency = frequencies(dim);
    std::vector<Real> turns(static_cast<std::size_t>(2 * half * length * (same ? 1 : shape[0])));
    parallel_for((same ? 1 : shape[0]) * length, [&](Index row) {
      const double position =
          (starts ? static_cast<double>(starts[row / length]) : 0.0) + static_cast<double>(row % length);
      Real *const cosine = turns.data() + 2 * half * row, *const sine = cosine + half;
      for (Index i = 0; i < half; ++i) {
        const double angle = position * frequency[static_cast<std::size_t>(i)];
        cosine[i] = static_cast<Real>(std::cos(angle));
        sine[i] = static_cast<Real>(direction * std::sin(angle));
      }
    });
    parallel_for(shape[0] * length, [&](Index row) {
      const Index first = row * heads * dim;
      if (row % length >= steps_of(lengths, row / length, length)) {
        if (!add) std::fill_n(to + first, heads * dim, Real{0});
        return;
      }
      const Real *const cosine = turns.data() + 2 * half * (same ? row % length : row), *const sine = cosine + half;
      for (Index at = first; at < first + heads * dim; at += dim) {
        const Real* const x = from + at;
        Real* const y = to + at;
        for (Index i = 0; i < half; ++i) {
          y[i] = (add ? y[i] : Real{0}) + x[i] * cosine[i] - x[i + half] * sine[i];
          y[i + half] = (add ? y[i + half] : Real{0}) + x[i] * sine[i] + x[i + half] * cosine[i];
        }
        if (dim > 2 * half) y[dim - 1] = (add ? y[dim - 1] : Real{0}) + x[dim - 1];
      }
    });
  }

  void add_position_gradient(const Tensor& y, const Tensor& dy, Real* dstart) const {
    const Index length = y.dim(1), heads = y.dim(2), dim = y.dim(3), half = dim / 2;
    const std::vector<double> frequency = frequencies(dim);
    for (Index b = 0; b < y.dim(0); ++b) {
      double total = 0;
      for (Index row = b * length; row < b * length + steps_of(lengths, b, length); ++row)
        for (Index h = 0; h < heads; ++h)
          for (Index i = 0; i < half; ++i) {
            const Index at = (row * heads + h) * dim + i;
            const double cross = static_cast<double>(dy.data()[at + half]) * static_cast<double>(y.data()[at]) -
                                 static_cast<double>(dy.data()[at]) * static_cast<double>(y.data()[at + half]);
            total += frequency[static_cast<std::size_t>(i)] * cross;
          }
      dstart[b] += static_cast<Real>(total);
    }
  }
};

}  // namespace ops

struct RotaryScanResult {
  Variable q, k;  ///< [B, L, H, dim]
  Variable end;   ///< [B]
};
/// start [B] or undefined: 0
inline RotaryScanResult rotary_scan(const Variable& q, const Variable& k, const Variable& start, double base,
                                    const IndexTensor& lengths = {}) {
  const std::vector<Variable> out = apply(ops::RotaryScan{base, lengths}, {q, k, start});
  return {out[0], out[1], out[2]};
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
