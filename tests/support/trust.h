#pragma once
// Expected numbers that prove nothing.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace seqtape::testing {

/// "", or why an implementation that does nothing could pass for a right one: over 30 % of them are zeros, or all are
/// equal. One number alone is trusted.
inline std::string mistrust(const std::vector<double>& want) {
  if (want.size() < 2) return "";
  if (want[0] != 0 && std::all_of(want.begin(), want.end(), [&](double x) { return x == want[0]; }))
    return "all are " + std::to_string(want[0]);
  const double zeros =
      static_cast<double>(std::count(want.begin(), want.end(), 0.0)) / static_cast<double>(want.size());
  return zeros > 0.3 ? std::to_string(std::lround(100 * zeros)) + " % are zeros" : "";
}

}  // namespace seqtape::testing
