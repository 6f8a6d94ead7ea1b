#pragma once
// A trace: the ops of a forward pass with their values. Generation replays it; exporters write from it.

#include <vector>

#include "autograd/op.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// While it lives, every op on this thread is recorded in it, with or without a tape; of nested traces, in the
/// innermost.
class Trace {
 public:
  struct Node {
    AnyOp op;
    Operands values;
  };

  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// The active trace of this thread, or null.
  static Trace* current();
  void add(Node node) { nodes_.push_back(std::move(node)); }
  /// Stops recording.
  void end();
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  std::vector<Node> nodes_;
  Trace* outer_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
