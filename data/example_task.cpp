#include "data/example_task.h"

#include <algorithm>

namespace seqtape {

void ExampleTask::fields(Fields& f) {
  own_fields(f);
  common_fields(f);
}

void ExampleTask::draw(const Random& stream, Index length, Index b, Index begin, Batch& out) const {
  const TaskShape s = shape();
  Random random = stream;
  Example example;
  sample(random, length, example);
  const Index features = s.vocabulary ? 1 : s.features;
  const Index made = static_cast<Index>(s.vocabulary ? example.tokens.size() : example.values.size()) / features;
  const Index count = std::clamp<Index>(made - begin, 0, out.length);
  const auto copy = [&](const auto& from, auto& to, Index width) {
    std::copy_n(from.begin() + std::min(begin, made) * width, count * width, to.begin() + b * out.length * width);
  };
  if (s.vocabulary)
    copy(example.tokens, out.tokens, 1);
  else
    copy(example.values, out.values, features);
  if (s.regression())
    out.target_values[static_cast<std::size_t>(b)] = example.target_value;
  else if (s.pooled)
    out.targets[static_cast<std::size_t>(b)] = example.targets[0];
  else
    copy(example.targets, out.targets, 1);
  if (!out.lengths.empty()) out.lengths[static_cast<std::size_t>(b)] = static_cast<std::int32_t>(count);
}

}  // namespace seqtape
