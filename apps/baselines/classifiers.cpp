// Classes of real-valued sequences.
#include <algorithm>
#include <memory>

#include "apps/baselines/linear.h"
#include "apps/baselines/minirocket.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr std::uint64_t kSeed = 1;

Index steps_of(const Batch& batch, Index b) {
  return batch.lengths.empty() ? batch.length : Index{batch.lengths[static_cast<std::size_t>(b)]};
}

SeriesView series_of(const SequenceOf& of, Index channels) {
  return {of.batch.values.data() + of.b * of.batch.length * channels, steps_of(of.batch, of.b)};
}

}  // namespace

Fitted fit_minirocket(const BaselineData& data, const Tell& tell) {
  const Index channels = data.task.shape().features;
  // Biases are of training series that are drawn: some hundreds of them, evenly.
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
          if ((first + b) % stride == 0) examples.emplace_back(series.values, series.values + series.steps * channels);
        }
        return true;
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
