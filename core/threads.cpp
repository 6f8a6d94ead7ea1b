#include "core/threads.h"

#include <omp.h>

#include <algorithm>
#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace seqtape {
namespace {
int& count_setting() {
  static int count = std::max(1, omp_get_max_threads());
  return count;
}
}  // namespace

void flush_denormals() {
#if defined(__SSE2__)
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  _mm_setcsr(_mm_getcsr() | kFlushToZero | kDenormalsAreZero);
#elif defined(__aarch64__)
  std::uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  asm volatile("msr fpcr, %0" : : "r"(control | std::uint64_t{1} << 24));
#endif
}

int thread_count() { return count_setting(); }
void set_thread_count(int count) { count_setting() = std::max(1, count); }

}  // namespace seqtape
