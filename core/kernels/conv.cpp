#include "core/kernels/conv.h"

#include <vector>

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr Index kMaxTaps = 64;  // taps whose weights a lane group keeps on the stack; more fall back to the heap

/// W channels of one sequence: its weights, transposed, and its inputs by time, from -(K-1) on.
struct Lane {
  const ConvSizes& s;
  const ConvInputs& in;
  Index b, d, lanes, steps;

  Lane(const ConvSizes& sizes, const ConvInputs& inputs, Index b_, Index d_)
      : s(sizes), in(inputs), b(b_), d(d_), lanes(std::min<Index>(W, s.channels - d)),
        steps(s.lengths ? s.lengths[b] : s.length) {}

  Index at(Index t) const { return (b * s.length + t) * s.channels + d; }
  Index window_at(Index t) const { return (b * (s.taps - 1) + t + s.taps - 1) * s.channels + d; }
  Vec x(Index t) const {
    if (t >= 0) return load(in.x + at(t), lanes);
    return in.window ? load(in.window + window_at(t), lanes) : Vec{};
  }
  Vec bias() const { return in.bias ? load(in.bias + d, lanes) : Vec{}; }
  void read_weights(Vec* w) const {
    for (Index k = 0; k < s.taps; ++k) {
      w[k] = Vec{};
      for (Index i = 0; i < lanes; ++i) w[k][i] = in.weight[(d + i) * s.taps + k];
    }
  }
};

/// Storage for one vector per tap.
class Taps {
 public:
  explicit Taps(Index taps) : heap_(taps > kMaxTaps ? static_cast<std::size_t>(taps * W) : 0) {}
  Vec* get() { return heap_.empty() ? stack_ : reinterpret_cast<Vec*>(heap_.data()); }

 private:
  struct alignas(kVectorBytes) Aligned {
    Real value[W];
  };
  Vec stack_[kMaxTaps];
  std::vector<Aligned> heap_;
};

void forward(const ConvSizes& s, const ConvInputs& in, const ConvOutputs& out) {
  const Index groups = (s.channels + W - 1) / W;
  parallel_for(s.batch * groups, [&](Index item) {
    const Lane lane(s, in, item / groups, item % groups * W);
    Taps taps(s.taps);
    Vec* const w = taps.get();
    lane.read_weights(w);
    const Vec bias = lane.bias();
    for (Index t = 0; t < lane.steps; ++t) {
      Vec sum = bias;
      for (Index k = 0; k < s.taps; ++k) sum += w[k] * lane.x(t - s.taps + 1 + k);
      store(out.y + lane.at(t), s.silu ? sum * sigmoid(sum) : sum, lane.lanes);
    }
    for (Index t = lane.steps; t < s.length; ++t) store(out.y + lane.at(t), Vec{}, lane.lanes);
    if (out.window_last)
      for (Index t = -(s.taps - 1); t < 0; ++t)
        store(out.window_last + lane.window_at(t), lane.x(lane.steps + t), lane.lanes);
  });
}

// With g[t] = dy[t] f'(pre[t]):  dx[u] = sum_j g[u+j] weight[K-1-j],  dweight[k] = sum_t g[t] x[t-K+1+k].
// Time runs backwards and a ring keeps the last K values of g, so that dx is written once. Times before 0 are the window.
void backward(const ConvSizes& s, const ConvInputs& in, const ConvOutputGrads& grad, const ConvInputGrads& into) {
  const Index groups = (s.channels + W - 1) / W, width = (s.taps + 1) * W;
  const Scratch partial(s.batch * groups * width);  // dweight and dbias of each sequence
  parallel_for(s.batch * groups, [&](Index item) {
    const Lane lane(s, in, item / groups, item % groups * W);
    Taps weights(s.taps), ring_taps(s.taps), sums(s.taps);
    Vec *const w = weights.get(), *const ring = ring_taps.get(), *const dw = sums.get();
    lane.read_weights(w);
    const Vec bias = lane.bias();
    Vec dbias{};
    for (Index k = 0; k < s.taps; ++k) ring[k] = dw[k] = Vec{};
    for (Index t = lane.steps - 1; t > -s.taps; --t) {
      Vec g{};
      if (t >= 0 && grad.y) {
        g = load(grad.y + lane.at(t), lane.lanes);
        if (s.silu) {
          Vec pre = bias;
          for (Index k = 0; k < s.taps; ++k) pre += w[k] * lane.x(t - s.taps + 1 + k);
          const Vec sig = sigmoid(pre);
          g *= sig * (Real{1} + pre * (Real{1} - sig));
        }
        for (Index k = 0; k < s.taps; ++k) dw[k] += g * lane.x(t - s.taps + 1 + k);
        dbias += g;
      }
      for (Index j = s.taps - 1; j > 0; --j) ring[j] = ring[j - 1];
      ring[0] = g;
      Vec dx{};
      for (Index j = 0; j < s.taps; ++j) dx += ring[j] * w[s.taps - 1 - j];
      if (grad.window_last && t >= lane.steps - s.taps + 1)
        dx += load(grad.window_last + lane.window_at(t - lane.steps), lane.lanes);
      if (t >= 0 && into.x) add_to(into.x + lane.at(t), dx, lane.lanes);
      if (t < 0 && into.window) add_to(into.window + lane.window_at(t), dx, lane.lanes);
    }
    Real* const out = partial.data() + item * width;
    for (Index k = 0; k < s.taps; ++k) store(out + k * W, dw[k]);
    store(out + s.taps * W, dbias);
  });
  for (Index b = 0; b < s.batch; ++b)
    for (Index d = 0; d < s.channels; ++d) {
      const Real* const from = partial.data() + (b * groups + d / W) * width + d % W;
      if (into.weight)
        for (Index k = 0; k < s.taps; ++k) into.weight[d * s.taps + k] += from[k * W];
      if (into.bias) into.bias[d] += from[s.taps * W];
    }
}

}  // namespace

extern const Conv conv;
const Conv conv{forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
