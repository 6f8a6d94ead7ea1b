#include "data/augmentation.h"

#include <algorithm>
#include <cmath>

namespace seqtape {

void Augmentation::fields(Fields& f) {
  f("crop", crop,
    "of a sequence longer than task.length, read a random part of that length, which evaluation reads the start of");
  f("shift", shift, "move a sequence by up to so many steps, either way; zeros are moved in", between(0, 1e9));
  f("gain", gain, "make it louder or softer by up to so many decibels", between(0, 100));
  f("noise", noise, "add white noise of up to this share of its root mean square", between(0, 100));
}

void Augmentation::mask_fields(Fields& f) {
  f("time_masks", time_masks, "stretches of frames that are left out (SpecAugment); of features \"logmel\"",
    between(0, 1000));
  f("time_mask", time_mask, "most frames of one", positive_up_to(1e6));
  f("band_masks", band_masks, "stretches of bands that are left out", between(0, 1000));
  f("band_mask", band_mask, "most bands of one", positive_up_to(1e6));
}

void Augmentation::change(Random& random, Index steps, Index features, float* values) const {
  const Index count = steps * features;
  if (shift > 0) {
    const Index by = std::clamp(random.below(2 * shift + 1) - shift, -steps, steps);
    if (by > 0) {
      std::move_backward(values, values + (steps - by) * features, values + count);
      std::fill_n(values, by * features, 0.0f);
    } else {
      std::move(values - by * features, values + count, values);
      std::fill(values + (steps + by) * features, values + count, 0.0f);
    }
  }
  if (gain > 0) {
    const auto factor = static_cast<float>(std::pow(10, random.uniform(-gain, gain) / 20));
    for (Index i = 0; i < count; ++i) values[i] *= factor;
  }
  if (noise > 0) {
    double square = 0;
    for (Index i = 0; i < count; ++i) square += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    const double deviation =
        random.uniform(0, noise) * std::sqrt(square / static_cast<double>(std::max<Index>(1, count)));
    for (Index i = 0; i < count; ++i) values[i] += static_cast<float>(deviation * random.normal());
  }
}

void Augmentation::mask(Random& random, Index frames, Index bands, float* kept) const {
  /// A stretch of up to `most` of `count`: where it begins, and where it ends.
  const auto stretch = [&](Index most, Index count) {
    const Index size = random.below(std::min(most, count) + 1), begin = random.below(count - size + 1);
    return std::pair(begin, begin + size);
  };
  for (Index m = 0; m < time_masks; ++m) {
    const auto [begin, end] = stretch(time_mask, frames);
    std::fill(kept + begin * bands, kept + end * bands, 0.0f);
  }
  for (Index m = 0; m < band_masks; ++m) {
    const auto [begin, end] = stretch(band_mask, bands);
    for (Index t = 0; t < frames; ++t) std::fill(kept + t * bands + begin, kept + t * bands + end, 0.0f);
  }
}

}  // namespace seqtape
