#pragma once
// What the heads of a mixer have read becomes its output: normalised, and gated.

#include "autograd/tape.h"
#include "core/kernels/gated_norm.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace ops {

/// y = (norm(x) weight + skip c) silu(z), or with gate_first norm(x silu(z)) weight: core/kernels/gated_norm.h has the
/// norm. One op instead of up to six: a training step keeps none of what lies between.
struct GatedNorm {
  enum : std::size_t { x, z, weight, c, skip };
  static constexpr OpSchema schema{.name = "gated_norm",
                                   .inputs = {"x", "z", "weight", "c?", "skip?"},
                                   .outputs = {"y"},
                                   .keeps = {x, z, weight, c, skip}};
  Index groups = 1;
  double eps = 0;
  bool centred = false, gate_first = false;

  Shapes output_shapes(const Inputs& in) const {
    in.require_axes(z, 1);
    const Shape& shape = in[z].shape();
    const Index channels = shape.back();
    if (groups < 1 || channels % groups != 0) in.fail(str(groups, " groups must divide the channels of z ", shape));
    if (in[x].size() != in[z].size()) in.fail(str("x ", in[x].shape(), " must have as many numbers as z ", shape));
    if (in[weight].shape().rank() != 1 || (in[weight].size() != channels && in[weight].size() != channels / groups))
      in.fail(str("weight must be [", channels, "] or [", channels / groups, "], got ", in[weight].shape()));
    if (in.has(c) != in.has(skip)) in.fail("c and skip come together");
    if (in.has(c) && gate_first) in.fail("c must not be given with gate_first");
    in.require_shape(c, shape);
    in.require_shape(skip, Shape{channels});
    return {shape};
  }
  /// Mean and 1/deviation, or 0 and 1/rms, of each group.
  Index saved_size(const Inputs& in) const { return 2 * row_count(in[z].shape()) * groups; }
  void forward(const Operands& v) const {
    kernels::gated_norm->forward(sizes(v), inputs(v), v.out[0].data(), v.saved.data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::gated_norm->backward(sizes(v), inputs(v), v.saved.data(), dy[0].data(),
                                  {into[x], into[z], into[weight], into[c], into[skip]});
  }

 private:
  kernels::GatedNormSizes sizes(const Operands& v) const {
    const Shape& shape = v.in[z].shape();
    return {row_count(shape), groups, shape.back() / groups, v.in[weight].size() != shape.back(), centred,
            gate_first,       eps};
  }
  static kernels::GatedNormInputs inputs(const Operands& v) {
    return {v.in[x].data(), v.in[z].data(), v.in[weight].data(), v.in[c].data(), v.in[skip].data()};
  }
};

}  // namespace ops

struct GatedNormArguments {
  Variable x;            ///< [..., E], or those numbers by heads
  Variable z;            ///< [..., E]: the gate
  Variable weight;       ///< [E], or [E / groups]: the same for every group
  Variable c{}, skip{};  ///< [..., E] and [E], or undefined
  Index groups = 1;      ///< that are normalised each by itself
  double eps = 0;
  bool centred = false;     ///< less their mean (LayerNorm), or not (RMSNorm)
  bool gate_first = false;  ///< norm(x silu(z)) weight
};
/// y [..., E]
inline Variable gated_norm(const GatedNormArguments& in) {
  return apply(ops::GatedNorm{in.groups, in.eps, in.centred, in.gate_first}, {in.x, in.z, in.weight, in.c, in.skip})[0];
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
