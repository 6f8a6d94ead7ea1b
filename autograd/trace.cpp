#include "autograd/trace.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

thread_local Trace* current_trace = nullptr;

}  // namespace

Trace::Trace() : outer_(current_trace) { current_trace = this; }
Trace::~Trace() { end(); }
void Trace::end() {
  if (current_trace == this) current_trace = outer_;
}
Trace* Trace::current() { return current_trace; }

void Trace::add(const char* op, std::initializer_list<Variable> inputs, const std::vector<Variable>& outputs,
                OpNumbers numbers) {
  Node& node =
      nodes_.emplace_back(Node{op, inputs, outputs, {}, std::exchange(ids_, {}), std::exchange(compute_, nullptr)});
  for (const auto& [name, value] : numbers) node.numbers[name] = value;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
