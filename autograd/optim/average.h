#pragma once
// Exponential moving average of the weights.

#include "autograd/optim/optimizer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// a <- d a + (1 - d) w after each update t = 1, 2, ..., with d = min(decay, (1 + t)/(10 + t)): early on it forgets its
/// start quickly. Source: ExponentialMovingAverage of TensorFlow 1.
class WeightAverage {
 public:
  /// Starts from the present values; decay 0: no average is kept, and all below do nothing.
  void attach(const std::vector<Parameter*>&, double decay);
  bool kept() const { return decay_ > 0; }
  void update(Index updates);
  /// Exchanges the average with the weights. What it holds then are the weights.
  void swap() const;
  /// What it holds, as "raw.PATH": for a checkpoint, which is written while it is swapped.
  std::vector<NamedTensor> state() const;

 private:
  double decay_ = 0;
  std::vector<Parameter*> parameters_;
  std::vector<Tensor> values_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
