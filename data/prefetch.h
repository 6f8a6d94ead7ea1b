#pragma once
// Training batches that are made ahead, on a thread of their own.

#include <future>

#include "data/task.h"

namespace seqtape {

/// A task's training batches; the next one is made by another thread while the current one is trained on. A batch is a
/// function of its step, so its content does not depend on this. Between calls the task may be read, by evaluations,
/// but not changed.
class Prefetch {
 public:
  Prefetch(const Task& task, Index batch) : task_(task), batch_(batch) {}
  /// The batch of a step, valid until the next call. Throws what the task throws.
  const Batch& at(Index step);

 private:
  const Task& task_;
  Index batch_, coming_ = -1;  // the step that `next_` makes
  Batch present_;
  std::future<Batch> next_;  // the destructor waits for it
};

}  // namespace seqtape
