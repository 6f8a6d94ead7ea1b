#include "autograd/optim/average.h"

#include <algorithm>

#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION {

void WeightAverage::attach(const std::vector<Parameter*>& parameters, double decay) {
  decay_ = decay;
  parameters_.clear();
  values_.clear();
  if (!kept()) return;
  for (Parameter* p : parameters)
    if (!p->frozen) {
      parameters_.push_back(p);
      values_.push_back(p->variable.value().clone());
    }
}

void WeightAverage::update(Index updates) {
  const auto t = static_cast<double>(updates);
  const auto keep = static_cast<Real>(std::min(decay_, (1 + t) / (10 + t)));
  for (std::size_t i = 0; i < values_.size(); ++i) {
    Real* const a = values_[i].data();
    const Real* const w = parameters_[i]->variable.data();
    parallel_blocks(values_[i].size(), 1 << 15, [&](Index begin, Index end) {
      for (Index k = begin; k < end; ++k) a[k] = keep * a[k] + (1 - keep) * w[k];
    });
  }
}

void WeightAverage::swap() const {
  for (std::size_t i = 0; i < values_.size(); ++i)
    std::swap_ranges(values_[i].data(), values_[i].data() + values_[i].size(), parameters_[i]->variable.data());
}

std::vector<NamedTensor> WeightAverage::state() const {
  std::vector<NamedTensor> all;
  for (std::size_t i = 0; i < values_.size(); ++i) all.push_back({"raw." + parameters_[i]->path, values_[i]});
  return all;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
