#include "core/pool.h"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
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

constexpr std::size_t kSentinel = 64;
constexpr unsigned char kPattern = 0xA5, kUnset = 0xFF;  // all ones: NaN in float and double, -1 as an index

std::byte* begin_of(const void* block) { return static_cast<std::byte*>(const_cast<void*>(block)) - kSentinel; }

bool has_pattern(const std::byte* at) {
  return std::all_of(at, at + kSentinel, [](std::byte x) { return x == std::byte{kPattern}; });
}

void* between_sentinels(void* block, std::size_t bytes) {
  auto* const data = static_cast<std::byte*>(block) + kSentinel;
  std::memset(data - kSentinel, kPattern, kSentinel);
  std::memset(data, kUnset, bytes);
  std::memset(data + bytes, kPattern, kSentinel);
  return data;
}

std::atomic<const Work*> current_work = nullptr;  // of any thread: kernels work on several

}  // namespace

Work::Work(std::function<std::string()> description)
    : description_(std::move(description)), outer_(current_work.exchange(this)) {}
Work::~Work() { current_work = outer_; }

bool sentinels() {
  static const bool on = [] {
    const char* const value = std::getenv("SEQTAPE_SENTINELS");
    return value && *value && *value != '0';
  }();
  return on;
}

void check_sentinels(const void* block, std::size_t bytes) noexcept {
  if (!sentinels()) return;
  const std::byte* const begin = begin_of(block);
  if (has_pattern(begin) && has_pattern(begin + kSentinel + bytes)) return;
  const Work* const work = current_work;
  std::fprintf(stderr, "memory: %s wrote outside a block of %zu bytes\n",
               work ? work->description_().c_str() : "something", bytes);
  std::abort();
}

void* allocate(std::size_t bytes) {
  const std::size_t asked = bytes;
  bytes = size_class(sentinels() ? bytes + 2 * kSentinel : bytes);
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
  return sentinels() ? between_sentinels(block, asked) : block;
}

void release(void* block, std::size_t bytes) noexcept {
  check_sentinels(block, bytes);
  if (sentinels()) {
    block = begin_of(block);
    bytes += 2 * kSentinel;
  }
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
