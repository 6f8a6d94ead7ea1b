#pragma once
// Vectors of Real, as wide as the instruction set that this file is compiled for, and the elementary functions on them.
// Kernel sources are compiled once per instruction set into namespace SEQTAPE_ISA; nothing here has a name outside it,
// so the linker cannot mix code of one set into another's.
//
// The float functions are our own: libm's are not vectorised, and one exp per (step, channel, state) is the cost of a
// scan. Polynomials are minimax fits, made in float64, of the stated relative error. The double build calls libm.

#include <cmath>
#include <cstdint>

#include "core/real.h"

#ifndef SEQTAPE_ISA
#define SEQTAPE_ISA base
#endif

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
/// Lanes of a vector.
constexpr int W = kVectorBytes / static_cast<int>(sizeof(Real));

typedef Real Vec __attribute__((vector_size(kVectorBytes)));

inline Vec splat(Real x) { return Vec{} + x; }
inline Vec load(const Real* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(Real* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }
/// The first `lanes` lanes from memory, zeros after them.
inline Vec load(const Real* p, Index lanes) {
  if (lanes >= W) return load(p);
  Vec v{};
  for (Index i = 0; i < lanes; ++i) v[i] = p[i];
  return v;
}
inline void store(Real* p, Vec v, Index lanes) {
  if (lanes >= W) return store(p, v);
  for (Index i = 0; i < lanes; ++i) p[i] = v[i];
}
inline void add_to(Real* p, Vec v, Index lanes) { store(p, load(p, lanes) + v, lanes); }

/// Sum of the lanes, by halves: a fixed order.
template <int bytes = kVectorBytes, class V>
inline Real sum(V v) {
  if constexpr (bytes == sizeof(Real)) {
    Real only;
    __builtin_memcpy(&only, &v, sizeof only);
    return only;
  } else {
    typedef Real Half __attribute__((vector_size(bytes / 2)));
    Half halves[2];
    __builtin_memcpy(halves, &v, bytes);
    return sum<bytes / 2>(halves[0] + halves[1]);
  }
}
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }
inline Vec abs(Vec x) { return x < Real{0} ? -x : x; }

#ifdef SEQTAPE_DOUBLE

template <class F>
inline Vec per_lane(Vec x, F f) {
  for (int i = 0; i < W; ++i) x[i] = f(x[i]);
  return x;
}
constexpr Real kScanExpScale = 1;
inline Vec scan_exp(Vec x) {
  return per_lane(x, [](Real v) { return std::exp(v); });
}
inline Vec exp(Vec x) { return scan_exp(x); }
inline Vec log1p_unit(Vec x) {
  return per_lane(x, [](Real v) { return std::log1p(v); });
}
inline Vec tanh(Vec x) {
  return per_lane(x, [](Real v) { return std::tanh(v); });
}
inline Vec normal_cdf(Vec x) {
  return per_lane(x, [](Real v) { return 0.5 * std::erfc(-v * 0.70710678118654752440); });
}
inline Vec sqrt(Vec x) {
  return per_lane(x, [](Real v) { return std::sqrt(v); });
}

#else

/// p * 2^n, where `shifted` = n + kRound: the low bits of its mantissa hold n, the addition moves them to p's exponent.
constexpr float kRound = 0x1.8p23f;
/// Unsigned, since the bits of a NaN pass through it as well and must wrap around.
inline Vec scale_by_power(Vec p, Vec shifted) {
  typedef std::uint32_t Bits __attribute__((vector_size(sizeof(Vec))));
  return (Vec)((Bits)p + ((Bits)shifted << 23));
}

/// The scan's exponential: scan_exp(x * kScanExpScale) = exp(x) for x <= 0, with the scale multiplied into A once.
/// 2^v = 2^n 2^f, f in [-1/2, 1/2], degree 6, 2e-9 relative. 2^0 is exactly 1: a bias of one ulp would
/// grow to e^0.1 over a million steps. Below 2^-126 the result stays at 2^-126, which a state does not notice.
constexpr float kScanExpScale = 1.44269504088896340736f;
inline Vec scan_exp(Vec v) {
  v = v < -126.0f ? splat(-126.0f) : v;
  const Vec shifted = v + kRound;
  const Vec f = v - (shifted - kRound);
  Vec p = f * 0.00015345808f + 0.00133999309f;
  p = p * f + 0.00961848907f;
  p = p * f + 0.05550328642f;
  p = p * f + 0.24022646248f;
  p = p * f + 0.69314718247f;
  p = p * f + 1.0f;
  return scale_by_power(p, shifted);
}

/// exp(x) over the whole range, 1 ulp; 0 and inf beyond it; NaN stays.
/// n = round(x / ln 2), f = x - n ln 2 in two parts, e^f = 1 + f + f^2 P(f), 3e-9 relative.
inline Vec exp(Vec x) {
  constexpr float kMost = 88.7228317f;  // the exponential of the next float overflows
  const Vec clamped = x > kMost ? splat(kMost) : x < -87.3365479f ? splat(-87.3365479f) : x;
  const Vec shifted = clamped * 1.44269504f + kRound;
  const Vec n = shifted - kRound;
  const Vec f = (clamped - n * 0.693145752f) - n * 1.42860677e-6f;
  Vec p = f * 0.00138131424f + 0.00836941879f;
  p = p * f + 0.04166845605f;
  p = p * f + 0.16666515171f;
  p = p * f + 0.49999994040f;
  p = p * f * f + f + 1.0f;
  const Vec y = scale_by_power(p, shifted);
  return x <= kMost ? (x < -87.3365479f ? Vec{} : y) : x + __builtin_inff();  // a NaN stays one
}

/// log(1 + x) for x in [0, 1]: 2 artanh(x / (2 + x)), 5e-9 relative, without cancellation for small x.
inline Vec log1p_unit(Vec x) {
  const Vec s = x / (x + 2.0f), u = s * s;
  Vec p = u * 0.28092718f + 0.27986288f;
  p = p * u + 0.40022415f;
  p = p * u + 0.66666400f;
  return p * u * s + (s + s);
}

/// tanh(x): odd polynomial (4e-8) below 0.55, 1 - 2/(e^2x + 1) above.
inline Vec tanh(Vec x) {
  const Vec u = x * x, t = abs(x);
  Vec p = u * 0.01636997424f - 0.05263874680f;
  p = p * u + 0.13320256770f;
  p = p * u - 0.33332929015f;
  const Vec small = p * u * x + x;
  const Vec large = 1.0f - 2.0f / (exp(t + t) + 1.0f);
  return t < 0.55f ? small : x < 0.0f ? -large : large;
}

/// Phi(x) = erfc(-x / sqrt 2) / 2, with a small relative error in the lower tail.
/// erfc(t) = exp(-t^2) erfcx(t), erfcx(t) = s Q(s) with s = 1/(1 + 0.4 t), 8e-9 relative.
inline Vec normal_cdf(Vec x) {
  const Vec t = abs(x) * 0.70710678f, s = 1.0f / (t * 0.4f + 1.0f);
  Vec q = s * -0.029594338f + 0.198013216f;
  q = q * s - 0.498811513f;
  q = q * s + 0.547435462f;
  q = q * s - 0.284366697f;
  q = q * s + 0.272066236f;
  q = q * s + 0.129679605f;
  q = q * s + 0.214919105f;
  q = q * s + 0.224952027f;
  q = q * s + 0.225706905f;
  const Vec tail = 0.5f * s * q * exp(x * x * -0.5f);
  return x < 0.0f ? tail : 1.0f - tail;
}

inline Vec sqrt(Vec x) {
  for (int i = 0; i < W; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
}

#endif

inline Vec sigmoid(Vec x) {
  // 1/(1 + e^-|x|), mirrored: no overflow, and accurate in both tails.
  const Vec e = exp(-abs(x)), r = Real{1} / (e + Real{1});
  return x < Real{0} ? e * r : r;
}

/// log(1 + e^x) without a threshold.
inline Vec softplus(Vec x) { return max(x, Vec{}) + log1p_unit(exp(-abs(x))); }

/// Calls body(i, lanes) for consecutive groups of up to W of [begin, end).
template <class Body>
inline void for_lanes(Index begin, Index end, const Body& body) {
  for (Index i = begin; i < end; i += W) body(i, end - i < W ? end - i : W);
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
