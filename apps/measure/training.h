#pragma once
// What a training step takes.

#include "apps/trainer/run_config.h"

namespace seqtape {

/// A training step of a byte language model: forward, backward, clipping, AdamW; its median time over about `seconds`,
/// its memory, and what measure_forward and measure_streaming say of the model.
Json measure_training(const ModelConfig&, Index batch, Index length, double seconds);

/// What the data cost: steps that read them and steps on one batch, in turns for about `seconds`.
struct DataCost {
  std::size_t pairs = 0;
  double with_data = 0, one_batch = 0;  ///< median seconds of a step
  double ratio = 0;                     ///< median of the pairs' ratios
};
DataCost measure_data(RunConfig, double seconds);

}  // namespace seqtape
