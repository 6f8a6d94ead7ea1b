// Recurrences of a matrix as ONNX nodes: one step of the formulas of their kernels.
#include <cmath>

#include "autograd/ops/ops.h"
#include "models/export/onnx/graph.h"

namespace seqtape {
namespace {

using Graph = OnnxGraph;

/// S [B, H, K, V] as its rows' sum with the weights x [B, H, K]: [B, H, V]
std::string read(Graph& g, const std::string& state, const std::string& x) {
  return g.sum(g.multiply(g.unsqueeze(x, 3), state), 2);
}
/// k v^T: [B, H, K, V]
std::string outer(Graph& g, const std::string& k, const std::string& v) {
  return g.multiply(g.unsqueeze(k, 3), g.unsqueeze(v, 2));
}

void matrix_recurrence(const ops::MatrixRecurrence& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index heads = at.shape(op.q)[2], keys = at.shape(op.q)[3], values = at.shape(op.v)[3];
  if (op.starts.defined()) throw ConfigError("onnx: rows that hold several sequences are not supported");
  Values sequences;
  std::map<std::size_t, std::size_t> place;  // of an input among the sequences
  const bool fixed = at.has(op.g) && at.shape(op.g).rank() == 1, channels = at.has(op.g) && at.shape(op.g).rank() == 4;
  for (const std::size_t i : {op.q, op.k, op.v, op.a, op.b, op.beta, op.g})
    if (at.has(i) && !(i == op.g && fixed)) {
      place[i] = sequences.size();
      sequences.push_back(at.in(i));
    }
  const std::string s0 = at.has(op.s0) ? at.in(op.s0) : g.zeros(at.in(op.q), {heads, keys, values});
  const Values out = g.over_time({s0}, sequences, 1, [&](const Values& before, const Values& t) {
    std::string s = before[0];
    for (Index update = 0; update < op.updates; ++update) {
      const auto row = [&](std::size_t i) {
        const std::string& all = t[place.at(i)];
        return op.updates == 1 ? all : g.slice(all, 1, update * heads, (update + 1) * heads);
      };
      const std::string erased = at.has(op.a) ? outer(g, row(at.has(op.b) ? op.b : op.k), read(g, s, row(op.a))) : "";
      if (update == 0 && at.has(op.g)) {
        // [H, 1, 1], [B, H, 1, 1] or [B, H, K, 1]
        const std::string decay = g.node("Exp", {fixed ? at.in(op.g) : t[place.at(op.g)]});
        s = g.multiply(s, g.node("Unsqueeze", {decay, channels ? g.integers({3}) : g.integers({-2, -1})}));
      }
      std::string v = row(op.v);
      if (at.has(op.beta)) v = g.multiply(g.unsqueeze(row(op.beta), 2), g.subtract(v, read(g, s, row(op.k))));
      s = g.add(s, outer(g, row(op.k), v));
      if (!erased.empty()) s = g.add(s, erased);
    }
    return Values{s, g.multiply(read(g, s, t[place.at(op.q)]), g.scalar(op.scale))};
  });
  at.bind(0, out[1]);
  at.bind(1, out[0]);
}

void mlstm(const ops::Mlstm& op, const OnnxOp& at) {
  Graph& g = at.graph;
  const Index heads = at.shape(op.q)[2], keys = at.shape(op.q)[3], values = at.shape(op.v)[3];
  if (op.starts.defined()) throw ConfigError("onnx: rows that hold several sequences are not supported");
  const std::string q = at.in(op.q), s0 = at.has(op.s0) ? at.in(op.s0) : g.zeros(q, {heads, keys, values + 1}),
                    m0 = at.has(op.m0) ? at.in(op.m0) : g.zeros(q, {heads});
  const Values sequences{q, at.in(op.k), at.in(op.v), at.in(op.i), at.in(op.f)};
  const Values out = g.over_time({s0, m0}, sequences, 1, [&](const Values& before, const Values& t) {
    const auto negative = [&](const std::string& x) { return g.node("Neg", {x}); };
    const std::string log_forget = negative(g.node("Softplus", {negative(t[4])}));
    const std::string kept = g.add(log_forget, before[1]), m = g.node("Max", {kept, t[3], g.scalar(0)});
    const auto weight = [&](const std::string& x) {  // exp(x - m): [B, H, 1]
      return g.unsqueeze(g.node("Exp", {g.subtract(x, m)}), 2);
    };
    const std::string w = weight(t[3]), value = g.concat({g.multiply(w, t[2]), w}, 2);
    const std::string s = g.add(g.multiply(g.unsqueeze(weight(kept), 3), before[0]), outer(g, t[1], value));
    const std::string x = g.multiply(read(g, s, t[0]), g.scalar(1 / std::sqrt(static_cast<double>(keys))));
    const std::string floor = g.unsqueeze(g.node("Exp", {negative(m)}), 2);
    const std::string divisor = g.node("Max", {g.node("Abs", {g.slice(x, 2, values, values + 1)}), floor});
    return Values{s, m, g.node("Div", {g.slice(x, 2, 0, values), divisor})};
  });
  at.bind(op.y, out[2]);
  at.bind(op.s_last, out[0]);
  at.bind(op.m_last, out[1]);
}

}  // namespace

void add_matrix_recurrences(OnnxLowerings& forms) {
  forms.add(matrix_recurrence);
  forms.add(mlstm);
}

}  // namespace seqtape
