#pragma once
// Wall time.

#include <chrono>

namespace seqtape {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace seqtape
