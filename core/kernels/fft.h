#pragma once
// FFTs of many real sequences at once: W sequences to a vector, so that no step needs a shuffle, and two such groups as
// the real and imaginary part of one complex transform, so that real input costs half. Forward by decimation in
// frequency, inverse by decimation in time: the order in between is permuted, which pointwise
// products do not mind.
// Included by kernel sources only: compiled once per instruction set.

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/kernels/simd.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {

/// Tables of a transform of n points, n a power of two.
class Fft {
 public:
  explicit Fft(Index n) : n_(n), place_(static_cast<std::size_t>(n)) {
    for (Index size = n; size >= 4; size /= 4) {
      levels_.emplace_back();
      for (Index k = 0; k < size / 4; ++k)
        for (Index power = 1; power <= 3; ++power) {
          const double angle = -2 * 3.14159265358979323846 * static_cast<double>(k * power) / static_cast<double>(size);
          levels_.back().push_back(static_cast<Real>(std::cos(angle)));
          levels_.back().push_back(static_cast<Real>(std::sin(angle)));
        }
    }
    for (Index k = 0; k < n; ++k) {
      Index frequency = k, size = n, at = 0;
      for (; size >= 4; size /= 4, frequency /= 4) at += frequency % 4 * (size / 4);
      place_[static_cast<std::size_t>(k)] = static_cast<std::int32_t>(at + frequency);
    }
  }

  Index size() const { return n_; }
  /// The index of frequency k after `forward`.
  Index place(Index k) const { return place_[static_cast<std::size_t>(k)]; }

  /// In place; z: [n, 2, W], a (re, im) pair of vectors for each point.
  void forward(Real* z) const { forward(z, n_, 0); }
  /// The inverse without its 1/n.
  void inverse(Real* z) const { inverse(z, n_, 0); }

 private:
  struct Point {
    Vec re, im;
  };
  static Point get(const Real* z, Index i) { return {load(z + 2 * i * W), load(z + (2 * i + 1) * W)}; }
  static void put(Real* z, Index i, Point p) {
    store(z + 2 * i * W, p.re);
    store(z + (2 * i + 1) * W, p.im);
  }
  static Point plus(Point a, Point b) { return {a.re + b.re, a.im + b.im}; }
  static Point minus(Point a, Point b) { return {a.re - b.re, a.im - b.im}; }
  static Point times(Point a, Real re, Real im) { return {a.re * re - a.im * im, a.re * im + a.im * re}; }

  // Depth first: once a block fits a cache level, all its passes run there.
  void forward(Real* z, Index n, std::size_t level) const {
    if (n == 2) {
      const Point a = get(z, 0), b = get(z, 1);
      put(z, 0, plus(a, b));
      put(z, 1, minus(a, b));
    }
    if (n < 4) return;
    const Index q = n / 4;
    const Real* w = levels_[level].data();
    for (Index k = 0; k < q; ++k, w += 6) {
      const Point a = get(z, k), b = get(z, k + q), c = get(z, k + 2 * q), d = get(z, k + 3 * q);
      const Point ac = plus(a, c), bd = plus(b, d), a_c = minus(a, c), b_d = minus(b, d);
      const Point turned{b_d.im, -b_d.re};  // -i (b - d)
      put(z, k, plus(ac, bd));
      put(z, k + q, times(plus(a_c, turned), w[0], w[1]));
      put(z, k + 2 * q, times(minus(ac, bd), w[2], w[3]));
      put(z, k + 3 * q, times(minus(a_c, turned), w[4], w[5]));
    }
    for (Index block = 0; block < 4; ++block) forward(z + block * q * 2 * W, q, level + 1);
  }

  void inverse(Real* z, Index n, std::size_t level) const {
    if (n == 2) return forward(z, 2, level);
    if (n < 4) return;
    const Index q = n / 4;
    for (Index block = 0; block < 4; ++block) inverse(z + block * q * 2 * W, q, level + 1);
    const Real* w = levels_[level].data();
    for (Index k = 0; k < q; ++k, w += 6) {
      const Point a = get(z, k), b = times(get(z, k + q), w[0], -w[1]), c = times(get(z, k + 2 * q), w[2], -w[3]);
      const Point d = times(get(z, k + 3 * q), w[4], -w[5]);
      const Point ac = plus(a, c), bd = plus(b, d), a_c = minus(a, c), b_d = minus(b, d);
      const Point turned{-b_d.im, b_d.re};  // i (b - d)
      put(z, k, plus(ac, bd));
      put(z, k + q, plus(a_c, turned));
      put(z, k + 2 * q, minus(ac, bd));
      put(z, k + 3 * q, minus(a_c, turned));
    }
  }

  Index n_;
  std::vector<std::vector<Real>> levels_;  // three twiddle factors for each k
  std::vector<std::int32_t> place_;
};

/// The transform of n points; its tables are kept.
inline const Fft& fft_of(Index n) {
  static std::mutex mutex;
  static std::map<Index, std::unique_ptr<Fft>> tables;
  const std::lock_guard lock(mutex);
  auto& table = tables[n];
  if (!table) table = std::make_unique<Fft>(n);
  return *table;
}

/// The spectra of the two parts at frequency k: X1 = (Z[k] + conj Z[n-k])/2, X2 = (Z[k] - conj Z[n-k])/2i.
struct Spectra {
  Vec re1, im1, re2, im2;
};
inline Spectra take_apart(const Fft& fft, const Real* z, Index k) {
  const Real *a = z + 2 * fft.place(k) * W, *b = z + 2 * fft.place((fft.size() - k) % fft.size()) * W;
  const Vec ar = load(a), ai = load(a + W), br = load(b), bi = load(b + W);
  return {Real(0.5) * (ar + br), Real(0.5) * (ai - bi), Real(0.5) * (ai + bi), Real(0.5) * (br - ar)};
}
inline void put_together(const Fft& fft, Real* z, Index k, const Spectra& y) {
  Real *a = z + 2 * fft.place(k) * W, *b = z + 2 * fft.place((fft.size() - k) % fft.size()) * W;
  store(b, y.re1 + y.im2);  // conj Y1 + i conj Y2
  store(b + W, y.re2 - y.im1);
  store(a, y.re1 - y.im2);  // Y1 + i Y2
  store(a + W, y.im1 + y.re2);
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
