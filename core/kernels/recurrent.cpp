// The product of a few rows with the recurrent matrix is the whole cost. The matrix is packed once a call into blocks
// of columns that a register tile of 4 rows x J vectors consumes in order: it streams from L2, each vector serving 4
// rows. Rows are shared out between threads for the whole sequence, so no step waits for another thread. A row's sums
// run over k in one order whatever the tile, so the cut may follow the number of threads and keep the bits.
#include "core/kernels/recurrent.h"

#include "core/kernels/gemm.h"
#include "core/kernels/scratch.h"
#include "core/kernels/simd.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA {
namespace {

constexpr int kRows = 4;
constexpr int J = kVectorBytes == 64 ? 4 : 2;  // 16 sums in AVX-512's 32 registers, 8 in 16
constexpr Index kBlock = J * W;

Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

/// A matrix m: [k, n] (element (p, j) at p * row + j * column), packed for products with rows from the left.
class Packed {
 public:
  Packed(Index k, Index n, const Real* m, Index row, Index column)
      : k_(k), n_(n), data_(ceil_div(n, kBlock) * k * kBlock) {
    for (Index block = 0; block < ceil_div(n, kBlock); ++block)
      for (Index p = 0; p < k; ++p)
        for (Index j = 0; j < kBlock; ++j) {
          const Index at = block * kBlock + j;
          data_.data()[(block * k + p) * kBlock + j] = at < n ? m[p * row + at * column] : 0;
        }
  }
  /// Columns of a result row, padded to whole blocks.
  Index width() const { return ceil_div(n_, kBlock) * kBlock; }

  /// out[r] = x[r] m for `rows` <= 4 rows; x: [rows, ldx], out: [rows, width].
  void multiply(Index rows, const Real* x, Index ldx, Real* out) const {
    switch (rows) {
      case 1:
        return product<1>(x, ldx, out);
      case 2:
        return product<2>(x, ldx, out);
      case 3:
        return product<3>(x, ldx, out);
      default:
        return product<4>(x, ldx, out);
    }
  }

 private:
  template <int R>
  void product(const Real* x, Index ldx, Real* out) const {
    const Index columns = width();
    for (Index block = 0; block * kBlock < columns; ++block) {
      const Real* w = data_.data() + block * k_ * kBlock;
      Vec sum[R][J] = {};
      for (Index p = 0; p < k_; ++p, w += kBlock) {
        Vec v[J];
        for (int j = 0; j < J; ++j) v[j] = load(w + j * W);
        for (int r = 0; r < R; ++r) {
          const Vec h = splat(x[r * ldx + p]);
          for (int j = 0; j < J; ++j) sum[r][j] += h * v[j];
        }
      }
      for (int r = 0; r < R; ++r)
        for (int j = 0; j < J; ++j) store(out + r * columns + block * kBlock + j * W, sum[r][j]);
    }
  }

  Index k_, n_;
  Scratch data_;
};

Index saved_rows(Cell cell) { return cell == Cell::lstm ? 5 : cell == Cell::gru ? 4 : 0; }
Index saved_size(const RecurrentSizes& s) { return s.batch * s.length * saved_rows(s.cell) * s.hidden; }
Index steps_of(const RecurrentSizes& s, Index b) { return s.lengths ? s.lengths[b] : s.length; }

/// One cell's step. z: input part, w: recurrent product, h and c: state, in and out; saved: what the backward needs.
/// lstm saves i f g o c, gru r u n w_n, rnn nothing.
void cell_step(Cell cell, Index n, const Real* z, const Real* w, const Real* bias, Real* h, Real* c, Real* saved) {
  for_lanes(0, n, [&](Index i, Index lanes) {
    const auto recurrent_part = [&](Index gate) {
      const Vec product = load(w + gate * n + i, lanes);
      return bias ? product + load(bias + gate * n + i, lanes) : product;
    };
    const auto input_part = [&](Index gate) { return load(z + gate * n + i, lanes); };
    const auto sum = [&](Index gate) { return input_part(gate) + recurrent_part(gate); };
    const auto keep = [&](Index row, Vec v) { store(saved + row * n + i, v, lanes); };
    switch (cell) {
      case Cell::rnn_tanh:
        store(h + i, tanh(sum(0)), lanes);
        return;
      case Cell::rnn_relu: {
        const Vec v = sum(0);
        store(h + i, v <= Real{0} ? Vec{} : v, lanes);
        return;
      }
      case Cell::lstm: {
        const Vec in = sigmoid(sum(0)), forget = sigmoid(sum(1)), g = tanh(sum(2)), o = sigmoid(sum(3));
        const Vec next = forget * load(c + i, lanes) + in * g;
        store(c + i, next, lanes);
        store(h + i, o * tanh(next), lanes);
        if (saved) keep(0, in), keep(1, forget), keep(2, g), keep(3, o), keep(4, next);
        return;
      }
      case Cell::gru: {
        const Vec r = sigmoid(sum(0)), u = sigmoid(sum(1)), wn = recurrent_part(2), g = tanh(input_part(2) + r * wn);
        store(h + i, g + u * (load(h + i, lanes) - g), lanes);
        if (saved) keep(0, r), keep(1, u), keep(2, g), keep(3, wn);
      }
    }
  });
}

/// The step backwards. dh: gradient of h[t] in, and what reaches h[t-1] beside the recurrent product out; dc likewise.
/// dz and dw: gradients of the input part and of the recurrent product.
void cell_step_back(Cell cell, Index n, const Real* y, const Real* h_before, const Real* c_before, const Real* saved,
                    Real* dh, Real* dc, Real* dz, Real* dw) {
  for_lanes(0, n, [&](Index i, Index lanes) {
    const auto kept = [&](Index row) { return load(saved + row * n + i, lanes); };
    const auto put = [&](Index gate, Vec v) {
      store(dz + gate * n + i, v, lanes);
      store(dw + gate * n + i, v, lanes);
    };
    const Vec g_h = load(dh + i, lanes);
    switch (cell) {
      case Cell::rnn_tanh: {
        const Vec h = load(y + i, lanes);
        put(0, g_h * (Real{1} - h * h));
        store(dh + i, Vec{}, lanes);
        return;
      }
      case Cell::rnn_relu: {
        put(0, load(y + i, lanes) > Real{0} ? g_h : Vec{});
        store(dh + i, Vec{}, lanes);
        return;
      }
      case Cell::lstm: {
        const Vec in = kept(0), forget = kept(1), g = kept(2), o = kept(3), t = tanh(kept(4));
        const Vec g_c = load(dc + i, lanes) + g_h * o * (Real{1} - t * t);
        const Vec before = c_before ? load(c_before + i, lanes) : Vec{};
        put(0, g_c * g * in * (Real{1} - in));
        put(1, g_c * before * forget * (Real{1} - forget));
        put(2, g_c * in * (Real{1} - g * g));
        put(3, g_h * t * o * (Real{1} - o));
        store(dc + i, g_c * forget, lanes);
        store(dh + i, Vec{}, lanes);
        return;
      }
      case Cell::gru: {
        const Vec r = kept(0), u = kept(1), g = kept(2), wn = kept(3);
        const Vec before = h_before ? load(h_before + i, lanes) : Vec{};
        const Vec g_n = g_h * (Real{1} - u) * (Real{1} - g * g);
        put(0, g_n * wn * r * (Real{1} - r));
        put(1, g_h * (before - g) * u * (Real{1} - u));
        store(dz + 2 * n + i, g_n, lanes);
        store(dw + 2 * n + i, g_n * r, lanes);
        store(dh + i, g_h * u, lanes);
      }
    }
  });
}

/// Calls body(first row, rows) for groups of up to 4 rows, as many groups as keep the threads busy.
template <class Body>
void for_row_groups(Index batch, const Body& body) {
  const Index rows = std::clamp<Index>(ceil_div(batch, thread_count()), 1, kRows);
  parallel_blocks(batch, rows, [&](Index begin, Index end) { body(begin, end - begin); });
}

void copy_or_zero(Index n, const Real* from, Real* to) {
  for (Index i = 0; i < n; ++i) to[i] = from ? from[i] : 0;
}

void forward(const RecurrentSizes& s, const RecurrentInputs& in, Real* saved, const RecurrentOutputs& out) {
  const Index n = s.hidden, gates = gates_of(s.cell) * n, kept = saved_rows(s.cell) * n;
  const Packed weight(n, gates, in.weight, 1, n);  // h weight^T
  const Index per_row = weight.width() + 2 * n;
  const Scratch work(s.batch * per_row);
  for_row_groups(s.batch, [&](Index first, Index rows) {
    Real* const h = work.data() + first * per_row;  // [rows, n], then c, then the products
    Real *const c = h + rows * n, *const w = c + rows * n;
    Index longest = 0;
    for (Index r = 0; r < rows; ++r) {
      copy_or_zero(n, in.h0 ? in.h0 + (first + r) * n : nullptr, h + r * n);
      copy_or_zero(n, in.c0 ? in.c0 + (first + r) * n : nullptr, c + r * n);
      longest = std::max(longest, steps_of(s, first + r));
    }
    for (Index t = 0; t < longest; ++t) {
      weight.multiply(rows, h, n, w);
      for (Index r = 0; r < rows; ++r) {
        const Index at = (first + r) * s.length + t;
        if (t >= steps_of(s, first + r)) continue;
        cell_step(s.cell, n, in.gx + at * gates, w + r * weight.width(), in.bias, h + r * n, c + r * n,
                  saved ? saved + at * kept : nullptr);
        std::copy_n(h + r * n, n, out.y + at * n);
      }
    }
    for (Index r = 0; r < rows; ++r) {
      const Index b = first + r, steps = steps_of(s, b);
      std::fill_n(out.y + (b * s.length + steps) * n, (s.length - steps) * n, Real{0});
      if (out.h_last) std::copy_n(h + r * n, n, out.h_last + b * n);
      if (out.c_last) std::copy_n(c + r * n, n, out.c_last + b * n);
    }
  });
}

void backward(const RecurrentSizes& s, const RecurrentInputs& in, const Real* y, const Real* saved,
              const RecurrentOutputGrads& grad, Real* dgx, const RecurrentInputGrads& into) {
  const Index n = s.hidden, gates = gates_of(s.cell) * n, kept = saved_rows(s.cell) * n, cells = s.batch * s.length;
  const Packed weight(gates, n, in.weight, n, 1);  // dw weight
  // For all cells but gru the gradients of both parts are equal, and dgx serves for both.
  const bool apart = s.cell == Cell::gru;
  const Scratch dw_apart(apart ? cells * gates : 0), before(cells * n);
  Real* const dw = apart ? dw_apart.data() : dgx;
  const Index per_row = weight.width() + gates + 2 * n;
  const Scratch work(s.batch * per_row);
  for_row_groups(s.batch, [&](Index first, Index rows) {
    Real* const dh = work.data() + first * per_row;
    Real *const dc = dh + rows * n, *const product = dc + rows * n, *const now = product + rows * weight.width();
    Index longest = 0;
    for (Index r = 0; r < rows; ++r) {
      const Index b = first + r, steps = steps_of(s, b);
      copy_or_zero(n, grad.h_last ? grad.h_last + b * n : nullptr, dh + r * n);
      copy_or_zero(n, grad.c_last ? grad.c_last + b * n : nullptr, dc + r * n);
      longest = std::max(longest, steps);
      for (Index t = 0; t < s.length; ++t) {
        const Index at = b * s.length + t;
        const Real* const state = t ? y + (at - 1) * n : in.h0 ? in.h0 + b * n : nullptr;
        copy_or_zero(n, t < steps ? state : nullptr, before.data() + at * n);
        if (t < steps) continue;
        std::fill_n(dgx + at * gates, gates, Real{0});
        std::fill_n(dw + at * gates, gates, Real{0});
      }
    }
    for (Index t = longest - 1; t >= 0; --t) {
      for (Index r = 0; r < rows; ++r) {
        const Index b = first + r, at = b * s.length + t;
        if (t >= steps_of(s, b)) {
          std::fill_n(now + r * gates, gates, Real{0});
          continue;
        }
        Real* const g = dh + r * n;
        if (grad.y)
          for_lanes(0, n, [&](Index i, Index lanes) { add_to(g + i, load(grad.y + at * n + i, lanes), lanes); });
        const Real* const c_before = s.cell != Cell::lstm ? nullptr
                                     : t                  ? saved + (at - 1) * kept + 4 * n
                                     : in.c0              ? in.c0 + b * n
                                                          : nullptr;
        cell_step_back(s.cell, n, y + at * n, before.data() + at * n, c_before, saved ? saved + at * kept : nullptr, g,
                       dc + r * n, dgx + at * gates, dw + at * gates);
        std::copy_n(dw + at * gates, gates, now + r * gates);
      }
      weight.multiply(rows, now, gates, product);
      for (Index r = 0; r < rows; ++r)
        for_lanes(0, n, [&](Index i, Index lanes) {
          add_to(dh + r * n + i, load(product + r * weight.width() + i, lanes), lanes);
        });
    }
    for (Index r = 0; r < rows; ++r)
      for (Index i = 0; i < n; ++i) {
        if (into.h0) into.h0[(first + r) * n + i] += dh[r * n + i];
        if (into.c0) into.c0[(first + r) * n + i] += dc[r * n + i];
      }
  });
  if (into.weight) gemm(Transpose::yes, Transpose::no, gates, n, cells, dw, gates, before.data(), n, 1, into.weight, n);
  if (into.bias) add_column_sums(cells, gates, dw, into.bias);
}

}  // namespace

extern const Recurrent recurrent;
const Recurrent recurrent{saved_size, forward, backward};

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels::SEQTAPE_ISA
