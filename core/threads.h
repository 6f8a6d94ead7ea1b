#pragma once
// Parallel loops. Work is split by its shape, never by the number of threads, so that every result has the same bits at
// any thread count: each item is computed by one thread, and partial sums are added in the order of the items.

#include "core/real.h"

namespace seqtape {

/// Threads that parallel loops use; initially OpenMP's default (OMP_NUM_THREADS, or the processors of this process).
int thread_count();
void set_thread_count(int count);

/// While it lives, parallel loops use at most `most` threads.
class ThreadLimit {
 public:
  explicit ThreadLimit(int most) : kept_(thread_count()) {
    if (most < kept_) set_thread_count(most);
  }
  ~ThreadLimit() { set_thread_count(kept_); }
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int kept_;
};

/// Makes this thread treat denormal numbers as zero. Gradients that vanish along a sequence become denormals, which are
/// slow on some processors. A precaution: its gain has not been measured.
void flush_denormals();

/// Calls body(i) for i in [0, count), each exactly once, on any thread. The body must not throw.
template <class Body>
void parallel_for(Index count, const Body& body) {
  if (count <= 1 || thread_count() == 1) {
    flush_denormals();
    for (Index i = 0; i < count; ++i) body(i);
    return;
  }
#pragma omp parallel num_threads(thread_count())
  {
    flush_denormals();
#pragma omp for schedule(static)
    for (Index i = 0; i < count; ++i) body(i);
  }
}

/// Splits [0, size) into blocks of `block` and calls body(begin, end) for each.
template <class Body>
void parallel_blocks(Index size, Index block, const Body& body) {
  parallel_for((size + block - 1) / block, [&](Index i) {
    const Index begin = i * block;
    body(begin, begin + block < size ? begin + block : size);
  });
}

}  // namespace seqtape
