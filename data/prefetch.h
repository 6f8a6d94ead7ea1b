#pragma once
#include <future>

#include "data/task.h"

namespace seqtape {

/// A task's training batches, the next one made by a thread of its own while the present one is trained on. A batch is
/// a function of its step, so neither order nor content depend on this. Between calls the task may be read by passes,
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
  std::future<Batch> next_;  // its end is waited for in the destructor
};

}  // namespace seqtape
