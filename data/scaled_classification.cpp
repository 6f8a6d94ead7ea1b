#include "data/scaled_classification.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {

void ScaledClassification::normalise_field(Fields& f) {
  f("normalise", normalise_,
    "take off the mean of the training part's values, and divide by their deviation; numbers that floats cannot hold "
    "always are");
}

Json ScaledClassification::learned() const {
  Json all = ValueClassification::learned();
  if (scales_.size() == 1) all.update({{"mean", scales_[0].mean}, {"deviation", scales_[0].deviation}});
  if (scales_.size() < 2) return all;
  for (const Scale& scale : scales_) {
    all["mean"].push_back(scale.mean);
    all["deviation"].push_back(scale.deviation);
  }
  return all;
}

void ScaledClassification::use(const Json& learned) {
  ValueClassification::use(learned);
  given_ = !learned.empty();
  scales_.clear();
  if (!learned.contains("mean")) return;
  const Json &means = learned.at("mean"), &deviations = learned.at("deviation");
  if (!means.is_array()) return scales_.push_back({means.get<double>(), deviations.get<double>()});
  for (std::size_t c = 0; c < means.size(); ++c)
    scales_.push_back({means.at(c).get<double>(), deviations.at(c).get<double>()});
}

std::vector<std::string> ScaledClassification::notes() const {
  auto all = ValueClassification::notes();
  if (scales_.empty() || normalise_) return all;
  if (scales_.size() == 1) {
    all.push_back(
        format("32-bit numbers do not hold the values: the training part's mean, %g, was taken off, and "
               "they were divided by its deviation, %g (task.normalise)",
               scales_[0].mean, scales_[0].deviation));
  } else if (!beyond_.empty()) {
    all.push_back(str("the values of ", beyond_.size(), " of the ", scales_.size(), " channels, first of channel ",
                      beyond_[0], ", are not held by 32-bit numbers: each channel's mean in the training part ",
                      "was taken off, and it was divided by its deviation (task.normalise)"));
  }
  return all;
}

Signature ScaledClassification::signature() const {
  Signature all = ValueClassification::signature();
  if (!scales_.empty()) all.columns.clear();
  for (const Scale& scale : scales_) all.columns.push_back({"", scale.mean, scale.divisor()});
  return all;
}

void ScaledClassification::forget() {
  ValueClassification::forget();
  values_.clear();
}

void ScaledClassification::add(const std::vector<double>& values, const Target& target, const std::string& where,
                               std::string_view source, bool in_floats) {
  if (evaluates()) refuse_other(scaled(values), where);
  ValueClassification::add(std::vector<float>(values.begin(), values.end()), target, where, source);
  if (!values.empty()) values_.push_back(in_floats ? std::vector<double>() : values);
}

void ScaledClassification::refuse_other(const std::vector<float>& values, const std::string& where) const {
  for (const float value : values)
    if (!std::isfinite(value)) throw DataError(str(where, ": has a value that 32-bit numbers cannot hold"));
  for (std::size_t c = 0; c < scales_.size(); ++c) {
    if (scales_[c].deviation == 0) continue;
    std::vector<float> channel;
    for (std::size_t k = c; k < values.size(); k += scales_.size()) channel.push_back(values[k]);
    refuse_other_scale(channel, scales_.size() == 1 ? where : str(where, ": channel ", c), scales_[c].mean,
                       scales_[c].deviation);
  }
}

void ScaledClassification::loaded() {
  if (!given_) measure();
  for (std::size_t i = 0; i < values_.size(); ++i) {
    std::vector<float>& sequence = sequences()[i];
    std::vector<double> values = std::move(values_[i]);
    if (values.empty()) values.assign(sequence.begin(), sequence.end());
    values.resize(sequence.size());  // what is kept of it
    sequence = scaled(values);
    if (!std::all_of(sequence.begin(), sequence.end(), [](float value) { return std::isfinite(value); }))
      throw DataError(str(key(), place(static_cast<Index>(i)), ": has a value that 32-bit numbers cannot hold"));
  }
  values_.clear();
}

std::vector<float> ScaledClassification::scaled(const std::vector<double>& values) const {
  std::vector<float> read(values.begin(), values.end());
  for (std::size_t k = 0; k < values.size() && !scales_.empty(); ++k) {
    const Scale& by = scales_[k % scales_.size()];
    read[k] = static_cast<float>((values[k] - by.mean) / by.divisor());
  }
  return read;
}

void ScaledClassification::measure() {
  scales_ = measure_scales(channels(), [&](const auto& take) {
    const auto take_all = [&](const auto& values) {
      for (std::size_t k = 0; k < values.size(); ++k) take(k % channels(), static_cast<double>(values[k]));
    };
    for (const Index i : part(Split::train)) {
      const auto at = static_cast<std::size_t>(i);
      values_[at].empty() ? take_all(sequences()[at]) : take_all(values_[at]);
    }
  });
  beyond_.clear();
  for (std::size_t c = 0; c < scales_.size(); ++c) {
    const auto [mean, deviation, most] = scales_[c];
    // A float has 24 bits: less than 16 of its spacings would fit into a standard deviation. Below 2^-126 it has fewer.
    const bool coarse = most * 0x1p-20 > deviation || deviation < 0x1p-126;
    if (deviation > 0 && (most > 1e37 || coarse)) beyond_.push_back(c);
  }
  if (!normalise_ && beyond_.empty()) scales_.clear();
}

}  // namespace seqtape
