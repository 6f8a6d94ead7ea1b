#pragma once
// Memory for tensors, reused from step to step: after the first training step nothing is allocated from the system.
// All functions may be called from any thread.
//
// With SEQTAPE_SENTINELS in the environment, as tests run, every block begins filled with NaN and lies between 64 bytes
// of a pattern, which is checked when the block is returned: a write outside ends the program with the name of the op.

#include <cstddef>
#include <functional>
#include <string>

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

/// Blocks have sentinels.
bool sentinels();
/// Aborts, naming the work, when something was written just before or after a block that `allocate` gave for so many
/// bytes.
void check_sentinels(const void* block, std::size_t bytes) noexcept;

/// While it lives, what it describes is the work that a broken sentinel names.
class Work {
 public:
  explicit Work(std::function<std::string()> description);
  ~Work();
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

 private:
  std::function<std::string()> description_;
  const Work* outer_;
  friend void check_sentinels(const void*, std::size_t) noexcept;
};

}  // namespace seqtape::pool
