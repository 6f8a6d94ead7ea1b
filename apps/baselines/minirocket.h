#pragma once
// MiniRocket: features of a series that a linear classifier can tell classes by, from fixed convolutions.

#include <functional>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// A series [steps, channels].
struct SeriesView {
  const float* values;
  Index steps;
};

/// 84 kernels of nine weights, three of them 2 and the others -1; each at up to 32 dilations that grow from 1 to
/// (steps - 1) / 8; each with biases that are quantiles of its output on a training series. A feature is the share of
/// steps at which the output is greater than the bias: 9,996 in all, by dilation, kernel and bias. Every second kernel,
/// the parity changing from dilation to dilation, sees zeros around the series; the others are only counted where all
/// nine weights lie within. With several channels a kernel at a dilation sums up to nine of them, chosen at random.
/// Source: Dempster, Schmidt & Webb 2021, "MINIROCKET: A very fast (almost) deterministic transform for time series
/// classification" (arXiv 2012.08791), sections 3.1 and 3.2; channels as the authors' multivariate code chooses them.
/// Deviations: series and channels are drawn by our random numbers; a series that is too short for the nine weights of
/// a dilation sees zeros around it for every kernel.
class MiniRocket {
 public:
  static constexpr Index kKernels = 84, kWeights = 9, kFeatures = 9996;

  /// `steps`: of a training series, of different lengths their median; at least 9. `example(i)` is training series i of
  /// `examples`, [steps, channels].
  MiniRocket(Index steps, Index channels, Index examples, std::uint64_t seed,
             const std::function<std::vector<float>(Index)>& example);

  /// The features of a series.
  void transform(const SeriesView&, float* features) const;

  /// Dilations, rising, and how many biases every kernel has at each.
  struct Dilation {
    Index step, biases;
  };
  static std::vector<Dilation> dilations(Index steps);
  /// The places of the three weights that are 2, of each kernel: the combinations in lexicographic order.
  static std::vector<std::vector<Index>> kernels();

  const std::vector<float>& biases() const { return biases_; }  ///< of each feature
  /// The training series of each dilation and kernel.
  const std::vector<Index>& drawn() const { return drawn_; }
  /// The channels of each dilation and kernel.
  const std::vector<std::vector<Index>>& channels() const { return combinations_; }

 private:
  struct Padded;

  Index channels_;
  std::vector<Dilation> dilations_;
  std::vector<std::vector<Index>> kernels_ = kernels();
  std::vector<Index> drawn_{};
  std::vector<std::vector<Index>> combinations_{};
  std::vector<float> biases_{};
};

}  // namespace seqtape
