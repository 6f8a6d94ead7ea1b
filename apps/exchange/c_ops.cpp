// Each op as a call of a C function (c_functions.cpp): one step of one sequence; states are changed in place.
#include <cmath>

#include "apps/exchange/c_step.h"
#include "autograd/ops/ops.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

using Operand = CStep::Operand;

Operand text(const std::string& words) { return {-1, 0, words}; }
Operand integer(Index value) { return text(str(value)); }
Operand real(double value) { return text(c_number(value)); }

Index rows_of(const Shape& shape) { return shape.size() / shape.back(); }

void embedding(CStep& s) {
  const IndexTensor &ids = s.node().ids, &tokens = s.pass().input.tokens;
  const Index n = s.node().inputs[0].dim(1);
  std::string row = "token";
  if (!tokens.defined() || ids.data() != tokens.data()) {  // learned positions
    if (ids.data()[0] != s.pass().extents.past)
      throw ConfigError("c: an embedding of something else than tokens and positions cannot be said");
    row = "position";
    s.ends_after(s.node().inputs[0].dim(0));
  }
  s.call("memcpy", {s.out(0), text(str(s.in(0).text, " + (size_t)", row, " * ", n)), text(str(n, " * sizeof(float)"))});
}

void linear(CStep& s) {
  const Shape& weight = s.node().inputs[1].shape();
  if (rows_of(s.node().inputs[0].shape()) != 1) throw ConfigError("c: a product of several rows cannot be said");
  s.call("linear", {s.out(0), s.in(1), s.in(2), s.in(0), integer(weight[0]), integer(weight[1])});
}

/// f of each number; `name` is C's.
auto each(const char* name, bool ours) {
  return [name, ours](CStep& s) {
    if (ours) s.needs(name);
    s.call("each", {text(name), s.out(0), s.in(0), integer(s.node().outputs[0].size())});
  };
}

auto elementwise(const char* name) {
  return [name](CStep& s) { s.call(name, {s.out(0), s.in(0), s.in(1), integer(s.node().outputs[0].size())}); };
}

void scale(CStep& s) {
  s.call("scale", {s.out(0), s.in(0), real(s.number("factor")), integer(s.node().outputs[0].size())});
}

void one_row(CStep& s, const char* function) {
  const Index n = s.node().outputs[0].shape().back();
  if (rows_of(s.node().outputs[0].shape()) != 1)
    throw ConfigError(str("c: \"", function, "\" of several rows cannot be said"));
  s.call(function, s.node().inputs.size() > 1 ? std::vector<Operand>{s.out(0), s.in(0), s.in(1), integer(n)}
                                              : std::vector<Operand>{s.out(0), s.in(0), integer(n)});
}

void columns(CStep& s) {
  if (rows_of(s.node().inputs[0].shape()) != 1) throw ConfigError("c: columns of several rows cannot be said");
  const auto begin = static_cast<Index>(s.number("begin"));
  Operand part = s.in(0);
  if (part.array < 0) part.text = str(part.text, " + ", begin);
  part.offset += begin;
  s.bind(0, part);
}

/// What was before and this step: the cache of keys or values.
void concat_time(CStep& s) {
  if (!s.is_state_that_grows(0)) throw ConfigError("c: only a cache can grow with the steps");
  s.call("remember", {s.state(0, 0), s.in(1), text("position"), integer(s.node().inputs[1].size())});
}

void rms_norm(CStep& s) {
  const Shape& shape = s.node().inputs[0].shape();
  s.call("rms_norm",
         {s.out(0), s.in(0), s.in(1), integer(rows_of(shape)), integer(shape.back()), real(s.number("eps"))});
}

void layer_norm(CStep& s) {
  const Shape& shape = s.node().inputs[0].shape();
  s.call("layer_norm",
         {s.out(0), s.in(0), s.in(1), s.in(2), integer(rows_of(shape)), integer(shape.back()), real(s.number("eps"))});
}

void causal_conv1d(CStep& s) {
  const Shape& weight = s.node().inputs[1].shape();
  const Operand window = weight[1] > 1 ? s.state(3, 1) : text("NULL");
  s.call("causal_conv1d", {s.out(0), window, s.in(0), s.in(1), s.in(2), integer(weight[0]), integer(weight[1]),
                           integer(s.number("silu") != 0)});
}

void selective_scan(CStep& s) {
  const Shape& a = s.node().inputs[2].shape();
  s.call("selective_scan", {s.out(0), s.state(8, 1), s.in(0), s.in(1), s.in(2), s.in(3), s.in(4), s.in(5), s.in(6),
                            s.in(7), integer(a[0]), integer(a[1]), integer(s.number("softplus") != 0)});
}

void ssd(CStep& s) {
  const auto groups = static_cast<Index>(s.number("groups"));
  const Index heads = s.node().inputs[2].dim(0), width = s.node().inputs[0].dim(2) / heads,
              states = s.node().inputs[3].dim(2) / groups;
  s.call("ssd", {s.out(0), s.state(6, 1), s.in(0), s.in(1), s.in(2), s.in(3), s.in(4), s.in(5), integer(heads),
                 integer(width), integer(groups), integer(states)});
}

void recurrence(CStep& s) {
  const auto cell = static_cast<Cell>(static_cast<int>(s.number("cell")));
  const Index n = s.node().inputs[1].dim(1);
  const Operand y = s.out(0), h = s.state(3, 1), gates = s.working_memory(kernels::gates_of(cell) * n);
  if (cell == Cell::lstm) return s.call("lstm", {y, h, s.state(4, 2), s.in(0), s.in(1), s.in(2), gates, integer(n)});
  if (cell == Cell::gru) return s.call("gru", {y, h, s.in(0), s.in(1), s.in(2), gates, integer(n)});
  if (cell == Cell::rnn_relu) s.needs("relu");
  s.call("rnn", {y, h, s.in(0), s.in(1), s.in(2), gates, text(cell == Cell::rnn_relu ? "relu" : "tanhf"), integer(n)});
}

void gated_scan(CStep& s) {
  s.call("gated_scan", {s.out(0), s.state(2, 1), s.in(0), s.in(1), integer(s.node().outputs[0].size())});
}

void rotating_scan(CStep& s) {
  s.call("rotating_scan", {s.out(0), s.state(2, 1), s.in(0), s.in(1), integer(s.node().outputs[0].size() / 2)});
}

void ssm_scan(CStep& s) {
  const Shape& a = s.node().inputs[1].shape();
  s.call("ssm_scan", {s.out(0), s.state(7, 1), s.in(0), s.in(1), s.in(2), s.in(3), s.in(4), s.in(5), s.in(6),
                      integer(a[0]), integer(a[1])});
}

void rotary(CStep& s) {
  const Shape& shape = s.node().inputs[0].shape();
  if (static_cast<Index>(s.number("offset")) != s.pass().extents.past)
    throw ConfigError("c: rotary positions that do not go on from the steps before cannot be said");
  s.call("rotary", {s.out(0), s.in(0), integer(shape[2]), integer(shape[3]), text("position"), real(s.number("base"))});
}

void attention(CStep& s) {
  const Shape& shape = s.node().inputs[0].shape();
  s.call("attention", {s.out(0), s.in(0), s.in(1), s.in(2), text("position + 1"), integer(shape[2]), integer(shape[3]),
                       real(s.number("scale")), integer(s.number("alibi") != 0)});
}

const std::map<std::string, std::function<void(CStep&)>>& forms() {
  static const std::map<std::string, std::function<void(CStep&)>> all{
      {"embedding", embedding},
      {"linear", linear},
      {"silu", each("silu", true)},
      {"sigmoid", each("sigmoid", true)},
      {"tanh", each("tanhf", false)},
      {"relu", each("relu", true)},
      {"gelu", each("gelu", true)},
      {"softplus", each("softplus", true)},
      {"exp", each("expf", false)},
      {"scale", scale},
      {"add", elementwise("add")},
      {"multiply", elementwise("multiply")},
      {"scale_columns", [](CStep& s) { one_row(s, "multiply"); }},
      {"glu", [](CStep& s) { one_row(s, "glu"); }},
      {"reshape", [](CStep& s) { s.bind(0, s.in(0)); }},
      {"columns", columns},
      {"concat_time", concat_time},
      {"rms_norm", rms_norm},
      {"layer_norm", layer_norm},
      {"causal_conv1d", causal_conv1d},
      {"selective_scan", selective_scan},
      {"ssd", ssd},
      {"recurrence", recurrence},
      {"gated_scan", gated_scan},
      {"rotating_scan", rotating_scan},
      {"ssm_scan", ssm_scan},
      {"attention", attention},
      {"rotary", rotary}};
  return all;
}

}  // namespace

void write_c_op(CStep& step) {
  const auto form = forms().find(step.node().op);
  if (form == forms().end()) throw ConfigError(str("c: the op \"", step.node().op, "\" has no form in C here"));
  form->second(step);
}

}  // namespace seqtape
