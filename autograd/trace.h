#pragma once
// A trace: what a forward pass computed, op by op, with the values. Generation repeats it, exporters write from it.

#include <vector>

#include "autograd/op.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// While it lives, every op on this thread is noted in it, with or without a tape.
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

  static Trace* current();
  void add(Node node) { nodes_.push_back(std::move(node)); }
  /// Notes no further op.
  void end();
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  std::vector<Node> nodes_;
  Trace* outer_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
