#pragma once
// Memory for tensors, reused from step to step: after the first training step nothing is allocated from the system.
// All functions may be called from any thread.

#include <cstddef>

namespace seqtape::pool {

/// Uninitialised, 64-byte aligned memory of at least `bytes`. Throws Error when the system has none left.
void* allocate(std::size_t bytes);
/// Returns a block to the pool; `bytes` as passed to `allocate`.
void release(void* block, std::size_t bytes) noexcept;

struct Statistics {
  std::size_t in_use;              ///< bytes handed out now
  std::size_t peak;                ///< the most ever handed out at once
  std::size_t reserved;            ///< bytes allocated from the system, in use or free
  std::size_t system_allocations;  ///< number of allocations from the system
};
Statistics statistics();

/// Gives the free blocks back to the system.
void trim();

}  // namespace seqtape::pool
