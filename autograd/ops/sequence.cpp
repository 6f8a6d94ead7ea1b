#include "autograd/ops/check.h"
#include "autograd/ops/ops.h"
#include "core/kernels/conv.h"
#include "core/kernels/selective_scan.h"
#include "core/kernels/ssd.h"

namespace seqtape::inline SEQTAPE_PRECISION {

Carried causal_conv1d(const Variable& x, const Variable& weight, const Variable& bias, bool silu,
                      const Variable& window, const IndexTensor& lengths) {
  require_rank("causal_conv1d", "x", x, 3, "[B, L, D]");
  require_rank("causal_conv1d", "weight", weight, 2, "[D, K]");
  const Index batch = x.dim(0), length = x.dim(1), channels = x.dim(2), taps = weight.dim(1);
  if (taps < 1) throw ShapeError(str("causal_conv1d: weight must have at least one tap, got ", weight.shape()));
  const Shape window_shape{batch, taps - 1, channels};
  require_shape("causal_conv1d", "weight", weight, Shape{channels, taps});
  require_shape_if("causal_conv1d", "bias", bias, Shape{channels});
  require_shape_if("causal_conv1d", "window", window, window_shape);
  require_lengths("causal_conv1d", lengths, batch, length);
  const auto sizes = [=] { return kernels::ConvSizes{batch, length, channels, taps, data_or_null(lengths), silu}; };
  Tensor y = Tensor::like(x.value()), window_last(window_shape);
  compute([=, in = kernels::ConvInputs{x.data(), weight.data(), data_or_null(bias), data_or_null(window)},
           out = kernels::ConvOutputs{y.data(), window_last.data()}] { kernels::conv->forward(sizes(), in, out); });
  const auto outputs = record("causal_conv1d", {x, weight, bias, window}, {y, window_last},
                              [=, x = x.value(), w = weight.value(), bias = bias.value(), window = window.value()](
                                  const std::vector<Tensor>& dy, Gradients& into) {
                                kernels::conv->backward(
                                    sizes(), {x.data(), w.data(), data_or_null(bias), data_or_null(window)},
                                    {data_or_null(dy[0]), data_or_null(dy[1])}, {into[0], into[1], into[2], into[3]});
                              },
                              {{"silu", silu}});
  return {outputs[0], outputs[1]};
}

Carried selective_scan(const ScanArguments& args) {
  constexpr const char* kOp = "selective_scan";
  require_rank(kOp, "x", args.x, 3, "[B, L, D]");
  require_rank(kOp, "a", args.a, 2, "[D, N]");
  const Index batch = args.x.dim(0), length = args.x.dim(1), channels = args.x.dim(2), states = args.a.dim(1);
  const Shape rows{batch, length, states}, state_shape{batch, channels, states};
  require_shape(kOp, "delta", args.delta, args.x.shape());
  require_shape(kOp, "a", args.a, Shape{channels, states});
  require_shape(kOp, "b", args.b, rows);
  require_shape(kOp, "c", args.c, rows);
  require_shape_if(kOp, "skip", args.skip, Shape{channels});
  require_shape_if(kOp, "gate", args.gate, args.x.shape());
  require_shape_if(kOp, "delta_bias", args.delta_bias, Shape{channels});
  require_shape_if(kOp, "h0", args.h0, state_shape);
  require_lengths(kOp, args.lengths, batch, length);
  const auto sizes = [=, softplus = args.delta_softplus, lengths = args.lengths] {
    return kernels::ScanSizes{batch, length, channels, states, softplus, data_or_null(lengths)};
  };
  const auto pointers = [](const auto& v) {
    return kernels::ScanInputs{v[0].data(),        v[1].data(),        v[2].data(),
                               v[3].data(),        v[4].data(),        data_or_null(v[5]),
                               data_or_null(v[6]), data_or_null(v[7]), data_or_null(v[8])};
  };
  const std::vector<Tensor> inputs{args.x.value(),    args.delta.value(),      args.a.value(),
                                   args.b.value(),    args.c.value(),          args.skip.value(),
                                   args.gate.value(), args.delta_bias.value(), args.h0.value()};
  Tensor y = Tensor::like(args.x.value()), h_last(state_shape), saved;
  if (Tape::current()) saved = Tensor(Shape{kernels::selective_scan->saved_size(sizes())});
  compute([=, in = pointers(inputs), out = kernels::ScanOutputs{y.data(), h_last.data()}] {
    kernels::selective_scan->forward(sizes(), in, saved.data(), out);
  });
  const auto outputs = record(
      kOp, {args.x, args.delta, args.a, args.b, args.c, args.skip, args.gate, args.delta_bias, args.h0}, {y, h_last},
      [=](const std::vector<Tensor>& dy, Gradients& into) {
        kernels::selective_scan->backward(
            sizes(), pointers(inputs), saved.data(), {data_or_null(dy[0]), data_or_null(dy[1])},
            {into[0], into[1], into[2], into[3], into[4], into[5], into[6], into[7], into[8]});
      },
      {{"softplus", args.delta_softplus}});
  return {outputs[0], outputs[1]};
}

Carried ssd(const SsdArguments& args) {
  constexpr const char* kOp = "ssd";
  require_rank(kOp, "x", args.x, 3, "[B, L, H P]");
  require_rank(kOp, "a", args.a, 1, "[H]");
  require_rank(kOp, "b", args.b, 3, "[B, L, G N]");
  const Index batch = args.x.dim(0), length = args.x.dim(1), channels = args.x.dim(2), heads = args.a.dim(0),
              groups = args.groups, per_group = args.b.dim(2), states = groups > 0 ? per_group / groups : 0;
  if (heads < 1 || channels % heads != 0)
    throw ShapeError(str(kOp, ": a ", args.a.shape(), " must divide the channels of x ", args.x.shape()));
  if (groups < 1 || heads % groups != 0 || per_group % groups != 0)
    throw ShapeError(
        str(kOp, ": ", groups, " groups must divide a ", args.a.shape(), " and the last extent of b ", args.b.shape()));
  const Shape state_shape{batch, channels, states};
  require_shape(kOp, "delta", args.delta, Shape{batch, length, heads});
  require_shape(kOp, "b", args.b, Shape{batch, length, per_group});
  require_shape(kOp, "c", args.c, args.b.shape());
  require_shape_if(kOp, "skip", args.skip, Shape{heads});
  require_shape_if(kOp, "h0", args.h0, state_shape);
  require_lengths(kOp, args.lengths, batch, length);
  const auto sizes = [=, lengths = args.lengths] {
    return kernels::SsdSizes{batch, length, heads, channels / heads, groups, states, data_or_null(lengths)};
  };
  const auto pointers = [](const std::vector<Tensor>& v) {
    return kernels::SsdInputs{v[0].data(), v[1].data(),        v[2].data(),       v[3].data(),
                              v[4].data(), data_or_null(v[5]), data_or_null(v[6])};
  };
  const std::vector<Tensor> inputs{args.x.value(), args.delta.value(), args.a.value(), args.b.value(),
                                   args.c.value(), args.skip.value(),  args.h0.value()};
  Tensor y = Tensor::like(args.x.value()), h_last(state_shape), saved;
  if (Tape::current()) saved = Tensor(Shape{kernels::ssd->saved_size(sizes())});
  compute([=, in = pointers(inputs), out = kernels::SsdOutputs{y.data(), h_last.data()}] {
    kernels::ssd->forward(sizes(), in, saved.data(), out);
  });
  const auto outputs =
      record(kOp, {args.x, args.delta, args.a, args.b, args.c, args.skip, args.h0}, {y, h_last},
             [=](const std::vector<Tensor>& dy, Gradients& into) {
               // The kernel fills the first five; what is not wanted goes to waste, which no model asks for.
               Tensor spare[5];
               Real* to[5];
               for (std::size_t i = 0; i < 5; ++i) {
                 if (!into.wanted(i)) spare[i] = Tensor::zeros(inputs[i].shape());
                 to[i] = into.wanted(i) ? into[i] : spare[i].data();
               }
               const Tensor dy0 = dy[0].defined() ? dy[0] : Tensor::zeros(inputs[0].shape());
               kernels::ssd->backward(sizes(), pointers(inputs), saved.data(), {dy0.data(), data_or_null(dy[1])},
                                      {to[0], to[1], to[2], to[3], to[4], into[5], into[6]});
             },
             {{"groups", static_cast<double>(groups)}});
  return {outputs[0], outputs[1]};
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
