// Loop order: sequence -> chunk of 16 steps -> group of W channels -> group of states -> step. W channels fill a vector
// and a group's states stay in registers over the chunk; a chunk's b and c are read by all channels from L1, and its
// x, delta, gate and y rows pass once. With the channels outermost the strided rows cost twice as much.
//
// Backward. Let g[t] be the gradient of h[t], e[t] = exp(dt a), p[t] that of y before the gate. Backwards in time
//   g[t]    = e[t+1] g[t+1] + c[t] p[t]
//   db[t]  += g dt x       dc[t] += h[t] p            da    += g e h[t-1] dt
//   dx[t]   = dt <g, b> + skip p                      d dt  = x <g, b> + <g e h[t-1], a>
// and d delta = d dt sigmoid(delta + bias). h[t] and e[t] are recomputed for a chunk from the state saved at its start.
// db and dc sum over channels: they are gathered as vectors over all groups and folded across lanes once a chunk.
#include "core/kernels/selective_scan.h"

#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr Index T = kScanChunk;

/// States held in registers at a time. With 8 the forward is no faster and the backward spills: 4.7 against 3.9 ns.
constexpr int kGroup = 4;

Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

/// States are padded to whole groups; a padded state has b = c = 0 and stays 0.
Index padded_states(const ScanSizes& s) { return ceil_div(s.states, kGroup) * kGroup; }

Index saved_size(const ScanSizes& s) {
  return s.batch * ceil_div(s.length, T) * ceil_div(s.channels, W) * padded_states(s) * W;
}

/// The work is cut into (sequence, range of channel groups): enough items for 16 threads, cut by shape alone.
struct Cut {
  Index groups, ranges, range;
  explicit Cut(const ScanSizes& s)
      : groups(ceil_div(s.channels, W)),
        range(ceil_div(groups, std::min(groups, std::max<Index>(1, ceil_div(16, s.batch))))) {
    ranges = ceil_div(groups, range);
  }
};

/// One chunk of one sequence: where it is, and its b and c rows padded to whole groups of states.
struct Chunk {
  const ScanSizes& s;
  const ScanInputs& in;
  Index b, start, steps, states;
  const Real *b_rows, *c_rows;

  /// `rows` has room for 2 T padded_states.
  Chunk(const ScanSizes& sizes, const ScanInputs& inputs, Index b_, Index start_, Index steps_, Real* rows)
      : s(sizes), in(inputs), b(b_), start(start_), steps(steps_), states(padded_states(s)) {
    const Index first = (b * s.length + start) * s.states;
    if (states == s.states) {
      b_rows = in.b + first;
      c_rows = in.c + first;
      return;
    }
    for (Index t = 0; t < steps; ++t)
      for (Index n = 0; n < states; ++n) {
        rows[t * states + n] = n < s.states ? in.b[first + t * s.states + n] : 0;
        rows[(T + t) * states + n] = n < s.states ? in.c[first + t * s.states + n] : 0;
      }
    b_rows = rows;
    c_rows = rows + T * states;
  }
  Index at(Index t, Index d) const { return (b * s.length + start + t) * s.channels + d; }
};

/// W channels of a chunk: step sizes and inputs as vectors.
struct Lanes {
  Index d, lanes;
  Vec dt[T], x[T], dtx[T];

  Lanes(const Chunk& k, Index group) : d(group * W), lanes(std::min<Index>(W, k.s.channels - d)) {
    const Vec bias = k.in.delta_bias ? load(k.in.delta_bias + d, lanes) : Vec{};
    for (Index t = 0; t < k.steps; ++t) {
      x[t] = load(k.in.x + k.at(t, d), lanes);
      dt[t] = load(k.in.delta + k.at(t, d), lanes) + bias;
      if (k.s.delta_softplus) dt[t] = softplus(dt[t]);
      dtx[t] = dt[t] * x[t];
    }
  }
};

/// a: [D, N] -> [groups, padded states, W], so that a state's rates over W channels are one vector.
void transpose_rates(const ScanSizes& s, const Real* a, Real scale, Real* out) {
  const Index states = padded_states(s);
  for (Index d = 0; d < ceil_div(s.channels, W) * W; ++d)
    for (Index n = 0; n < states; ++n)
      out[(d / W * states + n) * W + d % W] = d < s.channels && n < s.states ? a[d * s.states + n] * scale : 0;
}

/// [B, D, N] of sequence b <-> vectors [padded states] of one group.
void read_state(const ScanSizes& s, const Real* h, Index b, Index group, Real* out) {
  for (Index n = 0; n < padded_states(s); ++n)
    for (Index i = 0; i < W; ++i) {
      const Index d = group * W + i;
      out[n * W + i] = h && n < s.states && d < s.channels ? h[(b * s.channels + d) * s.states + n] : 0;
    }
}
template <class Write>
void each_state(const ScanSizes& s, Index b, Index group, const Write& write) {
  for (Index d = group * W; d < std::min(s.channels, group * W + W); ++d)
    for (Index n = 0; n < s.states; ++n) write((b * s.channels + d) * s.states + n, n * W + d % W);
}

/// The recurrence of kGroup states over a chunk; y[t] += <h, c>. The three arrays are at those states.
inline void advance(const Chunk& k, const Lanes& lane, Index n0, const Real* rates, Real* state, Vec* y) {
  Vec h[kGroup], a[kGroup];
  for (int n = 0; n < kGroup; ++n) {
    h[n] = load(state + n * W);
    a[n] = load(rates + n * W);
  }
  for (Index t = 0; t < k.steps; ++t) {
    const Real *b = k.b_rows + t * k.states + n0, *c = k.c_rows + t * k.states + n0;
    const Vec dt = lane.dt[t], dtx = lane.dtx[t];
    Vec sum = y[t];
    for (int n = 0; n < kGroup; ++n) {
      h[n] = scan_exp(dt * a[n]) * h[n] + dtx * b[n];
      sum += h[n] * c[n];
    }
    y[t] = sum;
  }
  for (int n = 0; n < kGroup; ++n) store(state + n * W, h[n]);
}

/// One step, as in generation: the states of a channel are a vector as they are stored, so that nothing is
/// transposed. For 256 channels of 16 states 2.9 us against 6.2 by the chunks, which made a generated token 1.25 times
/// as fast.
void step(const ScanSizes& s, const ScanInputs& in, const ScanOutputs& out) {
  const Scratch rows(padded_states(s) == s.states ? 0 : 2 * T * padded_states(s));
  for (Index b = 0; b < s.batch; ++b) {
    const Index before = b * s.channels * s.states;
    if (s.lengths && s.lengths[b] == 0) {
      std::fill_n(out.y + b * s.channels, s.channels, Real{0});
      for (Index i = before; out.h_last && i < before + s.channels * s.states; ++i)
        out.h_last[i] = in.h0 ? in.h0[i] : 0;
      continue;
    }
    const Chunk k(s, in, b, 0, 1, rows.data());
    for (Index group = 0; group < ceil_div(s.channels, W); ++group) {
      const Lanes lane(k, group);
      Real dt[W], dtx[W], sums[W] = {};
      store(dt, lane.dt[0] * kScanExpScale);
      store(dtx, lane.dtx[0]);
      for (Index i = 0; i < lane.lanes; ++i) {
        const Index channel = (lane.d + i) * s.states, at = before + channel;
        Vec y{};
        for (Index n = 0; n < s.states; n += W) {
          const Index here = std::min<Index>(W, s.states - n);
          const Vec decay = scan_exp(dt[i] * load(in.a + channel + n, here));
          const Vec old = in.h0 ? load(in.h0 + at + n, here) : Vec{};
          const Vec h = decay * old + dtx[i] * load(in.b + b * s.states + n, here);
          y += h * load(in.c + b * s.states + n, here);
          if (out.h_last) store(out.h_last + at + n, h, here);
        }
        sums[i] = sum(y);
      }
      Vec y = load(sums);
      if (in.skip) y += load(in.skip + lane.d, lane.lanes) * lane.x[0];
      if (in.gate) {
        const Vec z = load(in.gate + k.at(0, lane.d), lane.lanes);
        y *= z * sigmoid(z);
      }
      store(out.y + k.at(0, lane.d), y, lane.lanes);
    }
  }
}

void forward(const ScanSizes& s, const ScanInputs& in, Real* saved, const ScanOutputs& out) {
  if (s.length == 1 && !saved) return step(s, in, out);
  const Cut cut(s);
  const Index states = padded_states(s), block = states * W, chunks = ceil_div(s.length, T);
  const Scratch rates(cut.groups * block);
  transpose_rates(s, in.a, kScanExpScale, rates.data());
  const Scratch work(s.batch * cut.ranges * (cut.range * block + 2 * T * states));
  parallel_for(s.batch * cut.ranges, [&](Index item) {
    const Index b = item / cut.ranges, first = item % cut.ranges * cut.range;
    const Index last = std::min(cut.groups, first + cut.range), steps = s.lengths ? s.lengths[b] : s.length;
    Real* const state = work.data() + item * (cut.range * block + 2 * T * states);
    Real* const rows = state + cut.range * block;
    for (Index group = first; group < last; ++group) read_state(s, in.h0, b, group, state + (group - first) * block);
    for (Index start = 0; start < s.length; start += T) {
      const Chunk k(s, in, b, start, std::clamp<Index>(steps - start, 0, T), rows);
      for (Index group = first; group < last; ++group) {
        Real* const h = state + (group - first) * block;
        if (saved) {
          Real* const keep = saved + ((b * chunks + start / T) * cut.groups + group) * block;
          for (Index i = 0; i < block; i += W) store(keep + i, load(h + i));
        }
        const Lanes lane(k, group);
        Vec y[T];
        const Vec skip = in.skip ? load(in.skip + lane.d, lane.lanes) : Vec{};
        for (Index t = 0; t < k.steps; ++t) y[t] = skip * lane.x[t];
        for (Index n = 0; n < states; n += kGroup)
          advance(k, lane, n, rates.data() + group * block + n * W, h + n * W, y);
        for (Index t = 0; t < k.steps; ++t) {
          if (in.gate) {
            const Vec z = load(in.gate + k.at(t, lane.d), lane.lanes);
            y[t] *= z * sigmoid(z);
          }
          store(out.y + k.at(t, lane.d), y[t], lane.lanes);
        }
        for (Index t = k.steps; t < std::min(T, s.length - start); ++t)
          store(out.y + k.at(t, lane.d), Vec{}, lane.lanes);
      }
    }
    if (out.h_last)
      for (Index group = first; group < last; ++group)
        each_state(s, b, group, [&](Index to, Index from) { out.h_last[to] = state[(group - first) * block + from]; });
  });
}

/// What one (sequence, channel group) of the backward adds up along time.
struct Sums {
  Real *dh, *da;  // [padded states, W]
  Vec *dskip, *dbias;
};

/// kGroup states of one chunk, backwards; see the head of the file. The vectors gb and gdt collect <g, b> and
/// <g e h, a>; db and dc: [T, padded states, W] at those states.
inline void retreat(const Chunk& k, const Lanes& lane, Index n0, const Real* rates, const Real* saved, const Vec* p,
                    Real* dh_sum, Real* da_sum, Vec* y, Vec* gb, Vec* gdt, Real* db, Real* dc) {
  Vec h[T + 1][kGroup], e[T][kGroup], a[kGroup];
  for (int n = 0; n < kGroup; ++n) {
    h[0][n] = load(saved + n * W);
    a[n] = load(rates + n * W);
  }
  for (Index t = 0; t < k.steps; ++t) {
    const Real *b = k.b_rows + t * k.states + n0, *c = k.c_rows + t * k.states + n0;
    const Vec dt = lane.dt[t], dtx = lane.dtx[t];
    Vec sum = y[t];
    for (int n = 0; n < kGroup; ++n) {
      e[t][n] = scan_exp(dt * a[n]);
      h[t + 1][n] = e[t][n] * h[t][n] + dtx * b[n];
      sum += h[t + 1][n] * c[n];
    }
    y[t] = sum;
  }
  Vec dh[kGroup], da[kGroup];
  for (int n = 0; n < kGroup; ++n) {
    dh[n] = load(dh_sum + n * W);
    da[n] = load(da_sum + n * W);
  }
  for (Index t = k.steps - 1; t >= 0; --t) {
    const Real *b = k.b_rows + t * k.states + n0, *c = k.c_rows + t * k.states + n0;
    Vec sum_b{}, sum_a{};
    for (int n = 0; n < kGroup; ++n) {
      const Vec g = dh[n] + p[t] * c[n];
      Real *const db_n = db + (t * k.states + n) * W, *const dc_n = dc + (t * k.states + n) * W;
      store(db_n, load(db_n) + g * lane.dtx[t]);
      store(dc_n, load(dc_n) + p[t] * h[t + 1][n]);
      sum_b += g * b[n];
      dh[n] = g * e[t][n];
      const Vec moved = dh[n] * h[t][n];
      da[n] += moved * lane.dt[t];
      sum_a += moved * a[n];
    }
    gb[t] += sum_b;
    gdt[t] += sum_a;
  }
  for (int n = 0; n < kGroup; ++n) {
    store(dh_sum + n * W, dh[n]);
    store(da_sum + n * W, da[n]);
  }
}

/// One chunk of one channel group, backwards: writes the gradients of x, delta and gate, adds to the sums.
void backward_lanes(const Chunk& k, Index group, const Real* rates, const Real* saved, const Real* dy,
                    const ScanInputGrads& into, const Sums& sums, Real* db, Real* dc) {
  const Lanes lane(k, group);
  const Vec skip = k.in.skip ? load(k.in.skip + lane.d, lane.lanes) : Vec{};
  Vec p[T], y[T], gb[T], gdt[T];
  for (Index t = 0; t < k.steps; ++t) {
    p[t] = dy ? load(dy + k.at(t, lane.d), lane.lanes) : Vec{};
    if (k.in.gate) {
      const Vec z = load(k.in.gate + k.at(t, lane.d), lane.lanes);
      p[t] *= z * sigmoid(z);
    }
    y[t] = skip * lane.x[t];
    gb[t] = gdt[t] = Vec{};
  }
  for (Index n = 0; n < k.states; n += kGroup)
    retreat(k, lane, n, rates + n * W, saved + n * W, p, sums.dh + n * W, sums.da + n * W, y, gb, gdt, db + n * W,
            dc + n * W);
  const Vec bias = k.in.delta_bias ? load(k.in.delta_bias + lane.d, lane.lanes) : Vec{};
  Vec dskip{}, dbias{};
  for (Index t = 0; t < k.steps; ++t) {
    const Index at = k.at(t, lane.d);
    if (into.x) add_to(into.x + at, gb[t] * lane.dt[t] + skip * p[t], lane.lanes);
    Vec ddelta = gdt[t] * (Real{1} / kScanExpScale) + gb[t] * lane.x[t];
    if (k.s.delta_softplus) ddelta *= sigmoid(load(k.in.delta + at, lane.lanes) + bias);
    if (into.delta) add_to(into.delta + at, ddelta, lane.lanes);
    dbias += ddelta;
    dskip += p[t] * lane.x[t];
    if (k.in.gate && into.gate && dy) {
      const Vec z = load(k.in.gate + at, lane.lanes), sig = sigmoid(z);
      add_to(into.gate + at, load(dy + at, lane.lanes) * y[t] * sig * (Real{1} + z * (Real{1} - sig)), lane.lanes);
    }
  }
  *sums.dskip += dskip;
  *sums.dbias += dbias;
}

/// Folds vectors [steps, padded states, W] across lanes and adds them to rows [steps, N].
void fold(const Chunk& k, const Real* vectors, Real* out) {
  for (Index t = 0; t < k.steps; ++t)
    for (Index n = 0; n < k.s.states; ++n) out[t * k.s.states + n] += sum(load(vectors + (t * k.states + n) * W));
}

void backward(const ScanSizes& s, const ScanInputs& in, const Real* saved, const ScanOutputGrads& grad,
              const ScanInputGrads& into) {
  const Cut cut(s);
  const Index states = padded_states(s), block = states * W, chunks = ceil_div(s.length, T);
  const Index group_sums = 2 * block + 2 * W;  // dh, da, dskip, dbias
  const Scratch rates(cut.groups * block), sums(s.batch * cut.groups * group_sums, 0);
  transpose_rates(s, in.a, kScanExpScale, rates.data());
  const Index rows_size = s.batch * s.length * s.states;
  // Ranges beyond the first gather db and dc apart, and are added in order below.
  const Scratch apart((cut.ranges - 1) * 2 * rows_size, 0);
  const Index work_size = 2 * T * block + 2 * T * states;
  const Scratch work(s.batch * cut.ranges * work_size);
  parallel_for(s.batch * cut.ranges, [&](Index item) {
    const Index b = item / cut.ranges, r = item % cut.ranges, first = r * cut.range;
    const Index last = std::min(cut.groups, first + cut.range), steps = s.lengths ? s.lengths[b] : s.length;
    Real *const db = work.data() + item * work_size, *const dc = db + T * block, *const rows = dc + T * block;
    Real* const db_out = r == 0 ? into.b : apart.data() + (r - 1) * 2 * rows_size;
    Real* const dc_out = r == 0 ? into.c : apart.data() + ((r - 1) * 2 + 1) * rows_size;
    const auto sums_of = [&](Index group) { return sums.data() + (b * cut.groups + group) * group_sums; };
    for (Index group = first; group < last; ++group) read_state(s, grad.h_last, b, group, sums_of(group));
    for (Index start = ceil_div(steps, T) * T - T; start >= 0; start -= T) {
      const Chunk k(s, in, b, start, std::min(T, steps - start), rows);
      std::fill(db, db + 2 * T * block, Real{0});
      for (Index group = first; group < last; ++group) {
        Real* const own = sums_of(group);
        Vec dskip = load(own + 2 * block), dbias = load(own + 2 * block + W);
        backward_lanes(k, group, rates.data() + group * block,
                       saved + ((b * chunks + start / T) * cut.groups + group) * block, grad.y, into,
                       {own, own + block, &dskip, &dbias}, db, dc);
        store(own + 2 * block, dskip);
        store(own + 2 * block + W, dbias);
      }
      const Index at = (b * s.length + start) * s.states;
      if (db_out) fold(k, db, db_out + at);
      if (dc_out) fold(k, dc, dc_out + at);
    }
  });
  for (Index b = 0; b < s.batch; ++b)
    for (Index group = 0; group < cut.groups; ++group) {
      const Real* const own = sums.data() + (b * cut.groups + group) * group_sums;
      each_state(s, b, group, [&](Index at, Index from) {
        if (into.h0) into.h0[at] += own[from];
        if (into.a) into.a[at - b * s.channels * s.states] += own[block + from];
      });
      for (Index d = group * W; d < std::min(s.channels, group * W + W); ++d) {
        if (into.skip) into.skip[d] += own[2 * block + d % W];
        if (into.delta_bias) into.delta_bias[d] += own[2 * block + W + d % W];
      }
    }
  for (Index r = 1; r < cut.ranges; ++r)
    for (Index i = 0; i < rows_size; ++i) {
      if (into.b) into.b[i] += apart.data()[(r - 1) * 2 * rows_size + i];
      if (into.c) into.c[i] += apart.data()[((r - 1) * 2 + 1) * rows_size + i];
    }
}

}  // namespace

extern const SelectiveScan selective_scan;
const SelectiveScan selective_scan{saved_size, forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
