#pragma once
#include "data/task.h"

namespace seqtape::testing {

/// A task of the registry, read from its settings and prepared.
inline std::unique_ptr<Task> make(const std::string& name, const Json& settings, std::uint64_t seed = 1) {
  auto task = tasks().find(name)->make();
  read_fields([&](Fields& f) { task->fields(f); }, settings, "task");
  task->prepare(seed);
  return task;
}

}  // namespace seqtape::testing
