#include "apps/baselines/minirocket.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "core/threads.h"

namespace seqtape {
namespace {

constexpr Index kMostDilations = 32, kMostChannels = 9, kBiases = MiniRocket::kFeatures / MiniRocket::kKernels;

/// The share of the values greater than each bias. Counts of 4096 are exact in the loop's 32 bits and vectorise.
float share_above(const float* values, Index count, float bias) {
  Index above = 0;
  for (Index begin = 0; begin < count; begin += 4096) {
    const Index end = std::min(count, begin + 4096);
    int here = 0;
    for (Index t = begin; t < end; ++t) here += values[t] > bias;
    above += here;
  }
  return static_cast<float>(above) / static_cast<float>(count);
}

/// A quantile between the two nearest of sorted values, by a straight line (NumPy's default).
float quantile(const std::vector<float>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto low = static_cast<double>(sorted[below]),
             high = static_cast<double>(sorted[std::min(below + 1, sorted.size() - 1)]);
  return static_cast<float>(low + (place - static_cast<double>(below)) * (high - low));
}

}  // namespace

/// The channels of a series with zeros around, and the sums that the kernels of a dilation share.
struct MiniRocket::Padded {
  Padded(const SeriesView& series, Index channels, Index margin)
      : steps(series.steps), margin_(margin), stride_(steps + 2 * margin), channels_(channels) {
    values_.assign(static_cast<std::size_t>(channels * stride_), 0);
    for (Index c = 0; c < channels; ++c)
      for (Index t = 0; t < steps; ++t)
        values_[static_cast<std::size_t>(c * stride_ + margin + t)] = series.values[t * channels + c];
    all_.resize(static_cast<std::size_t>(channels * steps));
    output.resize(static_cast<std::size_t>(steps));
  }

  /// The values that weight `place` of nine meets at a dilation, from the output's first step on.
  const float* met(Index channel, Index dilation, Index place) const {
    return values_.data() + channel * stride_ + margin_ + (place - kWeights / 2) * dilation;
  }

  /// Sums the nine values that an output meets: a kernel of -1 and 2 is -1 times it and 3 times the three.
  void dilate(Index dilation) {
    for (Index c = 0; c < channels_; ++c) {
      float* const sum = all_.data() + c * steps;
      std::fill_n(sum, steps, 0.0f);
      for (Index place = 0; place < kWeights; ++place) {
        const float* x = met(c, dilation, place);
        for (Index t = 0; t < steps; ++t) sum[t] += x[t];
      }
    }
  }

  /// Fills `output` with a kernel's, summed over channels.
  void convolve(Index dilation, const std::vector<Index>& kernel, const std::vector<Index>& channels) {
    for (const Index c : channels) {
      const float *const a = met(c, dilation, kernel[0]), *const b = met(c, dilation, kernel[1]),
                         *const d = met(c, dilation, kernel[2]), *const sum = all_.data() + c * steps;
      float* const out = output.data();
      if (c == channels.front())
        for (Index t = 0; t < steps; ++t) out[t] = 3 * (a[t] + b[t] + d[t]) - sum[t];
      else
        for (Index t = 0; t < steps; ++t) out[t] += 3 * (a[t] + b[t] + d[t]) - sum[t];
    }
  }

  Index steps;
  std::vector<float> output;

 private:
  Index margin_, stride_, channels_;
  std::vector<float> values_, all_;  // [channels, stride], [channels, steps]
};

std::vector<std::vector<Index>> MiniRocket::kernels() {
  std::vector<std::vector<Index>> all;
  for (Index a = 0; a < kWeights; ++a)
    for (Index b = a + 1; b < kWeights; ++b)
      for (Index c = b + 1; c < kWeights; ++c) all.push_back({a, b, c});
  return all;
}

std::vector<MiniRocket::Dilation> MiniRocket::dilations(Index steps) {
  // 32 exponents from 0 to the largest, evenly; powers that round down to the same dilation share it and its biases.
  const double largest = std::log2(static_cast<double>(steps - 1) / static_cast<double>(kWeights - 1));
  std::vector<Dilation> all;
  for (Index i = 0; i < kMostDilations; ++i) {
    // The last one exactly: rounding must not take 1 off a whole number.
    const auto step = i + 1 == kMostDilations
                          ? (steps - 1) / (kWeights - 1)
                          : static_cast<Index>(std::exp2(largest * static_cast<double>(i) / (kMostDilations - 1)));
    if (all.empty() || all.back().step != step) all.push_back({step, 0});
    ++all.back().biases;
  }
  Index rest = kBiases;
  for (Dilation& one : all) {
    one.biases = one.biases * kBiases / kMostDilations;
    rest -= one.biases;
  }
  for (std::size_t i = 0; rest > 0; --rest, i = (i + 1) % all.size()) ++all[i].biases;
  return all;
}

MiniRocket::MiniRocket(Index steps, Index channels, Index examples, std::uint64_t seed,
                       const std::function<std::vector<float>(Index)>& example)
    : channels_(channels), dilations_(dilations(steps)), biases_(kFeatures) {
  Random random(seed, "minirocket");
  const double most = std::log2(static_cast<double>(std::min(channels, kMostChannels)) + 1);
  for (std::size_t i = 0; i < dilations_.size() * kernels_.size(); ++i) {
    drawn_.push_back(random.below(examples));
    std::vector<Index> chosen{0};
    if (channels > 1) {
      const auto count = static_cast<std::size_t>(std::exp2(random.uniform(0, most)));
      const auto order = random.permutation(channels);
      chosen.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count));
    }
    combinations_.push_back(chosen);
  }
  // Quantiles of low discrepancy: the multiples of the golden ratio, without their whole part.
  const double golden = (std::sqrt(5.0) + 1) / 2;
  std::vector<Index> starts;
  Index start = 0;
  for (const Dilation& one : dilations_) {
    starts.push_back(start);
    start += one.biases * kKernels;
  }
  for (std::size_t i = 0; i < dilations_.size(); ++i)
    parallel_for(kKernels, [&](Index k) {
      const auto at = i * kKernels + static_cast<std::size_t>(k);
      const Dilation& dilation = dilations_[i];
      const std::vector<float> values = example(drawn_[at]);
      Padded padded({values.data(), static_cast<Index>(values.size()) / channels_}, channels_, 4 * dilation.step);
      padded.dilate(dilation.step);
      padded.convolve(dilation.step, kernels_[static_cast<std::size_t>(k)], combinations_[at]);
      std::vector<float> sorted = padded.output;
      std::sort(sorted.begin(), sorted.end());
      for (Index q = 0; q < dilation.biases; ++q) {
        const Index feature = starts[i] + k * dilation.biases + q;
        const double multiple = static_cast<double>(feature + 1) * golden;
        biases_[static_cast<std::size_t>(feature)] = quantile(sorted, multiple - std::floor(multiple));
      }
    });
}

void MiniRocket::transform(const SeriesView& series, float* features) const {
  Padded padded(series, channels_, 4 * dilations_.back().step);
  const float* bias = biases_.data();
  for (std::size_t i = 0; i < dilations_.size(); ++i) {
    const Dilation& dilation = dilations_[i];
    padded.dilate(dilation.step);
    const Index reach = 4 * dilation.step;
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      padded.convolve(dilation.step, kernels_[k], combinations_[i * kKernels + k]);
      const bool whole = (i + k) % 2 == 0 || series.steps <= 2 * reach;
      const float* const from = padded.output.data() + (whole ? 0 : reach);
      const Index count = series.steps - (whole ? 0 : 2 * reach);
      for (Index q = 0; q < dilation.biases; ++q) *features++ = share_above(from, count, *bias++);
    }
  }
}

}  // namespace seqtape
