// Backwards, with g[t] the gradient of h[t]:  g[t] = conj(a[t+1]) g[t+1] + dy[t],  dx = g,  da += g conj(h[t-1]).
// Padded steps need no special case: y = 0 there, and g passes through unchanged.
#include "core/kernels/linear_scan.h"

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

/// Calls body(b, d, lanes, steps) for every sequence and W channels, in parallel.
template <class Body>
void each(const LinearScanSizes& s, const Body& body) {
  const Index groups = (s.channels + W - 1) / W;
  parallel_for(s.batch * groups, [&](Index item) {
    const Index b = item / groups, d = item % groups * W;
    body(b, d, std::min<Index>(W, s.channels - d), s.lengths ? s.lengths[b] : s.length);
  });
}

Vec load_or_zero(const Real* p, Index offset, Index lanes) { return p ? load(p + offset, lanes) : Vec{}; }

void diagonal(const LinearScanSizes& s, const Real* a, const Real* x, const Real* h0, Real* y, Real* h_last) {
  each(s, [&](Index b, Index d, Index lanes, Index steps) {
    Vec h = load_or_zero(h0, b * s.channels + d, lanes);
    for (Index t = 0; t < s.length; ++t) {
      const Index at = (b * s.length + t) * s.channels + d;
      if (t < steps) h = load(a + at, lanes) * h + load(x + at, lanes);
      store(y + at, t < steps ? h : Vec{}, lanes);
    }
    if (h_last) store(h_last + b * s.channels + d, h, lanes);
  });
}

void diagonal_backward(const LinearScanSizes& s, const Real* a, const Real* h0, const Real* y, const Real* dy,
                       const Real* dh_last, Real* da, Real* dx, Real* dh0) {
  each(s, [&](Index b, Index d, Index lanes, Index steps) {
    Vec g = load_or_zero(dh_last, b * s.channels + d, lanes);
    for (Index t = steps - 1; t >= 0; --t) {
      const Index at = (b * s.length + t) * s.channels + d;
      g += load_or_zero(dy, at, lanes);
      const Vec before = t ? load(y + at - s.channels, lanes) : load_or_zero(h0, b * s.channels + d, lanes);
      if (dx) add_to(dx + at, g, lanes);
      if (da) add_to(da + at, g * before, lanes);
      g *= load(a + at, lanes);
    }
    if (dh0) add_to(dh0 + b * s.channels + d, g, lanes);
  });
}

void complex_diagonal(const LinearScanSizes& s, const Real* a, const Real* x, const Real* h0, Real* y, Real* h_last) {
  const Index n = s.channels;
  each(s, [&](Index b, Index d, Index lanes, Index steps) {
    const Vec ar = load(a + d, lanes), ai = load(a + n + d, lanes);
    Vec hr = load_or_zero(h0, 2 * b * n + d, lanes), hi = load_or_zero(h0, 2 * b * n + n + d, lanes);
    for (Index t = 0; t < s.length; ++t) {
      const Index at = (b * s.length + t) * 2 * n + d;
      if (t < steps) {
        const Vec r = ar * hr - ai * hi + load(x + at, lanes);
        hi = ar * hi + ai * hr + load(x + at + n, lanes);
        hr = r;
      }
      store(y + at, t < steps ? hr : Vec{}, lanes);
      store(y + at + n, t < steps ? hi : Vec{}, lanes);
    }
    if (h_last) {
      store(h_last + 2 * b * n + d, hr, lanes);
      store(h_last + 2 * b * n + n + d, hi, lanes);
    }
  });
}

void complex_diagonal_backward(const LinearScanSizes& s, const Real* a, const Real* h0, const Real* y, const Real* dy,
                               const Real* dh_last, Real* da, Real* dx, Real* dh0) {
  const Index n = s.channels;
  const Scratch partial(s.batch * 2 * n);  // of da, by sequence
  each(s, [&](Index b, Index d, Index lanes, Index steps) {
    const Vec ar = load(a + d, lanes), ai = load(a + n + d, lanes);
    Vec gr = load_or_zero(dh_last, 2 * b * n + d, lanes), gi = load_or_zero(dh_last, 2 * b * n + n + d, lanes);
    Vec dar{}, dai{};
    for (Index t = steps - 1; t >= 0; --t) {
      const Index at = (b * s.length + t) * 2 * n + d;
      gr += load_or_zero(dy, at, lanes);
      gi += load_or_zero(dy, at + n, lanes);
      if (dx) add_to(dx + at, gr, lanes), add_to(dx + at + n, gi, lanes);
      const Vec br = t ? load(y + at - 2 * n, lanes) : load_or_zero(h0, 2 * b * n + d, lanes);
      const Vec bi = t ? load(y + at - n, lanes) : load_or_zero(h0, 2 * b * n + n + d, lanes);
      dar += gr * br + gi * bi;
      dai += gi * br - gr * bi;
      const Vec r = ar * gr + ai * gi;
      gi = ar * gi - ai * gr;
      gr = r;
    }
    if (dh0) add_to(dh0 + 2 * b * n + d, gr, lanes), add_to(dh0 + 2 * b * n + n + d, gi, lanes);
    store(partial.data() + 2 * b * n + d, dar, lanes);
    store(partial.data() + 2 * b * n + n + d, dai, lanes);
  });
  if (da)
    for (Index b = 0; b < s.batch; ++b)
      for (Index i = 0; i < 2 * n; ++i) da[i] += partial.data()[2 * b * n + i];
}

}  // namespace

extern const LinearScan linear_scan;
const LinearScan linear_scan{diagonal, diagonal_backward, complex_diagonal, complex_diagonal_backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
