#pragma once
// Bands of the mel scale, in which models of sound read it.

#include <vector>

#include "core/real.h"

namespace seqtape {

/// How samples become the logarithms of their power in bands. A frame of `window` samples, times a periodic Hann
/// window, has a spectrum X of n points, the next power of two; band j adds up |X_k|^2 with weights that are linear in
/// mel, 1 in its middle and 0 in its neighbours' middles. mel(f) = 1127 ln(1 + f / 700).
/// Source: Keras' MelSpectrogram, whose scale is that of HTK. Deviations, both because it looks ahead: a frame ends at
/// its sample instead of being centred on it, and there is no `top_db`. And the unit is a bel, ten of its decibels.
struct MelBands {
  Index window = 0;  ///< samples of a frame; 0: there are no bands
  Index hop = 0;     ///< samples from frame to frame
  Index bands = 0;   ///< their number
  double rate = 0;   ///< samples a second
  double low = 0;    ///< Hz: where the lowest band begins
  double high = 0;   ///< Hz: where the highest ends
};

/// The power of a band that is silent: -10 bels.
inline constexpr double kSilentPower = 1e-10;

/// n, the points of the spectrum.
Index spectrum_points(const MelBands&);
/// The Hann window: sin^2(pi t / window).
std::vector<double> hann_window(const MelBands&);
/// Where frequencies 0 .. n/2 lie among the bands, whose middles are at 1 .. bands: at p, the share p - floor(p) of the
/// power is that of band floor(p), counted from 0, and the rest of the one below it. 0: in none, and so is frequency 0.
std::vector<double> mel_positions(const MelBands&);

}  // namespace seqtape
