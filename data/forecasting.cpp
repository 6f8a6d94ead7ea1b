#include "data/forecasting.h"

#include <cmath>

namespace seqtape {

double seasonal_error(const std::vector<double>& values, Index season) {
  const auto shift = static_cast<std::size_t>(season);
  if (season < 1 || values.size() <= shift) return std::nan("");
  double sum = 0, count = 0;
  for (std::size_t t = shift; t < values.size(); ++t)
    if (const double error = std::fabs(values[t] - values[t - shift]); !std::isnan(error)) sum += error, ++count;
  return count > 0 ? sum / count : std::nan("");
}

}  // namespace seqtape
