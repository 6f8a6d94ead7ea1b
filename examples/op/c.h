#pragma once
// Goes to models/export/c/fo_pool.h: one step of the op as calls of the C functions that there are.

#include "autograd/ops/fo_pool.h"
#include "core/strings.h"
#include "models/export/c/step.h"

namespace seqtape {

// [c]
inline void fo_pool(const ops::FoPool& op, CStep& s) {
  const Index n = s.out_shape().size();
  const CStep::Operand f = s.in(op.f), z = s.in(op.z), o = s.in(op.o), count{-1, 0, str(n)}, minus{-1, 0, "-1.0f"};
  const CStep::Operand taken = s.working_memory(n), c = s.working_memory(n);
  s.call("multiply", {taken, f, z, count});
  s.call("scale", {taken, taken, minus, count});
  s.call("add", {taken, taken, z, count});  // z - f z
  s.call("diagonal_recurrence", {c, s.state(op.c0, op.c_last), f, taken, count});
  s.call("multiply", {s.out(op.y), o, c, count});
}
// [rest]

}  // namespace seqtape
