#pragma once
// Working memory of a kernel call, from the pool.

#include <algorithm>

#include "core/pool.h"
#include "core/real.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

class Scratch {
 public:
  /// Uninitialised, 64-byte aligned. Null for a count of 0: the pool's lock alone is expensive in a parallel loop.
  explicit Scratch(Index count)
      : bytes_(static_cast<std::size_t>(count) * sizeof(Real)),
        data_(bytes_ ? static_cast<Real*>(pool::allocate(bytes_)) : nullptr) {}
  Scratch(Index count, Real value) : Scratch(count) { std::fill(data_, data_ + count, value); }
  ~Scratch() {
    if (data_) pool::release(data_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Real* data() const { return data_; }

 private:
  std::size_t bytes_;
  Real* data_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
