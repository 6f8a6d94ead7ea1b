#include "core/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace seqtape::pool {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

struct Pool {
  std::mutex mutex;
  std::map<std::size_t, std::vector<void*>> free;  // by size class
  Statistics statistics{};
};

// Never destroyed: tensors in static objects may outlive any order of destruction.
Pool& instance() {
  static Pool* const pool = new Pool;
  return *pool;
}

/// Eight classes to each power of two: at most 1/8 of a block is slack, and lengths that differ a little share blocks.
std::size_t size_class(std::size_t bytes) {
  if (bytes <= kAlignment) return kAlignment;
  const std::size_t step = std::max(kAlignment, std::bit_floor(bytes) / 8);
  return (bytes + step - 1) / step * step;
}

void* system_allocate(std::size_t bytes) {
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
  void* block = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!block) throw Error(str("memory: the system has no ", human_bytes(static_cast<double>(bytes)), " left"));
  // Large tensors are streamed through; 2 MiB pages spare most of the TLB misses.
  if (alignment == kHugePage) madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}

}  // namespace

void* allocate(std::size_t bytes) {
  bytes = size_class(bytes);
  Pool& pool = instance();
  const std::lock_guard lock(pool.mutex);
  void* block = nullptr;
  if (auto& blocks = pool.free[bytes]; !blocks.empty()) {
    block = blocks.back();
    blocks.pop_back();
  } else {
    block = system_allocate(bytes);
    ++pool.statistics.system_allocations;
    pool.statistics.reserved += bytes;
  }
  pool.statistics.in_use += bytes;
  pool.statistics.peak = std::max(pool.statistics.peak, pool.statistics.in_use);
  return block;
}

void release(void* block, std::size_t bytes) noexcept {
  bytes = size_class(bytes);
  Pool& pool = instance();
  const std::lock_guard lock(pool.mutex);
  pool.free[bytes].push_back(block);
  pool.statistics.in_use -= bytes;
}

Statistics statistics() {
  Pool& pool = instance();
  const std::lock_guard lock(pool.mutex);
  return pool.statistics;
}

void trim() {
  Pool& pool = instance();
  const std::lock_guard lock(pool.mutex);
  for (auto& [bytes, blocks] : pool.free) {
    for (void* block : blocks) std::free(block);
    pool.statistics.reserved -= bytes * blocks.size();
    blocks.clear();
  }
}

}  // namespace seqtape::pool
