#include "core/kernels/conv.h"

#include <type_traits>

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

/// W channels of one sequence: its weights, transposed, and its inputs by time, from -(K-1) on.
struct Lane {
  const ConvSizes& s;
  const ConvInputs& in;
  Index b, d, lanes, steps;

  Lane(const ConvSizes& sizes, const ConvInputs& inputs, Index b_, Index d_)
      : s(sizes),
        in(inputs),
        b(b_),
        d(d_),
        lanes(std::min<Index>(W, s.channels - d)),
        steps(s.lengths ? s.lengths[b] : s.length) {}

  Index at(Index t) const { return (b * s.length + t) * s.channels + d; }
  Index window_at(Index t) const { return (b * (s.taps - 1) + t + s.taps - 1) * s.channels + d; }
  Vec x(Index t) const {
    if (t >= 0) return load(in.x + at(t), lanes);
    return in.window ? load(in.window + window_at(t), lanes) : Vec{};
  }
  Vec bias() const { return in.bias ? load(in.bias + d, lanes) : Vec{}; }
  Vec weight(Index k) const {
    Vec w{};
    for (Index i = 0; i < lanes; ++i) w[i] = in.weight[(d + i) * s.taps + k];
    return w;
  }
};

/// One vector a tap. With K known they live in registers, and Mamba's K = 4 is twice as fast; K = 0: any number.
template <int K>
class Taps {
 public:
  explicit Taps(Index taps) : scratch_(K ? 0 : taps * W) {}
  Vec get(Index k) const { return K ? fixed_[k] : load(scratch_.data() + k * W); }
  void set(Index k, Vec v) {
    if (K)
      fixed_[k] = v;
    else
      store(scratch_.data() + k * W, v);
  }

 private:
  Vec fixed_[K ? K : 1];
  Scratch scratch_;
};

/// Calls body(integral constant) with the taps as a constant where they are Mamba's.
template <class Body>
void with_taps(Index taps, const Body& body) {
  return taps == 4 ? body(std::integral_constant<int, 4>{}) : body(std::integral_constant<int, 0>{});
}

template <int K>
void forward_lane(const Lane& lane, const ConvOutputs& out) {
  const Index taps = K ? K : lane.s.taps;
  Taps<K> w(taps), window(taps);  // window: the last K inputs, oldest first
  for (Index k = 0; k < taps; ++k) {
    w.set(k, lane.weight(k));
    window.set(k, k ? lane.x(k - taps) : Vec{});
  }
  const Vec bias = lane.bias();
  for (Index t = 0; t < lane.steps; ++t) {
    for (Index k = 0; k + 1 < taps; ++k) window.set(k, window.get(k + 1));
    window.set(taps - 1, lane.x(t));
    Vec sum = bias;
    for (Index k = 0; k < taps; ++k) sum += w.get(k) * window.get(k);
    store(out.y + lane.at(t), lane.s.silu ? sum * sigmoid(sum) : sum, lane.lanes);
  }
  for (Index t = lane.steps; t < lane.s.length; ++t) store(out.y + lane.at(t), Vec{}, lane.lanes);
  if (out.window_last)
    for (Index t = -(taps - 1); t < 0; ++t)
      store(out.window_last + lane.window_at(t), lane.x(lane.steps + t), lane.lanes);
}

void forward(const ConvSizes& s, const ConvInputs& in, const ConvOutputs& out) {
  const Index groups = (s.channels + W - 1) / W;
  with_taps(s.taps, [&](auto taps) {
    parallel_for(s.batch * groups,
                 [&](Index item) { forward_lane<taps()>(Lane(s, in, item / groups, item % groups * W), out); });
  });
}

// With g[t] = dy[t] f'(pre[t]):  dx[u] = sum_j g[u+j] weight[K-1-j],  dweight[k] = sum_t g[t] x[t-K+1+k].
// Time runs backwards and a ring keeps the last K values of g, so that dx is written once. Times before 0 are the
// window.
template <int K>
void backward_lane(const Lane& lane, const ConvOutputGrads& grad, const ConvInputGrads& into, Real* sums) {
  const Index taps = K ? K : lane.s.taps;
  Taps<K> w(taps), window(taps), ring(taps), dw(taps);
  for (Index k = 0; k < taps; ++k) {
    w.set(k, lane.weight(k));
    ring.set(k, Vec{});
    dw.set(k, Vec{});
    window.set(k, k + 1 < taps && lane.steps > 0 ? lane.x(std::max(-(taps - 1), lane.steps - taps + 1 + k)) : Vec{});
  }
  const Vec bias = lane.bias();
  Vec dbias{};
  for (Index t = lane.steps - 1; t > -taps; --t) {
    Vec g{};
    if (t >= 0 && grad.y) {
      for (Index k = taps - 1; k > 0; --k) window.set(k, window.get(k - 1));
      window.set(0, lane.x(t - taps + 1));
      g = load(grad.y + lane.at(t), lane.lanes);
      if (lane.s.silu) {
        Vec pre = bias;
        for (Index k = 0; k < taps; ++k) pre += w.get(k) * window.get(k);
        const Vec sig = sigmoid(pre);
        g *= sig * (Real{1} + pre * (Real{1} - sig));
      }
      for (Index k = 0; k < taps; ++k) dw.set(k, dw.get(k) + g * window.get(k));
      dbias += g;
    }
    for (Index j = taps - 1; j > 0; --j) ring.set(j, ring.get(j - 1));
    ring.set(0, g);
    Vec dx{};
    for (Index j = 0; j < taps; ++j) dx += ring.get(j) * w.get(taps - 1 - j);
    if (grad.window_last && t >= lane.steps - taps + 1)
      dx += load(grad.window_last + lane.window_at(t - lane.steps), lane.lanes);
    if (t >= 0 && into.x) add_to(into.x + lane.at(t), dx, lane.lanes);
    if (t < 0 && into.window) add_to(into.window + lane.window_at(t), dx, lane.lanes);
  }
  for (Index k = 0; k < taps; ++k) store(sums + k * W, dw.get(k));
  store(sums + taps * W, dbias);
}

void backward(const ConvSizes& s, const ConvInputs& in, const ConvOutputGrads& grad, const ConvInputGrads& into) {
  const Index groups = (s.channels + W - 1) / W, width = (s.taps + 1) * W;
  const Scratch partial(s.batch * groups * width);  // dweight and dbias of each sequence
  with_taps(s.taps, [&](auto taps) {
    parallel_for(s.batch * groups, [&](Index item) {
      backward_lane<taps()>(Lane(s, in, item / groups, item % groups * W), grad, into, partial.data() + item * width);
    });
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
