#pragma once
// Goes to autograd/ops/fo_pool.h: an op is one file. docs/adding.md explains the parts that are marked with brackets.

#include <algorithm>

#include "autograd/ops/scan_result.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

// [schema]
/// c[t] = f[t] c[t-1] + (1 - f[t]) z[t],  y[t] = o[t] c[t]
/// f, z, o, y: [B, L, D]   c0, c_last: [B, D]; without c0 it starts from zeros
/// Source: Bradbury et al. 2016 (arXiv 1611.01576), eq. 4, fo-pooling. Deviation: none.
struct FoPool {
  enum : std::size_t { f, z, o, c0 };
  enum : std::size_t { y, c_last };
  static constexpr OpSchema schema{.name = "fo_pool",
                                   .inputs = {"f", "z", "o", "c0?"},
                                   .outputs = {"y", "c_last"},
                                   .keeps = {f, z, o, c0},
                                   .states = {c0}};
  IndexTensor lengths{};  ///< [B] or undefined: all of L. A step at or beyond it gives 0 and leaves the state

  // [checks]
  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(z, 3, "[B, L, D]");
    in.require_shape(f, in[z].shape());
    in.require_shape(o, in[z].shape());
    const Shape state{in[z].dim(0), in[z].dim(2)};
    in.require_shape(c0, state);
    in.require_lengths(lengths, in[z].dim(0), in[z].dim(1));
    return {in[z].shape(), state};
  }
  /// Every c: the backward needs it, and c = y / o would divide by a gate that may be 0.
  Index saved_size(const Inputs& in) const { return in[z].size(); }

  // [forward]
  void forward(const Operands& v) const {
    const Index length = v.in[z].dim(1), width = v.in[z].dim(2);
    parallel_for(v.in[z].dim(0), [&](Index b) {
      const Index first = b * length * width, end = first + steps(b, length) * width;
      const Real *forget = v.in[f].data(), *input = v.in[z].data(), *gate = v.in[o].data();
      Real *out = v.out[y].data(), *c = v.out[c_last].data() + b * width;
      if (v.in[c0].defined())
        std::copy_n(v.in[c0].data() + b * width, width, c);
      else
        std::fill_n(c, width, Real{0});
      for (Index t = first; t < end; t += width)
        for (Index d = 0; d < width; ++d) {
          const Index at = t + d;
          c[d] = forget[at] * c[d] + (1 - forget[at]) * input[at];
          out[at] = gate[at] * c[d];
          if (v.saved.defined()) v.saved.data()[at] = c[d];
        }
      std::fill(out + end, out + first + length * width, Real{0});
    });
  }

  // [backward]
  void backward(const Operands& v, const OutputGrads& dout, Gradients& into) const {
    const Index batch = v.in[z].dim(0), length = v.in[z].dim(1), width = v.in[z].dim(2);
    Real *const df = into[f], *const dz = into[z], *const dgate = into[o], *const dc0 = into[c0];
    Tensor dstate = dout[c_last].defined() ? dout[c_last].clone() : Tensor::zeros(Shape{batch, width});
    parallel_for(batch, [&](Index b) {
      const Index first = b * length * width, end = first + steps(b, length) * width;
      const Real *forget = v.in[f].data(), *input = v.in[z].data(), *gate = v.in[o].data(), *c = v.saved.data(),
                 *start = v.in[c0].defined() ? v.in[c0].data() + b * width : nullptr, *dy = dout[y].data();
      Real* const dc = dstate.data() + b * width;
      for (Index t = end - width; t >= first; t -= width)
        for (Index d = 0; d < width; ++d) {
          const Index at = t + d;
          const Real before = t > first ? c[at - width] : start ? start[d] : Real{0};
          if (dy) {
            dc[d] += dy[at] * gate[at];
            if (dgate) dgate[at] += dy[at] * c[at];
          }
          if (df) df[at] += dc[d] * (before - input[at]);
          if (dz) dz[at] += dc[d] * (1 - forget[at]);
          dc[d] *= forget[at];
        }
    });
    if (dc0)
      for (Index i = 0; i < dstate.size(); ++i) dc0[i] += dstate.data()[i];
  }

 private:
  /// Steps of sequence b that are not padding.
  Index steps(Index b, Index length) const { return lengths.defined() ? lengths.data()[b] : length; }
};

}  // namespace ops

// [function]
/// f, z, o [B, L, D], c0 [B, D] or undefined -> y [B, L, D], and the last c
inline ScanResult fo_pool(const Variable& f, const Variable& z, const Variable& o, const Variable& c0 = {},
                          const IndexTensor& lengths = {}) {
  return ScanResult(apply(ops::FoPool{lengths}, {f, z, o, c0}));
}
// [rest]

}  // namespace seqtape::inline SEQTAPE_PRECISION
