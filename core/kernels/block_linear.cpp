// dx[g] += weight[g]^T dy[g],   dweight[g] += dy[g] x[g]^T summed over the rows,   dbias[g] += the sum of dy[g]
//
// Blocks of 2 or 4 channels (mLSTM's q, k and v) fit a vector several times, and a matrix product for each would be all
// overhead: there the lanes are the channels, and entry i of every block is spread over its block's lanes. Others are a
// product a block. Rows are cut in parts of a fixed size, and the parts of dweight are added in order, so that the bits
// do not depend on the threads.
#include "core/kernels/block_linear.h"

#include <algorithm>
#include <array>

#include "core/kernels/gemm.h"
#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

using Sizes = BlockLinearSizes;

constexpr Index kRows = 512;  // of a part

#ifdef SEQTAPE_DOUBLE
using LaneIndex = std::int64_t;
#else
using LaneIndex = std::int32_t;
#endif
typedef LaneIndex Mask __attribute__((vector_size(kVectorBytes)));

/// For each entry of a block, the lanes that spread it: a constant in memory, since a mask that is filled lane by lane
/// is filled again for every vector.
template <int block>
constexpr auto kSpread = [] {
  std::array<std::array<LaneIndex, W>, block> from{};
  for (int entry = 0; entry < block; ++entry)
    for (int lane = 0; lane < W; ++lane)
      from[static_cast<std::size_t>(entry)][static_cast<std::size_t>(lane)] = lane / block * block + entry;
  return from;
}();

/// Entry `entry` of the block of each lane.
template <int block>
Vec spread(Vec x, int entry) {
  Mask from;
  __builtin_memcpy(&from, kSpread<block>[static_cast<std::size_t>(entry)].data(), sizeof from);
  return __builtin_shuffle(x, from);
}

Index parts_of(const Sizes& s) { return (s.rows + kRows - 1) / kRows; }

/// out[entry, c] = weight[c, entry], or with `transposed` weight of the transposed blocks.
template <int block>
void entries(Index channels, const Real* weight, bool transposed, Real* out) {
  for (Index c = 0; c < channels; ++c)
    for (Index i = 0; i < block; ++i)
      out[i * channels + c] = transposed ? weight[(c / block * block + i) * block + c % block] : weight[c * block + i];
}

/// y (+)= the blocks' products, for small blocks.
template <int block>
void small_product(Index rows, Index channels, const Real* x, const Real* weight, bool transposed, const Real* bias,
                   bool add, Real* y) {
  const Scratch by_entry(block * channels);
  entries<block>(channels, weight, transposed, by_entry.data());
  parallel_for((rows + kRows - 1) / kRows, [&](Index part) {
    for (Index r = part * kRows; r < std::min(rows, (part + 1) * kRows); ++r)
      for_lanes(0, channels, [&](Index c, Index lanes) {
        const Vec here = load(x + r * channels + c, lanes);
        Vec total = bias ? load(bias + c, lanes) : Vec{};
        for (int i = 0; i < block; ++i)
          total += spread<block>(here, i) * load(by_entry.data() + i * channels + c, lanes);
        if (add)
          add_to(y + r * channels + c, total, lanes);
        else
          store(y + r * channels + c, total, lanes);
      });
  });
}

template <int block>
void small_dweight(const Sizes& s, const Real* x, const Real* dy, Real* dweight) {
  const Index channels = s.blocks * block, size = channels * block;
  const Scratch parts(parts_of(s) * size);
  parallel_for(parts_of(s), [&](Index part) {
    Real* const out = parts.data() + part * size;
    for_lanes(0, channels, [&](Index c, Index lanes) {
      Vec total[block] = {};
      for (Index r = part * kRows; r < std::min(s.rows, (part + 1) * kRows); ++r) {
        const Vec here = load(x + r * channels + c, lanes), d = load(dy + r * channels + c, lanes);
        for (int i = 0; i < block; ++i) total[i] += d * spread<block>(here, i);
      }
      for (int i = 0; i < block; ++i) store(out + i * channels + c, total[i], lanes);
    });
  });
  for (Index part = 0; part < parts_of(s); ++part)
    for (Index c = 0; c < channels; ++c)
      for (Index i = 0; i < block; ++i) dweight[c * block + i] += parts.data()[part * size + i * channels + c];
}

/// Whether lanes hold whole blocks.
template <int block>
bool small(const Sizes& s) {
  return s.in == block && s.out == block && W % block == 0;
}

void forward(const Sizes& s, const Real* x, const Real* weight, const Real* bias, Real* y) {
  if (small<4>(s)) return small_product<4>(s.rows, 4 * s.blocks, x, weight, false, bias, false, y);
  if (small<2>(s)) return small_product<2>(s.rows, 2 * s.blocks, x, weight, false, bias, false, y);
  const Index width = s.blocks * s.out;
  parallel_for(parts_of(s), [&](Index part) {
    const Index begin = part * kRows, rows = std::min(kRows, s.rows - begin);
    if (bias)
      for (Index r = begin; r < begin + rows; ++r) std::copy_n(bias, width, y + r * width);
    for (Index g = 0; g < s.blocks; ++g)
      gemm_serial(Transpose::no, Transpose::yes, rows, s.out, s.in, x + begin * s.blocks * s.in + g * s.in,
                  s.blocks * s.in, weight + g * s.out * s.in, s.in, bias ? 1 : 0, y + begin * width + g * s.out, width);
  });
}

void backward(const Sizes& s, const Real* x, const Real* weight, const Real* dy, Real* dx, Real* dweight, Real* dbias) {
  const Index in = s.blocks * s.in, out = s.blocks * s.out, size = out * s.in;
  if (dbias) add_column_sums(s.rows, out, dy, dbias);
  if (small<4>(s)) {
    if (dx) small_product<4>(s.rows, out, dy, weight, true, nullptr, true, dx);
    if (dweight) small_dweight<4>(s, x, dy, dweight);
    return;
  }
  if (small<2>(s)) {
    if (dx) small_product<2>(s.rows, out, dy, weight, true, nullptr, true, dx);
    if (dweight) small_dweight<2>(s, x, dy, dweight);
    return;
  }
  const Scratch parts(dweight ? parts_of(s) * size : 0);
  parallel_for(parts_of(s), [&](Index part) {
    const Index begin = part * kRows, rows = std::min(kRows, s.rows - begin);
    for (Index g = 0; g < s.blocks; ++g) {
      const Real *const xs = x + begin * in + g * s.in, *const dys = dy + begin * out + g * s.out;
      if (dx)
        gemm_serial(Transpose::no, Transpose::no, rows, s.in, s.out, dys, out, weight + g * s.out * s.in, s.in, 1,
                    dx + begin * in + g * s.in, in);
      if (dweight)
        gemm_serial(Transpose::yes, Transpose::no, s.out, s.in, rows, dys, out, xs, in, 0,
                    parts.data() + part * size + g * s.out * s.in, s.in);
    }
  });
  for (Index part = 0; dweight && part < parts_of(s); ++part)
    for (Index i = 0; i < size; ++i) dweight[i] += parts.data()[part * size + i];
}

}  // namespace

extern const BlockLinear block_linear;
const BlockLinear block_linear{forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
