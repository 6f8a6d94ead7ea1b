#pragma once
// The order in which a task reads its training data, epoch by epoch.

#include "core/random.h"

namespace seqtape {

/// Keeps the order of one epoch until another is requested. Batches are requested in order, so one is enough.
class Epochs {
 public:
  /// The order of an epoch, from `make` if it is not the one kept. `variant`: what it depends on beside the epoch.
  template <class Make>
  const std::vector<std::int32_t>& order(Index epoch, const Make& make, Index variant = 0) {
    if (epoch != epoch_ || variant != variant_) {
      order_ = make();
      epoch_ = epoch;
      variant_ = variant;
    }
    return order_;
  }
  /// The `number`th item that training reads, of `count`: each once an epoch, in a new random order.
  Index shuffled(std::uint64_t seed, Index number, Index count) {
    const Index epoch = number / count;
    const auto& all =
        order(epoch, [&] { return Random(seed, "train", static_cast<std::uint64_t>(epoch)).permutation(count); });
    return all[static_cast<std::size_t>(number % count)];
  }
  /// To be called when the data or the seed have changed.
  void forget() { epoch_ = -1; }

 private:
  Index epoch_ = -1, variant_ = 0;
  std::vector<std::int32_t> order_;
};

}  // namespace seqtape
