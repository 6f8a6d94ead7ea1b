#include "core/kernels/rows.h"

#include <algorithm>

#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

void gather(Index rows, Index n, const std::int32_t* ids, const Real* table, Real* y) {
  parallel_blocks(rows, 256, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) std::copy_n(table + ids[r] * n, n, y + r * n);
  });
}

// Rows meet in the table, so the work is cut by columns: each item adds all rows, in order.
void gather_backward(Index rows, Index n, const std::int32_t* ids, const Real* dy, Real* dtable) {
  parallel_blocks(n, std::max<Index>(W, 32), [&](Index begin, Index end) {
    for (Index r = 0; r < rows; ++r)
      for_lanes(begin, end,
                [&](Index i, Index lanes) { add_to(dtable + ids[r] * n + i, load(dy + r * n + i, lanes), lanes); });
  });
}

void columns(Index rows, Index width, Index begin, Index n, const Real* x, Real* y) {
  parallel_blocks(rows, 256, [&](Index first, Index last) {
    for (Index r = first; r < last; ++r) std::copy_n(x + r * width + begin, n, y + r * n);
  });
}

void columns_backward(Index rows, Index width, Index begin, Index n, const Real* dy, Real* dx) {
  parallel_blocks(rows, 256, [&](Index first, Index last) {
    for (Index r = first; r < last; ++r)
      for_lanes(0, n,
                [&](Index i, Index lanes) { add_to(dx + r * width + begin + i, load(dy + r * n + i, lanes), lanes); });
  });
}

Index steps(const std::int32_t* lengths, Index b, Index length) { return lengths ? lengths[b] : length; }

void mean_over_time(Index batch, Index length, Index n, const std::int32_t* lengths, const Real* x, Real* y) {
  parallel_for(batch, [&](Index b) {
    const Index count = steps(lengths, b, length);
    std::fill_n(y + b * n, n, Real{0});
    for (Index t = 0; t < count; ++t)
      for_lanes(0, n,
                [&](Index i, Index lanes) { add_to(y + b * n + i, load(x + (b * length + t) * n + i, lanes), lanes); });
    const Real scale = count ? Real{1} / static_cast<Real>(count) : 0;
    for (Index i = 0; i < n; ++i) y[b * n + i] *= scale;
  });
}

void mean_over_time_backward(Index batch, Index length, Index n, const std::int32_t* lengths, const Real* dy,
                             Real* dx) {
  parallel_for(batch, [&](Index b) {
    const Index count = steps(lengths, b, length);
    for (Index t = 0; t < count; ++t)
      for_lanes(0, n, [&](Index i, Index lanes) {
        add_to(dx + (b * length + t) * n + i, load(dy + b * n + i, lanes) / static_cast<Real>(count), lanes);
      });
  });
}

void softmax(Index rows, Index n, const Real* x, Real* y) {
  parallel_blocks(rows, 16, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const Real* row = x + r * n;
      const Real top = *std::max_element(row, row + n);
      Vec total{};
      for_lanes(0, n, [&](Index i, Index lanes) {
        const Vec e = exp(load(row + i, lanes) - top);
        store(y + r * n + i, e, lanes);
        total += load(y + r * n + i, lanes);
      });
      const Real scale = Real{1} / sum(total);
      for (Index i = 0; i < n; ++i) y[r * n + i] *= scale;
    }
  });
}

void softmax_backward(Index rows, Index n, const Real* y, const Real* dy, Real* dx) {
  parallel_blocks(rows, 16, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      Vec inner{};
      for_lanes(r * n, r * n + n, [&](Index i, Index lanes) { inner += load(y + i, lanes) * load(dy + i, lanes); });
      const Real mean = sum(inner);
      for_lanes(r * n, r * n + n, [&](Index i, Index lanes) {
        add_to(dx + i, load(y + i, lanes) * (load(dy + i, lanes) - mean), lanes);
      });
    }
  });
}

}  // namespace

extern const Rows rows;
const Rows rows{gather,         gather_backward,         columns, columns_backward,
                mean_over_time, mean_over_time_backward, softmax, softmax_backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
