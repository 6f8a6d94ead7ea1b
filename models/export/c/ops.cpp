// Each op as a call of a C function (functions.cpp): one step of one sequence; states are changed in place.
#include "autograd/ops/ops.h"

#include "core/strings.h"
#include "models/export/c/step.h"
#include "models/export/refused.h"

namespace seqtape {
namespace {

using Operand = CStep::Operand;

Operand text(const std::string& words) { return {-1, 0, words}; }
Operand integer(Index value) { return text(str(value)); }
Operand real(double value) { return text(c_number(value)); }

/// C's steps are single rows.
void require_one_row(const AnyOp& op, const Shape& shape) {
  if (row_count(shape) != 1) throw ConfigError(str("c: \"", op.name(), "\" of several rows is not supported"));
}

void embedding(const ops::Embedding& op, CStep& s) {
  const IndexTensor& tokens = s.pass().input.tokens;
  std::string row = "token";
  if (!tokens.defined() || op.ids.data() != tokens.data()) {  // learned positions
    if (op.ids.data()[0] != s.pass().extents.past)
      throw ConfigError("c: an embedding of anything but tokens and positions is not supported");
    row = "m->position";
    s.ends_after(s.shape(op.table)[0]);
  }
  const Index n = s.shape(op.table)[1];
  s.call("memcpy",
         {s.out(0), text(str(s.in(op.table).text, " + (size_t)", row, " * ", n)), text(str(n, " * sizeof(float)"))});
}

void linear(const ops::Linear& op, CStep& s) {
  const Shape& weight = s.shape(op.weight);
  require_one_row(op, s.shape(op.x));
  s.call("linear", {s.out(0), s.in(op.weight), s.in(op.bias), s.in(op.x), integer(weight[0]), integer(weight[1])});
}

void block_linear(const ops::BlockLinear& op, CStep& s) {
  const Shape& weight = s.shape(op.weight);
  require_one_row(op, s.shape(op.x));
  s.call("block_linear", {s.out(0), s.in(op.weight), s.in(op.bias), s.in(op.x), integer(weight[0]), integer(weight[1]),
                          integer(weight[2])});
}

void activation(const ops::Activate& op, CStep& s) {
  const auto name = [&]() -> const char* {
    switch (op.f) {
      case Activation::tanh:
        return "tanhf";
      case Activation::exp:
        return "expf";
      case Activation::gelu_tanh:
      case Activation::negative_exp:
        throw ConfigError(str("c: \"", op.name(), "\" is not supported: no model uses it on what changes with a step"));
      default:
        s.needs(op.name());
        return op.name();
    }
  };
  const char* const function = name();
  s.call("each", {text(function), s.out(0), s.in(op.x), integer(s.out_shape().size())});
}

void scale(const ops::Scale& op, CStep& s) {
  s.call("scale", {s.out(0), s.in(op.x), real(op.factor), integer(s.out_shape().size())});
}
void add(const ops::Add& op, CStep& s) {
  s.call("add", {s.out(0), s.in(op.a), s.in(op.b), integer(s.out_shape().size())});
}
void multiply(const ops::Multiply& op, CStep& s) {
  s.call("multiply", {s.out(0), s.in(op.a), s.in(op.b), integer(s.out_shape().size())});
}
void scale_columns(const ops::ScaleColumns& op, CStep& s) {
  require_one_row(op, s.out_shape());
  s.call("multiply", {s.out(0), s.in(op.x), s.in(op.weight), integer(s.out_shape().back())});
}
void glu(const ops::Glu& op, CStep& s) {
  require_one_row(op, s.out_shape());
  s.call("glu", {s.out(0), s.in(op.x), integer(s.out_shape().back())});
}

void reshape(const ops::Reshape& op, CStep& s) { s.bind(0, s.in(op.x)); }

void slice_last(const ops::SliceLast& op, CStep& s) {
  require_one_row(op, s.shape(op.x));
  Operand part = s.in(op.x);
  if (part.array < 0) part.text = str(part.text, " + ", op.begin);
  part.offset += op.begin;
  s.bind(0, part);
}

/// The cache of keys or values: the earlier steps and this one.
void concat_time(const ops::ConcatTime& op, CStep& s) {
  if (!s.is_state_that_grows(op.a)) throw ConfigError("c: only a cache can grow with the steps");
  s.call("remember", {s.state(op.a, 0), s.in(op.b), text("m->position"), integer(s.shape(op.b).size())});
}

void rms_norm(const ops::RmsNorm& op, CStep& s) {
  const Shape& shape = s.shape(op.x);
  s.call("rms_norm",
         {s.out(0), s.in(op.x), s.in(op.weight), integer(row_count(shape)), integer(shape.back()), real(op.eps)});
}

void layer_norm(const ops::LayerNorm& op, CStep& s) {
  const Shape& shape = s.shape(op.x);
  s.call("layer_norm", {s.out(0), s.in(op.x), s.in(op.weight), s.in(op.bias), integer(row_count(shape)),
                        integer(shape.back()), real(op.eps)});
}

void gated_norm(const ops::GatedNorm& op, CStep& s) {
  require_one_row(op, s.shape(op.z));
  const Index channels = s.shape(op.z).back();
  s.call("gated_norm", {s.out(0), s.in(op.x), s.in(op.z), s.in(op.weight), s.in(op.c), s.in(op.skip),
                        integer(op.groups), integer(channels / op.groups), integer(s.shape(op.weight)[0] != channels),
                        integer(op.centred), integer(op.gate_first), real(op.eps)});
}

void frames(const ops::Frames& op, CStep& s) {
  s.wait_for_frame(op.y, s.in(op.x), op.size, op.stride, s.shape(op.x)[2]);
}

/// Of one frame, also where the step that is traced has several.
void log_mel(const ops::LogMel& op, CStep& s) {
  const Index points = spectrum_points(op.bands);
  const Operand y = s.working_memory(op.bands.bands), spectrum = s.working_memory(2 * points);
  s.call("log_mel",
         {y, s.in(op.x), s.table("hann", hann_window(op.bands)), s.table("mel_positions", mel_positions(op.bands)),
          spectrum, integer(op.bands.window), integer(points), integer(op.bands.bands)});
  s.bind(0, y);
}

void causal_conv1d(const ops::CausalConv1d& op, CStep& s) {
  const Shape& weight = s.shape(op.weight);
  const Operand window = weight[1] > 1 ? s.state(op.window, 1) : text("NULL");
  s.call("causal_conv1d", {s.out(0), window, s.in(op.x), s.in(op.weight), s.in(op.bias), integer(weight[0]),
                           integer(weight[1]), integer(op.silu)});
}

void selective_scan(const ops::SelectiveScan& op, CStep& s) {
  const Shape& a = s.shape(op.a);
  s.call("selective_scan",
         {s.out(0), s.state(op.h0, 1), s.in(op.x), s.in(op.delta), s.in(op.a), s.in(op.b), s.in(op.c), s.in(op.skip),
          s.in(op.gate), s.in(op.delta_bias), integer(a[0]), integer(a[1]), integer(op.delta_softplus)});
}

void ssd(const ops::Ssd& op, CStep& s) {
  const Index heads = s.shape(op.a)[0], width = s.shape(op.x)[2] / heads, states = s.shape(op.b)[2] / op.groups;
  s.call("ssd", {s.out(0), s.state(op.h0, 1), s.in(op.x), s.in(op.delta), s.in(op.a), s.in(op.b), s.in(op.c),
                 s.in(op.skip), integer(heads), integer(width), integer(op.groups), integer(states)});
}

void recurrence(const ops::Recurrence& op, CStep& s) {
  const Index n = s.shape(op.weight)[1];
  const Operand y = s.out(op.y), h = s.state(op.h0, op.h_last),
                gates = s.working_memory(kernels::gates_of(op.cell) * n), z = s.in(op.gx), weight = s.in(op.weight),
                bias = s.in(op.bias);
  if (op.cell == Cell::lstm)
    return s.call("lstm", {y, h, s.state(op.c0, op.c_last), z, weight, bias, gates, integer(n)});
  if (op.cell == Cell::gru) return s.call("gru", {y, h, z, weight, bias, gates, integer(n)});
  const char* const f = op.cell == Cell::rnn_relu ? "relu" : "tanhf";
  if (op.cell == Cell::rnn_relu) s.needs(f);
  s.call("rnn", {y, h, z, weight, bias, gates, text(f), integer(n)});
}

void diagonal_recurrence(const ops::DiagonalRecurrence& op, CStep& s) {
  s.call("diagonal_recurrence", {s.out(0), s.state(op.h0, 1), s.in(op.a), s.in(op.x), integer(s.out_shape().size())});
}

void complex_diagonal_recurrence(const ops::ComplexDiagonalRecurrence& op, CStep& s) {
  s.call("complex_diagonal_recurrence",
         {s.out(0), s.state(op.h0, 1), s.in(op.a), s.in(op.x), integer(s.out_shape().size() / 2)});
}

void ssm_scan(const ops::SsmScan& op, CStep& s) {
  const Shape& a = s.shape(op.a);
  s.call("ssm_scan", {s.out(0), s.state(op.s0, 1), s.in(op.u), s.in(op.a), s.in(op.b), s.in(op.c), s.in(op.p),
                      s.in(op.q), s.in(op.r), integer(a[0]), integer(a[1])});
}

void matrix_recurrence(const ops::MatrixRecurrence& op, CStep& s) {
  const Index heads = s.shape(op.q)[2], keys = s.shape(op.q)[3], values = s.shape(op.v)[3];
  if (op.starts.defined()) throw ConfigError("c: rows that hold several sequences are not supported");
  const bool channels = s.has(op.g) && s.shape(op.g).rank() == 4;
  s.call("matrix_recurrence", {s.out(0), s.state(op.s0, 1), s.in(op.q), s.in(op.k), s.in(op.v), s.in(op.a), s.in(op.b),
                               s.in(op.beta), s.in(op.g), s.working_memory(values), integer(heads), integer(keys),
                               integer(values), integer(op.updates), integer(channels), real(op.scale)});
}

void mlstm(const ops::Mlstm& op, CStep& s) {
  s.call("mlstm",
         {s.out(op.y), s.state(op.s0, op.s_last), s.state(op.m0, op.m_last), s.in(op.q), s.in(op.k), s.in(op.v),
          s.in(op.i), s.in(op.f), integer(s.shape(op.q)[2]), integer(s.shape(op.q)[3]), integer(s.shape(op.v)[3])});
}

void rotary(const ops::Rotary& op, CStep& s) {
  const Shape& shape = s.shape(op.x);
  if (op.offset != s.pass().extents.past)
    throw ConfigError("c: rotary positions that do not go on from the steps before are not supported");
  s.call("rotary", {s.out(0), s.in(op.x), integer(shape[2]), integer(shape[3]), text("m->position"), real(op.base)});
}

void rotary_scan(const ops::RotaryScan& op, CStep& s) {
  const Shape& shape = s.shape(op.q);
  s.call("rotary_scan", {s.out(op.turned_q), s.out(op.turned_k), s.state(op.start, op.end), s.in(op.q), s.in(op.k),
                         integer(shape[2]), integer(shape[3]), real(op.base)});
}

void attention(const ops::Attention& op, CStep& s) {
  const Shape& shape = s.shape(op.q);
  const Operand share = s.working_memory("attention_share", kCContext);
  s.call("attention", {s.out(0), s.in(op.q), s.in(op.k), s.in(op.v), share, text("m->position + 1"), integer(shape[2]),
                       integer(shape[3]), real(op.scale), integer(op.alibi)});
}

}  // namespace

const CLowerings& c_lowerings() {
  static const CLowerings all = [] {
    CLowerings forms("c");
    forms.add(embedding);
    forms.add(linear);
    forms.add(block_linear);
    forms.add(activation);
    forms.add(scale);
    forms.add(add);
    forms.add(multiply);
    forms.add(scale_columns);
    forms.add(glu);
    forms.add(reshape);
    forms.add(slice_last);
    forms.add(concat_time);
    forms.add(rms_norm);
    forms.add(layer_norm);
    forms.add(gated_norm);
    forms.add(frames);
    forms.add(log_mel);
    forms.add(causal_conv1d);
    forms.add(selective_scan);
    forms.add(ssd);
    forms.add(matrix_recurrence);
    forms.add(mlstm);
    forms.add(recurrence);
    forms.add(diagonal_recurrence);
    forms.add(complex_diagonal_recurrence);
    forms.add(ssm_scan);
    forms.add(rotary);
    forms.add(rotary_scan);
    forms.add(attention);
    forms.refuse<ops::Softmax>("no model uses it outside attention");
    refuse_shared(forms);
    return forms;
  }();
  return all;
}

}  // namespace seqtape
