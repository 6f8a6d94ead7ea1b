// In frequency: Y = K U, dU = conj(K) dY, dK = sum over sequences of conj(U) dY.
#include "core/kernels/long_conv.h"

#include "core/kernels/fft.h"
#include "core/kernels/scratch.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

Index padded(Index length) {
  Index n = 2;
  while (n < 2 * length - 1) n *= 2;
  return n;
}

/// Two groups of W heads: the real and the imaginary part of one transform.
struct Two {
  Index heads, first;  // of all; of these
  Index lanes(int part) const { return std::clamp<Index>(heads - first - part * W, 0, W); }
};

/// x: [length, heads] of one sequence -> z: [n, 2, W], zeros after them.
void read(const Two& two, Index length, Index n, const Real* x, Real* z) {
  for (Index t = 0; t < length; ++t)
    for (int part = 0; part < 2; ++part)
      store(z + (2 * t + part) * W, load(x + t * two.heads + two.first + part * W, two.lanes(part)));
  std::fill(z + 2 * length * W, z + 2 * n * W, Real{0});
}

/// Calls put(offset in [length, heads], scale z + skip x, lanes) for every step of the two parts; x: [length, heads].
template <class Put>
void each_result(const Two& two, Index length, const Real* z, Real scale, const Real* skip, const Real* x,
                 const Put& put) {
  for (int part = 0; part < 2; ++part) {
    const Index lanes = two.lanes(part), head = two.first + part * W;
    if (lanes == 0) continue;
    const Vec d = skip ? load(skip + head, lanes) : Vec{};
    for (Index t = 0; t < length; ++t) {
      const Index at = t * two.heads + head;
      put(at, load(z + (2 * t + part) * W) * scale + d * load(x + at, lanes), lanes);
    }
  }
}

inline Spectra load_spectra(const Real* p) { return {load(p), load(p + W), load(p + 2 * W), load(p + 3 * W)}; }
inline void store_spectra(Real* p, const Spectra& s) {
  store(p, s.re1);
  store(p + W, s.im1);
  store(p + 2 * W, s.re2);
  store(p + 3 * W, s.im2);
}
inline Spectra product(const Spectra& x, const Spectra& y) {
  return {x.re1 * y.re1 - x.im1 * y.im1, x.re1 * y.im1 + x.im1 * y.re1, x.re2 * y.re2 - x.im2 * y.im2,
          x.re2 * y.im2 + x.im2 * y.re2};
}
inline Spectra conjugate(const Spectra& x) { return {x.re1, -x.im1, x.re2, -x.im2}; }

/// Elements of a spectrum: frequencies 0 .. n/2 of both parts.
Index spectrum_size(Index n) { return (n / 2 + 1) * 4 * W; }

/// The kernel's spectra of all pairs of groups: [twos, n/2 + 1, 4, W].
void transform_kernel(const Fft& fft, Index length, Index heads, const Real* k, Real* out) {
  const Index twos = (heads + 2 * W - 1) / (2 * W);
  parallel_for(twos, [&](Index i) {
    const Two two{heads, i * 2 * W};
    const Scratch z(2 * fft.size() * W);
    read(two, length, fft.size(), k, z.data());
    fft.forward(z.data());
    for (Index f = 0; f <= fft.size() / 2; ++f)
      store_spectra(out + i * spectrum_size(fft.size()) + f * 4 * W, take_apart(fft, z.data(), f));
  });
}

void forward(Index batch, Index length, Index heads, const Real* u, const Real* k, const Real* skip, Real* y) {
  const Fft& fft = fft_of(padded(length));
  const Index n = fft.size(), twos = (heads + 2 * W - 1) / (2 * W);
  const Scratch spectra(twos * spectrum_size(n));
  transform_kernel(fft, length, heads, k, spectra.data());
  const Real scale = Real{1} / static_cast<Real>(n);
  parallel_for(batch * twos, [&](Index item) {
    const Index b = item / twos, i = item % twos;
    const Two two{heads, i * 2 * W};
    const Scratch z(2 * n * W);
    read(two, length, n, u + b * length * heads, z.data());
    fft.forward(z.data());
    for (Index f = 0; f <= n / 2; ++f)
      put_together(
          fft, z.data(), f,
          product(take_apart(fft, z.data(), f), load_spectra(spectra.data() + i * spectrum_size(n) + f * 4 * W)));
    fft.inverse(z.data());
    each_result(two, length, z.data(), scale, skip, u + b * length * heads,
                [&](Index at, Vec v, Index lanes) { store(y + b * length * heads + at, v, lanes); });
  });
}

void backward(Index batch, Index length, Index heads, const Real* u, const Real* k, const Real* skip, const Real* dy,
              Real* du, Real* dk, Real* dskip) {
  const Fft& fft = fft_of(padded(length));
  const Index n = fft.size(), twos = (heads + 2 * W - 1) / (2 * W), size = spectrum_size(n);
  // Sequences are summed in up to 8 runs, each in order, and the runs in order.
  const Index runs = std::min<Index>(batch, 8), run = (batch + runs - 1) / runs;
  const Scratch spectra(twos * size), sums(runs * twos * size, 0), skip_sums(runs * twos * 2 * W, 0);
  transform_kernel(fft, length, heads, k, spectra.data());
  const Real scale = Real{1} / static_cast<Real>(n);
  parallel_for(runs * twos, [&](Index item) {
    const Index i = item % twos;
    const Two two{heads, i * 2 * W};
    const Scratch zu(2 * n * W), zy(2 * n * W);
    Real* const sum = sums.data() + item * size;
    for (Index b = item / twos * run; b < std::min(batch, (item / twos + 1) * run); ++b) {
      read(two, length, n, u + b * length * heads, zu.data());
      read(two, length, n, dy + b * length * heads, zy.data());
      if (dskip)
        for (int part = 0; part < 2; ++part) {
          Vec total = load(skip_sums.data() + (item * 2 + part) * W);
          for (Index t = 0; t < length; ++t)
            total += load(zu.data() + (2 * t + part) * W) * load(zy.data() + (2 * t + part) * W);
          store(skip_sums.data() + (item * 2 + part) * W, total);
        }
      fft.forward(zu.data());
      fft.forward(zy.data());
      for (Index f = 0; f <= n / 2; ++f) {
        const Spectra g = take_apart(fft, zy.data(), f), x = take_apart(fft, zu.data(), f);
        const Spectra gk = product(conjugate(x), g), old = load_spectra(sum + f * 4 * W);
        store_spectra(sum + f * 4 * W, {old.re1 + gk.re1, old.im1 + gk.im1, old.re2 + gk.re2, old.im2 + gk.im2});
        put_together(fft, zy.data(), f, product(conjugate(load_spectra(spectra.data() + i * size + f * 4 * W)), g));
      }
      if (!du) continue;
      fft.inverse(zy.data());
      each_result(two, length, zy.data(), scale, skip, dy + b * length * heads,
                  [&](Index at, Vec v, Index lanes) { add_to(du + b * length * heads + at, v, lanes); });
    }
  });
  parallel_for(twos, [&](Index i) {
    const Two two{heads, i * 2 * W};
    const Scratch z(2 * n * W);
    Real* const total = sums.data() + i * size;
    for (Index r = 1; r < runs; ++r)
      for (Index j = 0; j < size; ++j) total[j] += sums.data()[(r * twos + i) * size + j];
    for (Index f = 0; f <= n / 2; ++f) put_together(fft, z.data(), f, load_spectra(total + f * 4 * W));
    if (dk) {
      fft.inverse(z.data());
      for (Index t = 0; t < length; ++t)
        for (int part = 0; part < 2; ++part)
          if (const Index lanes = two.lanes(part))
            add_to(dk + t * heads + two.first + part * W, load(z.data() + (2 * t + part) * W) * scale, lanes);
    }
    if (dskip)
      for (Index r = 0; r < runs; ++r)
        for (int part = 0; part < 2; ++part)
          if (const Index lanes = two.lanes(part))
            add_to(dskip + two.first + part * W, load(skip_sums.data() + ((r * twos + i) * 2 + part) * W), lanes);
  });
}

void fft_there_and_back(Index count, Index n, Real* data) {
  const Fft& fft = fft_of(n);
  parallel_for(count, [&](Index i) {
    fft.forward(data + i * 2 * n * W);
    fft.inverse(data + i * 2 * n * W);
  });
}
Index fft_lanes() { return 2 * W; }

}  // namespace

extern const LongConv long_conv;
const LongConv long_conv{forward, backward, fft_there_and_back, fft_lanes};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
