#include <algorithm>

#include "data/sequence_classification.h"

namespace seqtape {

void ValueClassification::augment_field(Fields& f, bool masks) {
  f.group("augment", "what training does to its sequences, anew in each epoch; evaluation reads them as they are",
          [&](Fields& nested) {
            augmentation_.fields(nested);
            if (masks) augmentation_.mask_fields(nested);
          });
}

void ValueClassification::add(std::vector<float> values, const Target& target, const std::string& where,
                              std::string_view source) {
  if (!values.empty()) count_source(target, source);
  const auto width = static_cast<std::size_t>(reads().features);
  const Index steps = kept(values.size() / width, where);
  const std::size_t count = static_cast<std::size_t>(steps) * width;
  if (!augmentation_.crop) values.resize(count);
  const std::string_view content(reinterpret_cast<const char*>(values.data()), count * sizeof(float));
  if (SequenceClassification::add(steps, target, content, where)) sequences_.push_back(std::move(values));
}

void ValueClassification::copy(Index i, Index begin, Index count, Batch& out, Index b) const {
  const Index width = reads().features;
  const float* from = sequences_[static_cast<std::size_t>(i)].data() + begin * width;
  std::copy_n(from, count * width, out.values.begin() + b * out.length * width);
}

void ValueClassification::vary(Random random, Index i, Batch& out, Index b) const {
  const SequenceShape shape = reads();
  const Index steps = out.lengths[static_cast<std::size_t>(b)],
              all = static_cast<Index>(sequences_[static_cast<std::size_t>(i)].size()) / shape.features;
  if (augmentation_.crop && all > steps) copy(i, random.below(all - steps + 1), steps, out, b);
  augmentation_.change(random, steps, shape.features, out.values.data() + b * out.length * shape.features);
  if (!augmentation_.masks()) return;
  const Index bands = shape.bands.bands, frames = out.length / shape.bands.hop;
  out.bands = bands;
  out.kept.resize(static_cast<std::size_t>(out.batch * frames * bands), 1);
  augmentation_.mask(random, steps / shape.bands.hop, bands, out.kept.data() + b * frames * bands);
}

}  // namespace seqtape
