#include "core/mel.h"

#include <bit>
#include <cmath>

namespace seqtape {

Index spectrum_points(const MelBands& bands) {
  return static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(bands.window)));
}

std::vector<double> hann_window(const MelBands& bands) {
  std::vector<double> window;
  for (Index t = 0; t < bands.window; ++t) {
    const double sine = std::sin(3.14159265358979323846 * static_cast<double>(t) / static_cast<double>(bands.window));
    window.push_back(sine * sine);
  }
  return window;
}

std::vector<double> mel_positions(const MelBands& bands) {
  const auto mel = [](double hertz) { return 1127 * std::log1p(hertz / 700); };
  const Index n = spectrum_points(bands);
  const double low = mel(bands.low), width = (mel(bands.high) - low) / static_cast<double>(bands.bands + 1);
  std::vector<double> positions{0};
  for (Index k = 1; k <= n / 2; ++k) {
    const double position = (mel(bands.rate * static_cast<double>(k) / static_cast<double>(n)) - low) / width;
    positions.push_back(position > 0 && position < static_cast<double>(bands.bands + 1) ? position : 0);
  }
  return positions;
}

}  // namespace seqtape
