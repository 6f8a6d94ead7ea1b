#include "core/pool.h"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape::pool {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20, kPage = 4096;

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

/// Large blocks are mappings of their own, so that `trim` really returns them to the system, and use 2 MiB pages: large
/// tensors are streamed through, and these avoid most TLB misses.
void* map_pages(std::size_t bytes) {
  const std::size_t mapped = bytes + kHugePage;
  void* const raw = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(raw);
  const std::size_t skip = (kHugePage - reinterpret_cast<std::uintptr_t>(raw) % kHugePage) % kHugePage;
  if (skip) munmap(begin, skip);
  const std::size_t pages = (bytes + kPage - 1) / kPage * kPage;
  if (mapped > skip + pages) munmap(begin + skip + pages, mapped - skip - pages);
  madvise(begin + skip, pages, MADV_HUGEPAGE);
  return begin + skip;
}

void* system_allocate(std::size_t bytes) {
  void* const block = bytes >= kHugePage ? map_pages(bytes) : std::aligned_alloc(kAlignment, bytes);
  if (!block) throw Error(str("memory: the system has no ", human_bytes(static_cast<double>(bytes)), " left"));
  return block;
}

void system_release(void* block, std::size_t bytes) {
  if (bytes >= kHugePage)
    munmap(block, (bytes + kPage - 1) / kPage * kPage);
  else
    std::free(block);
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
    for (void* block : blocks) system_release(block, bytes);
    pool.statistics.reserved -= bytes * blocks.size();
    blocks.clear();
  }
  malloc_trim(0);
}

}  // namespace seqtape::pool
