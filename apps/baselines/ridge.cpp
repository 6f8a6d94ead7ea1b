#include "apps/baselines/ridge.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/blas.h"
#include "core/error.h"
#include "core/threads.h"

namespace seqtape {
namespace {

/// Tiles of the matrix, each computed by one thread: 256 numbers square are half a megabyte, of a second-level cache.
constexpr Index kTile = 256, kPanel = 128, kInner = 256;

int blas_int(Index n) { return static_cast<int>(n); }

/// A symmetric matrix [n, n], kept whole in its upper triangle and diagonal; the lower one is overwritten by the
/// factors of one penalty after another.
class Symmetric {
 public:
  explicit Symmetric(Index n) : n_(n), m_(static_cast<std::size_t>(n * n)), diagonal_(static_cast<std::size_t>(n)) {}

  /// Adds B B^T for B [n, inner], to the upper triangle.
  void add_product(const std::vector<double>& b, Index inner) {
    each_tile(0, kTile, [&](Index i, Index rows, Index j, Index columns) {
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas_int(columns), blas_int(rows), blas_int(inner), 1,
                  &b[index(j * inner)], blas_int(inner), &b[index(i * inner)], blas_int(inner), 1, at(j, i),
                  blas_int(n_));
    });
    for (Index i = 0; i < n_; ++i) diagonal_[index(i)] = *at(i, i);
  }

  /// The Cholesky factor L of this + penalty I, in the lower triangle; false where it is not positive definite.
  bool factor(double penalty) {
    parallel_for(n_, [&](Index i) {
      for (Index j = 0; j < i; ++j) *at(i, j) = *at(j, i);
    });
    for (Index i = 0; i < n_; ++i) *at(i, i) = diagonal_[index(i)] + penalty;
    for (Index k = 0; k < n_; k += kPanel) {
      const Index width = std::min(kPanel, n_ - k), below = k + width;
      if (!factor_block(k, width)) return false;
      parallel_blocks(n_ - below, kTile, [&](Index begin, Index end) {
        prepare_blas();
        cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, blas_int(end - begin),
                    blas_int(width), 1, at(k, k), blas_int(n_), at(below + begin, k), blas_int(n_));
      });
      each_tile(below, kTile, [&](Index i, Index rows, Index j, Index columns) {
        // A tile on the diagonal writes above it too, where the matrix itself is: those are computed beside.
        double* out = at(i, j);
        std::vector<double> beside;
        Index stride = n_;
        if (i == j) {
          beside.resize(index(rows * columns));
          for (Index r = 0; r < rows; ++r) std::copy_n(at(i + r, j), r + 1, &beside[index(r * columns)]);
          out = beside.data(), stride = columns;
        }
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas_int(rows), blas_int(columns), blas_int(width), -1,
                    at(i, k), blas_int(n_), at(j, k), blas_int(n_), 1, out, blas_int(stride));
        if (i == j)
          for (Index r = 0; r < rows; ++r) std::copy_n(&beside[index(r * columns)], r + 1, at(i + r, j));
      });
    }
    return true;
  }

  /// x [n, columns] <- (L L^T)^-1 x.
  void solve(std::vector<double>& x, Index columns) const {
    prepare_blas();
    for (const auto transpose : {CblasNoTrans, CblasTrans})
      cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, transpose, CblasNonUnit, blas_int(n_), blas_int(columns), 1,
                  m_.data(), blas_int(n_), x.data(), blas_int(columns));
  }

 private:
  static std::size_t index(Index i) { return static_cast<std::size_t>(i); }
  double* at(Index i, Index j) { return &m_[index(i * n_ + j)]; }

  /// Calls with every tile (row i, rows, column j <= i, columns) of the lower triangle from row `first` on.
  template <class Body>
  void each_tile(Index first, Index tile, const Body& body) const {
    const Index count = (n_ - first + tile - 1) / tile;
    std::vector<std::pair<Index, Index>> tiles;
    for (Index i = 0; i < count; ++i)
      for (Index j = 0; j <= i; ++j) tiles.emplace_back(first + i * tile, first + j * tile);
    parallel_for(static_cast<Index>(tiles.size()), [&](Index t) {
      prepare_blas();
      const auto [i, j] = tiles[index(t)];
      body(i, std::min(tile, n_ - i), j, std::min(tile, n_ - j));
    });
  }

  bool factor_block(Index k, Index width) {
    for (Index j = k; j < k + width; ++j) {
      double pivot = *at(j, j);
      for (Index p = k; p < j; ++p) pivot -= *at(j, p) * *at(j, p);
      if (!(pivot > 0)) return false;
      *at(j, j) = std::sqrt(pivot);
      for (Index i = j + 1; i < k + width; ++i) {
        double sum = *at(i, j);
        for (Index p = k; p < j; ++p) sum -= *at(i, p) * *at(j, p);
        *at(i, j) = sum / *at(j, j);
      }
    }
    return true;
  }

  Index n_;
  std::vector<double> m_, diagonal_;
};

/// Cases as they are fitted: features standardised, answers less their mean.
class Standardised {
 public:
  explicit Standardised(const LinearCases& cases)
      : cases_(cases),
        n_(cases.count()),
        p_(cases.features),
        mean_(static_cast<std::size_t>(p_)),
        scale_(mean_.size()),
        answer_(static_cast<std::size_t>(cases.outputs)) {
    parallel_blocks(p_, 64, [&](Index begin, Index end) {
      for (Index i = 0; i < n_; ++i)
        for (Index f = begin; f < end; ++f) mean_[index(f)] += x(i, f) / static_cast<double>(n_);
      for (Index i = 0; i < n_; ++i)
        for (Index f = begin; f < end; ++f)
          scale_[index(f)] += std::pow(x(i, f) - mean_[index(f)], 2) / static_cast<double>(n_);
      // Below the rounding of floats a feature is the same number in every case.
      for (Index f = begin; f < end; ++f)
        scale_[index(f)] =
            scale_[index(f)] > 1e-14 * std::pow(mean_[index(f)], 2) ? 1 / std::sqrt(scale_[index(f)]) : 0;
    });
    for (std::size_t i = 0; i < cases.y.size(); ++i)
      answer_[i % answer_.size()] += static_cast<double>(cases.y[i]) / static_cast<double>(n_);
  }

  double z(Index i, Index f) const { return (x(i, f) - mean_[index(f)]) * scale_[index(f)]; }
  double y(Index i, Index o) const {
    return static_cast<double>(cases_.y[index(i * cases_.outputs + o)]) - answer_[index(o)];
  }

  /// Z^T a, for a [cases, outputs]: [features, outputs].
  std::vector<double> transposed_times(const std::vector<double>& a) const {
    const Index outputs = cases_.outputs;
    std::vector<double> out(index(p_ * outputs));
    parallel_blocks(p_, 64, [&](Index begin, Index end) {
      for (Index i = 0; i < n_; ++i)
        for (Index f = begin; f < end; ++f) {
          const double value = z(i, f);
          for (Index o = 0; o < outputs; ++o) out[index(f * outputs + o)] += value * a[index(i * outputs + o)];
        }
    });
    return out;
  }

  /// In the units of the cases: weights [features, outputs] of z become those of x.
  LinearMap in_units(std::vector<double> weights, double penalty) const {
    const Index outputs = cases_.outputs;
    LinearMap map{p_, outputs, penalty, std::move(weights), answer_};
    for (Index f = 0; f < p_; ++f)
      for (Index o = 0; o < outputs; ++o) {
        double& weight = map.weights[index(f * outputs + o)];
        weight *= scale_[index(f)];
        map.intercept[index(o)] -= weight * mean_[index(f)];
      }
    return map;
  }

 private:
  static std::size_t index(Index i) { return static_cast<std::size_t>(i); }
  double x(Index i, Index f) const { return static_cast<double>(cases_.x[index(i * p_ + f)]); }

  const LinearCases& cases_;
  Index n_, p_;
  std::vector<double> mean_, scale_, answer_;
};

}  // namespace

void LinearMap::apply(const float* x, float* y) const {
  std::vector<double> sums = intercept;
  for (Index f = 0; f < features; ++f) {
    const double value = static_cast<double>(x[f]);
    const double* row = weights.data() + f * outputs;
    for (Index o = 0; o < outputs; ++o) sums[static_cast<std::size_t>(o)] += value * row[o];
  }
  std::copy(sums.begin(), sums.end(), y);
}

std::vector<LinearMap> fit_ridge(const LinearCases& cases, const std::vector<double>& penalties,
                                 const std::function<void(const std::string&)>& tell) {
  const Index n = cases.count(), p = cases.features, outputs = cases.outputs;
  const Standardised data(cases);
  const bool dual = n < p;
  const Index size = dual ? n : p, inner = dual ? p : n;
  Symmetric matrix(size);
  for (Index begin = 0; begin < inner; begin += kInner) {
    const Index width = std::min(kInner, inner - begin);
    std::vector<double> block(static_cast<std::size_t>(size * width));
    parallel_for(size, [&](Index i) {
      for (Index k = 0; k < width; ++k)
        block[static_cast<std::size_t>(i * width + k)] = dual ? data.z(i, begin + k) : data.z(begin + k, i);
    });
    matrix.add_product(block, width);
    tell(str("products, ", 100 * (begin + width) / inner, " %"));
  }
  std::vector<double> answers(static_cast<std::size_t>(n * outputs));
  for (Index i = 0; i < n; ++i)
    for (Index o = 0; o < outputs; ++o) answers[static_cast<std::size_t>(i * outputs + o)] = data.y(i, o);
  const std::vector<double> right = dual ? answers : data.transposed_times(answers);
  std::vector<LinearMap> maps;
  for (std::size_t k = 0; k < penalties.size(); ++k) {
    tell(str("penalty ", k + 1, " of ", penalties.size()));
    if (!matrix.factor(penalties[k] * static_cast<double>(n))) continue;
    std::vector<double> solution = right;
    matrix.solve(solution, outputs);
    maps.push_back(data.in_units(dual ? data.transposed_times(solution) : std::move(solution), penalties[k]));
  }
  return maps;
}

}  // namespace seqtape
