#pragma once
// Counter-based random numbers: the value at (seed, stream, position) is a pure function, so any thread can draw any
// part of a stream, and a resumed run continues where it was. Only integer arithmetic and correctly rounded operations
// are used, so every platform draws the same numbers.
// Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", Philox4x32-10.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// Four times 32 random bits at `counter` of the stream `key`.
std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t counter_low, std::uint64_t counter_high);

/// 64-bit FNV-1a: the stream number of a name.
std::uint64_t hash_name(std::string_view name);

/// Where dropout's masks are drawn: a key for each training step and layer, and the position of the tensor's first
/// element, its sequence within the batch and its step within the sequence.
struct DropoutKey {
  std::uint64_t key = 0;
  Index sequence = 0, step = 0;
};

/// A stream of random numbers, read in order.
class Random {
 public:
  /// Streams of different (seed, stream, substream) are independent.
  Random(std::uint64_t seed, std::uint64_t stream, std::uint64_t substream = 0);
  /// A stream by its purpose: Random(seed, "data", step).
  Random(std::uint64_t seed, std::string_view stream, std::uint64_t substream = 0)
      : Random(seed, hash_name(stream), substream) {}

  /// 32 random bits.
  std::uint32_t bits();
  /// 32 random bits at a position of the stream, without moving.
  std::uint32_t bits_at(std::uint64_t position) const;
  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in [0, n), without bias. n >= 1.
  Index below(Index n);
  /// Standard normal (Marsaglia's polar method).
  double normal();
  /// A permutation of 0 .. n-1.
  std::vector<std::int32_t> permutation(Index n);

 private:
  std::uint64_t key_, high_;
  std::uint64_t position_ = 0;
  std::uint64_t block_index_ = ~std::uint64_t{0};
  std::array<std::uint32_t, 4> block_{};
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace seqtape
