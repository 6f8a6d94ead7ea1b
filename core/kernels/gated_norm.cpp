// With u what is normalised, n = (u - m) r, and g the gradient of n:  du = r (g - mean(g) - n mean(g n)), mean(g) only
// where it is centred.
//   gate last:   h = n weight + skip c,  dh = dy silu(z),  dz = dy h silu'(z),  g = dh weight,  dc = dh skip
//   gate first:  g = dy weight,  dx = du silu(z),  dz = du x silu'(z)
#include "core/kernels/gated_norm.h"

#include <cmath>

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

using Sizes = GatedNormSizes;

constexpr Index kGatedRows = 64;  // rows to a parallel item, and to a partial sum of the weights' gradients

Real mean_of(Index n, const Real* x) {
  Vec total{};
  for_lanes(0, n, [&](Index i, Index lanes) { total += load(x + i, lanes); });
  return sum(total) / static_cast<Real>(n);
}

void forward(const Sizes& s, const GatedNormInputs& in, Real* y, Real* stats) {
  const Index n = s.width;
  parallel_blocks(s.rows, kGatedRows, [&](Index begin, Index end) {
    for (Index group = begin * s.groups; group < end * s.groups; ++group) {
      const Index first = group % s.groups * n, at = group * n;
      const Real* const weight = in.weight + (s.shared ? 0 : first);
      Real* const out = y + at;
      if (s.gate_first)
        for_lanes(0, n, [&](Index i, Index lanes) {
          const Vec z = load(in.z + at + i, lanes);
          store(out + i, load(in.x + at + i, lanes) * (z * sigmoid(z)), lanes);
        });
      const Real* const u = s.gate_first ? out : in.x + at;
      const Real mean = s.centred ? mean_of(n, u) : Real{0};
      Vec squares{};  // in a second pass: in one, they cancel where the mean is large
      for_lanes(0, n, [&](Index i, Index lanes) {
        Vec d = load(u + i, lanes) - mean;
        for (Index lane = lanes; lane < W; ++lane) d[lane] = 0;
        squares += d * d;
      });
      const Real r = Real{1} / std::sqrt(sum(squares) / static_cast<Real>(n) + static_cast<Real>(s.eps));
      if (stats) stats[2 * group] = mean, stats[2 * group + 1] = r;
      for_lanes(0, n, [&](Index i, Index lanes) {
        Vec h = (load(u + i, lanes) - mean) * r * load(weight + i, lanes);
        if (in.c) h += load(in.skip + first + i, lanes) * load(in.c + at + i, lanes);
        const Vec z = load(in.z + at + i, lanes);
        store(out + i, s.gate_first ? h : h * (z * sigmoid(z)), lanes);
      });
    }
  });
}

/// One group of one row. `g`, `normed` [width]: working memory. dweight, dskip: partial sums.
void group_backward(const Sizes& s, const GatedNormInputs& in, const Real* stats, const Real* dy,
                    const GatedNormInputGrads& into, Index group, Real* g, Real* normed, Real* dweight, Real* dskip) {
  const Index n = s.width, first = group % s.groups * n, at = group * n;
  const Real mean = stats[2 * group], r = stats[2 * group + 1], *const weight = in.weight + (s.shared ? 0 : first);
  Vec of_g{}, of_gn{};
  for_lanes(0, n, [&](Index i, Index lanes) {
    const Vec z = load(in.z + at + i, lanes), x = load(in.x + at + i, lanes), s_z = sigmoid(z), gate = z * s_z;
    const Vec d = load(dy + at + i, lanes), w = load(weight + i, lanes);
    const Vec here = ((s.gate_first ? x * gate : x) - mean) * r, dh = s.gate_first ? d : d * gate;
    if (!s.gate_first && into.z) {
      Vec h = here * w;
      if (in.c) h += load(in.skip + first + i, lanes) * load(in.c + at + i, lanes);
      add_to(into.z + at + i, d * h * (s_z * (Real{1} + z * (Real{1} - s_z))), lanes);
    }
    if (in.c) {
      add_to(dskip + first + i, dh * load(in.c + at + i, lanes), lanes);
      if (into.c) add_to(into.c + at + i, dh * load(in.skip + first + i, lanes), lanes);
    }
    add_to(dweight + first + i, dh * here, lanes);
    store(g + i, dh * w, lanes);
    store(normed + i, here, lanes);
    of_g += dh * w;  // lanes after the end hold zeros in dh
    of_gn += dh * w * here;
  });
  const Real g_mean = s.centred ? sum(of_g) / static_cast<Real>(n) : Real{0},
             gn_mean = sum(of_gn) / static_cast<Real>(n);
  for_lanes(0, n, [&](Index i, Index lanes) {
    const Vec du = r * (load(g + i, lanes) - g_mean - load(normed + i, lanes) * gn_mean);
    if (!s.gate_first) {
      if (into.x) add_to(into.x + at + i, du, lanes);
      return;
    }
    const Vec z = load(in.z + at + i, lanes), s_z = sigmoid(z);
    if (into.x) add_to(into.x + at + i, du * (z * s_z), lanes);
    if (into.z)
      add_to(into.z + at + i, du * load(in.x + at + i, lanes) * (s_z * (Real{1} + z * (Real{1} - s_z))), lanes);
  });
}

void backward(const Sizes& s, const GatedNormInputs& in, const Real* stats, const Real* dy,
              const GatedNormInputGrads& into) {
  const Index n = s.width, channels = s.groups * n, items = (s.rows + kGatedRows - 1) / kGatedRows;
  const Scratch partial(items * 2 * channels, 0);
  parallel_blocks(s.rows, kGatedRows, [&](Index begin, Index end) {
    const Scratch work(2 * n);
    Real *const dweight = partial.data() + begin / kGatedRows * 2 * channels, *const dskip = dweight + channels;
    for (Index group = begin * s.groups; group < end * s.groups; ++group)
      group_backward(s, in, stats, dy, into, group, work.data(), work.data() + n, dweight, dskip);
  });
  for (Index item = 0; item < items; ++item) {
    const Real *const dweight = partial.data() + item * 2 * channels, *const dskip = dweight + channels;
    for (Index i = 0; into.weight && i < channels; ++i) into.weight[s.shared ? i % n : i] += dweight[i];
    for (Index i = 0; into.skip && i < channels; ++i) into.skip[i] += dskip[i];
  }
}

}  // namespace

extern const GatedNorm gated_norm;
const GatedNorm gated_norm{forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
