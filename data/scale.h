#pragma once
// The mean and the deviation of numbers that a model reads or answers by them.

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/real.h"

namespace seqtape {

struct Scale {
  double mean = 0, deviation = 0;
  double most = 0;  ///< the greatest magnitude
  /// Equal values are only shifted.
  double divisor() const { return deviation > 0 ? deviation : 1; }
};

/// Of `width` channels, in three passes: `each(take)` calls take(channel, value) with every value.
template <class Each>
std::vector<Scale> measure_scales(std::size_t width, const Each& each) {
  struct Sums {
    bool begun = false;
    double first = 0, count = 0, sum = 0, farthest = 0, unit = 1, square = 0;
  };
  std::vector<Sums> sums(width);
  std::vector<Scale> scales(width);
  // Relative to the first value, so that equal ones have a deviation of exactly 0.
  each([&](std::size_t c, double value) {
    if (!sums[c].begun) sums[c].begun = true, sums[c].first = value;
    sums[c].sum += value - sums[c].first, ++sums[c].count;
  });
  for (std::size_t c = 0; c < width; ++c)
    if (sums[c].begun) scales[c].mean = sums[c].first + sums[c].sum / sums[c].count;
  each([&](std::size_t c, double value) {
    scales[c].most = std::max(scales[c].most, std::fabs(value));
    sums[c].farthest = std::max(sums[c].farthest, std::fabs(value - scales[c].mean));
  });
  // In units of a power of two, which rounds nothing: the square of 1e-300 would be 0.
  for (Sums& one : sums) one.unit = one.farthest > 0 ? std::ldexp(1, std::ilogb(one.farthest)) : 1;
  each([&](std::size_t c, double value) {
    const double off = (value - scales[c].mean) / sums[c].unit;
    sums[c].square += off * off;
  });
  for (std::size_t c = 0; c < width; ++c)
    if (sums[c].begun) scales[c].deviation = sums[c].unit * std::sqrt(sums[c].square / sums[c].count);
  return scales;
}

}  // namespace seqtape
