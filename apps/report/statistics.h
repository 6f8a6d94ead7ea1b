#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

namespace seqtape {

/// The median; of an even number of values the mean of the middle two; NaN without values.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n == 0 ? NAN : n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace seqtape
