// Language models without a network.
#include <cmath>
#include <memory>

#include "apps/baselines/linear.h"
#include "apps/baselines/ngram.h"
#include "core/io/json.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr Index kOrder = 5;

/// The tokens of a window and the last one's target: token t + 1 is the target of token t.
std::vector<std::int32_t> window_tokens(const SequenceOf& of) {
  const Batch& batch = of.batch;
  const auto begin = static_cast<std::size_t>(of.b * batch.length);
  const auto steps = static_cast<std::size_t>(
      batch.lengths.empty() ? batch.length : Index{batch.lengths[static_cast<std::size_t>(of.b)]});
  std::vector<std::int32_t> tokens(batch.tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                                   batch.tokens.begin() + static_cast<std::ptrdiff_t>(begin + steps));
  if (steps > 0) tokens.push_back(batch.targets[begin + steps - 1]);
  return tokens;
}

}  // namespace

Fitted fit_ngrams(const BaselineData& data, const Tell& tell) {
  const TaskShape shape = data.task.shape();
  const auto model = std::make_shared<Ngrams>(shape.vocabulary, kOrder);
  Index counted = 0;
  each_sequence(
      data.training, Split::train, [](const SequenceOf&) {},
      [&](const Batch& batch, Index first) {
        for (Index b = 0; b < batch.batch; ++b) {
          const auto tokens = window_tokens({Split::train, first + b, batch, b});
          model->count(tokens);
          counted += static_cast<Index>(tokens.size());
        }
        tell(str("counting, ", grouped(counted), " ", shape.unit, "s"));
      });
  model->settle();
  const auto score = [&task = data.task, shape, model](Split split) {
    double bits = 0;
    Index n = 0, windows = 0;
    each_sequence(
        task, split, [&](const SequenceOf&) {},
        [&](const Batch& batch, Index first) {
          for (Index b = 0; b < batch.batch; ++b, ++windows) {
            const auto tokens = window_tokens({split, first + b, batch, b});
            // The first is given, as to a model.
            for (Index at = 1; at < static_cast<Index>(tokens.size()); ++at, ++n)
              bits -= std::log2(model->probability(tokens, at));
          }
        });
    bits /= static_cast<double>(n);
    return Json{{"loss", bits * std::log(2.0)},
                {"bits_per_" + shape.unit, bits},
                {"perplexity", std::exp2(bits)},
                {"n", n},
                {"sequences", windows}};
  };
  return {.about = str("order ", kOrder, " with interpolated Kneser-Ney, ", grouped(model->size()), " n-grams"),
          .score = score};
}

}  // namespace seqtape
