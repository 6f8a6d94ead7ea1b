#pragma once
// Exponential moving average of the weights.

#include "autograd/optim/optimizer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// a <- d a + (1 - d) w after each update t = 1, 2, ..., with d = min(decay, (1 + t)/(10 + t)), so that the initial
/// values are soon forgotten. Source: ExponentialMovingAverage of TensorFlow 1.
class WeightAverage {
 public:
  /// Starts from the current values; decay 0: no average is kept, and the functions below do nothing.
  void attach(const std::vector<Parameter*>&, double decay);
  bool kept() const { return decay_ > 0; }
  /// `updates`: t, with this one.
  void update(Index updates);
  /// Swaps the average with the weights; a second call swaps them back.
  void swap() const;
  /// The tensors it holds, as "raw.PATH". A checkpoint is written while the average is swapped in, so there they are
  /// the weights.
  std::vector<NamedTensor> state() const;

 private:
  double decay_ = 0;
  std::vector<Parameter*> parameters_;
  std::vector<Tensor> values_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
