// Classes of sequences: of real values by MiniRocket, of tokens by a bag of n-grams.
#include <algorithm>
#include <cmath>
#include <memory>

#include "apps/baselines/linear.h"
#include "apps/baselines/minirocket.h"
#include "apps/baselines/ngram.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr std::uint64_t kSeed = 1;

/// Features of a bag, 2^13: of English bytes about three n-grams share one, of bases hardly two.
constexpr Index kBagBits = 13;

Index steps_of(const Batch& batch, Index b) {
  return batch.lengths.empty() ? batch.length : Index{batch.lengths[static_cast<std::size_t>(b)]};
}

SeriesView series_of(const SequenceOf& of, Index channels) {
  return {of.batch.values.data() + of.b * of.batch.length * channels, steps_of(of.batch, of.b)};
}

/// Adds how often each n-gram of up to `longest` tokens occurs to a feature that its hash chooses, with a sign that
/// another bit of it does, so that those that share a feature cancel on average (Weinberger et al. 2009, arXiv
/// 0902.2206); then takes the root of each share, which evens out frequent and rare ones, with its sign.
void bag_of_ngrams(const std::int32_t* tokens, Index steps, Index longest, float* features) {
  for (Index t = 0; t < steps; ++t) {
    std::uint64_t hash = 1;
    for (Index n = 1; n <= longest && t + n <= steps; ++n) {
      hash = extended_hash(hash, tokens[t + n - 1]);
      features[hash >> (64 - kBagBits)] += hash & 1 ? 1.0f : -1.0f;
    }
  }
  for (Index f = 0; f < Index{1} << kBagBits; ++f)
    features[f] = std::copysign(std::sqrt(std::fabs(features[f]) / static_cast<float>(steps)), features[f]);
}

}  // namespace

Fitted fit_bag(const BaselineData& data, const Tell& tell) {
  const auto vocabulary = static_cast<double>(data.task.shape().vocabulary);
  const Index longest = std::max<Index>(3, static_cast<Index>(static_cast<double>(kBagBits) / std::log2(vocabulary)));
  LinearForm form{.features = Index{1} << kBagBits};
  form.read = [longest](const SequenceOf& of, float* x, float*) {
    bag_of_ngrams(of.batch.tokens.data() + of.b * of.batch.length, steps_of(of.batch, of.b), longest, x);
  };
  Fitted fitted = fit_linear(data, form, tell);
  fitted.about += str("; n-grams of 1 to ", longest);
  return fitted;
}

Fitted fit_minirocket(const BaselineData& data, const Tell& tell) {
  const Index channels = data.task.shape().features;
  // Biases are of training series that are drawn: of about a thousand at most.
  constexpr Index kMostExamples = 1024;
  const Index stride = (data.training.training_sequences() + kMostExamples - 1) / kMostExamples;
  std::vector<Index> lengths;
  std::vector<std::vector<float>> examples;
  each_sequence(
      data.training, Split::train, [](const SequenceOf&) {},
      [&](const Batch& batch, Index first) {
        for (Index b = 0; b < batch.batch; ++b) {
          const SeriesView series = series_of({Split::train, first + b, batch, b}, channels);
          lengths.push_back(series.steps);
          if (is_kept(first + b, stride)) examples.emplace_back(series.values, series.values + series.steps * channels);
        }
      });
  std::sort(lengths.begin(), lengths.end());
  const Index median = lengths[lengths.size() / 2];
  if (median < MiniRocket::kWeights)
    return {.left_out = str("its kernels take ", MiniRocket::kWeights, " steps, half of the training's sequences have ",
                            median, " or fewer")};
  const auto rocket = std::make_shared<MiniRocket>(median, channels, static_cast<Index>(examples.size()), kSeed,
                                                   [&](Index i) { return examples[static_cast<std::size_t>(i)]; });
  LinearForm form{.features = MiniRocket::kFeatures};
  form.read = [rocket, channels](const SequenceOf& of, float* x, float*) {
    rocket->transform(series_of(of, channels), x);
  };
  Fitted fitted = fit_linear(data, form, tell);
  if (lengths.front() != lengths.back())
    fitted.about += str("; each sequence at its own length, dilations for the median of ", grouped(median), " steps");
  return fitted;
}

}  // namespace seqtape
