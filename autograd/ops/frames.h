#pragma once
// Overlapping frames of a sequence, with the steps that are carried from chunk to chunk.

#include <algorithm>

#include "autograd/ops/scan_result.h"
#include "autograd/ops/steps.h"
#include "core/kernels/scratch.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

/// After every `stride` steps, the last `size` of them: y[b, i, k D + d] = x[b, (i + 1) stride - size + k, d], with
/// zeros before the start. No frame waits for a later step, and L steps have floor(L / stride) frames.
/// x: [B, L, D]   y: [B, L', size D]   before, after: [B, C, D], the steps that frames to come begin with: the last
/// size - stride of the frames so far, and those since. Without `before` the sequence starts.
struct Frames {
  enum : std::size_t { x, before };
  enum : std::size_t { y, after };
  static constexpr OpSchema schema{
      .name = "frames", .inputs = {"x", "before?"}, .outputs = {"y", "after"}, .states = {before}};
  Index size = 1, stride = 1;

  Shapes output_shapes(const Inputs& in) const {
    in.require_rank(x, 3, "[B, L, D]");
    if (stride < 1 || size < stride) in.fail(str("the stride must be from 1 to the size, ", size, ", got ", stride));
    const Index batch = in[x].dim(0), width = in[x].dim(2), least = size - stride;
    if (in.has(before)) {
      in.require_rank(before, 3, "[B, C, D]");
      in.require_shape(before, Shape{batch, in[before].dim(1), width});
      if (in[before].dim(1) < least || in[before].dim(1) >= size)
        in.fail(str("before must have ", least, " to ", size - 1, " steps, got ", in[before].dim(1)));
    }
    const Index all = (in.has(before) ? in[before].dim(1) : least) + in[x].dim(1), count = (all - least) / stride;
    return {Shape{batch, count, size * width}, Shape{batch, all - count * stride, width}};
  }
  void forward(const Operands& v) const {
    const Extents n(*this, v);
    parallel_for(v.in[x].dim(0), [&](Index b) {
      const kernels::Scratch all(n.carried + n.steps);  // the steps before and those of x
      if (v.in[before].defined())
        std::copy_n(v.in[before].data() + b * n.carried, n.carried, all.data());
      else
        std::fill_n(all.data(), n.carried, Real{0});
      std::copy_n(v.in[x].data() + b * n.steps, n.steps, all.data() + n.carried);
      for (Index i = 0; i < n.frames; ++i)
        std::copy_n(all.data() + i * n.apart, n.frame, v.out[y].data() + (b * n.frames + i) * n.frame);
      std::copy_n(all.data() + n.frames * n.apart, n.kept, v.out[after].data() + b * n.kept);
    });
  }
  void backward(const Operands& v, const OutputGrads& dout, Gradients& into) const {
    const Extents n(*this, v);
    Real *const dx = into[x], *const dbefore = into[before];
    parallel_for(v.in[x].dim(0), [&](Index b) {
      const kernels::Scratch all(n.carried + n.steps, 0);
      if (dout[y].defined())
        for (Index i = 0; i < n.frames; ++i)
          add_numbers(n.frame, dout[y].data() + (b * n.frames + i) * n.frame, all.data() + i * n.apart);
      if (dout[after].defined()) add_numbers(n.kept, dout[after].data() + b * n.kept, all.data() + n.frames * n.apart);
      if (dbefore) add_numbers(n.carried, all.data(), dbefore + b * n.carried);
      if (dx) add_numbers(n.steps, all.data() + n.carried, dx + b * n.steps);
    });
  }

 private:
  /// Numbers of one sequence.
  struct Extents {
    Extents(const Frames& op, const Operands& v) {
      const Index width = v.in[x].dim(2);
      steps = v.in[x].dim(1) * width, frame = op.size * width, apart = op.stride * width;
      carried = v.in[before].shape().rank() ? v.in[before].dim(1) * width : frame - apart;
      frames = v.out[y].dim(1), kept = v.out[after].dim(1) * width;
    }
    Index steps, frame, apart, carried, kept;
    Index frames;  // their count
  };
};

}  // namespace ops

/// x [B, L, D], before: what the chunk before left, or undefined at the start -> frames [B, L', size D], and what the
/// next chunk begins with
inline ScanResult frames(const Variable& x, Index size, Index stride, const Variable& before = {}) {
  return ScanResult(apply(ops::Frames{size, stride}, {x, before}));
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
