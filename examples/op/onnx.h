#pragma once
// Goes to models/export/onnx/fo_pool.h: what the op is in ONNX's words.

#include "autograd/ops/fo_pool.h"
#include "models/export/onnx/graph.h"

namespace seqtape {

// [onnx]
inline void fo_pool(const ops::FoPool& op, const OnnxOp& at) {
  OnnxGraph& g = at.graph;
  const std::string start = at.has(op.c0) ? at.in(op.c0) : g.zeros(at.in(op.z), {at.shape(op.z).back()});
  const auto step = [&](const Values& states, const Values& now) {  // c = z + f (c - z)
    const std::string &f = now[0], &z = now[1];
    const std::string c = g.add(z, g.multiply(f, g.subtract(states[0], z)));
    return Values{c, c};
  };
  const Values out = g.over_time({start}, {at.in(op.f), at.in(op.z)}, 1, step);
  at.bind(op.y, g.multiply(at.in(op.o), out[1]));
  at.bind(op.c_last, out[0]);
}
// [rest]

}  // namespace seqtape
