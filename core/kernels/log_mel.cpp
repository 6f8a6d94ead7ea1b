// With P = |X|^2, the gradient of sample t is sum_k dP[k] 2 Re(X[k] e^(2 pi i k t / n)): an inverse transform of
// dP X over all frequencies, of which the highest is its own mirror and counts twice.
#include "core/kernels/log_mel.h"

#include "core/kernels/fft.h"
#include "core/kernels/scratch.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

/// Two groups of W frames at a time: the real and the imaginary part of one transform.
class MelTransform {
 public:
  explicit MelTransform(const MelBands& bands) : bands_(bands), fft_(fft_of(spectrum_points(bands))) {
    for (const double value : hann_window(bands)) hann_.push_back(static_cast<Real>(value));
    for (const double position : mel_positions(bands)) {
      const auto band = static_cast<Index>(position);
      places_.push_back({position > 0 ? band : -1, static_cast<Real>(position - static_cast<double>(band))});
    }
  }
  /// Calls body(first frame, their number) for all pairs of groups, side by side.
  template <class Body>
  static void each_pair(Index frames, const Body& body) {
    parallel_blocks(frames, 2 * W, [&](Index begin, Index end) { body(begin, end - begin); });
  }
  Index spectrum_size() const { return 2 * fft_.size() * W; }
  /// Rows 0 and bands + 1 hold what lies below the lowest middle and above the highest.
  Index power_size() const { return (bands_.bands + 2) * 2 * W; }

  /// x [frames, window] -> z [n, 2, W]
  void spectra(Index frames, const Real* x, Real* z) const {
    std::fill_n(z, spectrum_size(), Real{0});
    for (Index f = 0; f < frames; ++f)
      for (Index t = 0; t < bands_.window; ++t)
        z[2 * t * W + f] = x[f * bands_.window + t] * hann_[static_cast<std::size_t>(t)];
    fft_.forward(z);
  }
  /// z -> power [bands + 2, 2, W]
  void add_up(const Real* z, Real* power) const {
    std::fill_n(power, power_size(), Real{0});
    for (std::size_t k = 0; k < places_.size(); ++k) {
      if (places_[k].band < 0) continue;
      const Spectra s = take_apart(fft_, z, static_cast<Index>(k));
      const Vec p1 = s.re1 * s.re1 + s.im1 * s.im1, p2 = s.re2 * s.re2 + s.im2 * s.im2;
      Real* const at = power + places_[k].band * 2 * W;
      const Real share = places_[k].share, rest = 1 - share;
      store(at, load(at) + p1 * rest);
      store(at + W, load(at + W) + p2 * rest);
      store(at + 2 * W, load(at + 2 * W) + p1 * share);
      store(at + 3 * W, load(at + 3 * W) + p2 * share);
    }
  }
  /// z and the gradients of its powers -> in z, the gradients of the samples times the window.
  void back(const Real* dpower, Real* z) const {
    for (std::size_t k = 0; k < places_.size(); ++k) {
      const auto frequency = static_cast<Index>(k);
      if (places_[k].band < 0) {
        put_together(fft_, z, frequency, Spectra{});
        continue;
      }
      const Spectra s = take_apart(fft_, z, frequency);
      const Real* const at = dpower + places_[k].band * 2 * W;
      const Real share = places_[k].share, rest = 1 - share, times = 2 * frequency == fft_.size() ? 2 : 1;
      const Vec d1 = (load(at) * rest + load(at + 2 * W) * share) * times,
                d2 = (load(at + W) * rest + load(at + 3 * W) * share) * times;
      put_together(fft_, z, frequency, Spectra{s.re1 * d1, s.im1 * d1, s.re2 * d2, s.im2 * d2});
    }
    fft_.inverse(z);
  }
  /// What back left in z, ADDED to dx [frames, window].
  void add_to_samples(Index frames, const Real* z, Real* dx) const {
    for (Index f = 0; f < frames; ++f)
      for (Index t = 0; t < bands_.window; ++t)
        dx[f * bands_.window + t] += z[2 * t * W + f] * hann_[static_cast<std::size_t>(t)];
  }

 private:
  struct Place {
    Index band;  // the row of the lower of its two; -1: it is in none
    Real share;  // of the upper one
  };
  const MelBands& bands_;
  const Fft& fft_;
  std::vector<Real> hann_;
  std::vector<Place> places_;  // of frequencies 0 .. n/2
};

constexpr Real kSilent = static_cast<Real>(kSilentPower);

void forward(const MelBands& bands, Index frames, const Real* x, Real* y) {
  const MelTransform transform(bands);
  MelTransform::each_pair(frames, [&](Index first, Index count) {
    const Scratch z(transform.spectrum_size()), power(transform.power_size());
    transform.spectra(count, x + first * bands.window, z.data());
    transform.add_up(z.data(), power.data());
    for (Index f = 0; f < count; ++f)
      for (Index j = 0; j < bands.bands; ++j)
        y[(first + f) * bands.bands + j] = std::log10(std::max(power.data()[(j + 1) * 2 * W + f], kSilent));
  });
}

void backward(const MelBands& bands, Index frames, const Real* x, const Real* dy, Real* dx) {
  const MelTransform transform(bands);
  MelTransform::each_pair(frames, [&](Index first, Index count) {
    const Scratch z(transform.spectrum_size()), power(transform.power_size());
    transform.spectra(count, x + first * bands.window, z.data());
    transform.add_up(z.data(), power.data());
    const Scratch dpower(transform.power_size(), 0);
    for (Index f = 0; f < count; ++f)
      for (Index j = 0; j < bands.bands; ++j) {
        const Index at = (j + 1) * 2 * W + f;
        if (power.data()[at] > kSilent)
          dpower.data()[at] =
              dy[(first + f) * bands.bands + j] / (power.data()[at] * static_cast<Real>(2.302585092994045684));
      }
    transform.back(dpower.data(), z.data());
    transform.add_to_samples(count, z.data(), dx + first * bands.window);
  });
}

}  // namespace

extern const LogMel log_mel;
const LogMel log_mel{forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
