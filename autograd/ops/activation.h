#pragma once
// f(x), elementwise.

#include "autograd/tape.h"
#include "core/kernels/pointwise.h"

namespace seqtape::inline SEQTAPE_PRECISION {
using kernels::Activation;

namespace ops {

struct Activate {
  enum : std::size_t { x };
  static constexpr OpSchema schema{.name = "activation", .inputs = {"x"}, .outputs = {"y"}, .keeps = {x}};
  Activation f;

  const char* name() const {
    switch (f) {
      case Activation::silu:
        return "silu";
      case Activation::sigmoid:
        return "sigmoid";
      case Activation::tanh:
        return "tanh";
      case Activation::relu:
        return "relu";
      case Activation::gelu:
        return "gelu";
      case Activation::gelu_tanh:
        return "gelu_tanh";
      case Activation::softplus:
        return "softplus";
      case Activation::exp:
        return "exp";
      case Activation::negative_exp:
        return "negative_exp";
    }
    return schema.name;
  }
  Shapes output_shapes(const Inputs& in) const { return {in[x].shape()}; }
  void forward(const Operands& v) const {
    kernels::pointwise->activation(f, v.in[x].size(), v.in[x].data(), v.out[0].data());
  }
  void backward(const Operands& v, const OutputGrads& dy, Gradients& into) const {
    kernels::pointwise->activation_backward(f, v.in[x].size(), v.in[x].data(), dy[0].data(), into[x]);
  }
};

}  // namespace ops

inline Variable activation(Activation f, const Variable& x) { return apply(ops::Activate{f}, {x})[0]; }
inline Variable silu(const Variable& x) { return activation(Activation::silu, x); }
inline Variable gelu(const Variable& x) { return activation(Activation::gelu, x); }
inline Variable softplus(const Variable& x) { return activation(Activation::softplus, x); }
inline Variable negative_exp(const Variable& x) { return activation(Activation::negative_exp, x); }

}  // namespace seqtape::inline SEQTAPE_PRECISION
