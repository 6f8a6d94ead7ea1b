#pragma once
// Memory for tensors, reused from step to step: after the first training step no more is asked of the system.

#include <cstddef>

namespace seqtape::pool {

/// 64-byte aligned memory of at least `bytes`. Throws Error when the system has no more.
void* allocate(std::size_t bytes);
/// Returns a block to the pool; `bytes` as it was asked for.
void release(void* block, std::size_t bytes) noexcept;

struct Statistics {
  std::size_t in_use;              ///< bytes handed out now
  std::size_t peak;                ///< the most ever handed out at once
  std::size_t reserved;            ///< bytes taken from the system, in use or free
  std::size_t system_allocations;  ///< how often the system was asked
};
Statistics statistics();

/// Gives the free blocks back to the system.
void trim();

}  // namespace seqtape::pool
