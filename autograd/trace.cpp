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

}  // namespace seqtape::inline SEQTAPE_PRECISION
