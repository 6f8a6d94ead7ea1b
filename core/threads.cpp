#include "core/threads.h"

#include <omp.h>

#include <algorithm>

namespace seqtape {
namespace {
int& count_setting() {
  static int count = std::max(1, omp_get_max_threads());
  return count;
}
}  // namespace

int thread_count() { return count_setting(); }
void set_thread_count(int count) { count_setting() = std::max(1, count); }

}  // namespace seqtape
