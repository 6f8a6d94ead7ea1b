#pragma once
// The cost of a training step.

#include "apps/trainer/run_config.h"

namespace seqtape {

/// A training step of a byte language model: forward, backward, clipping, AdamW; its median time over about `seconds`,
/// its memory, and the results of measure_forward and measure_streaming.
Json measure_training(const ModelConfig&, Index batch, Index length, double seconds);

/// The cost of the data: steps that read them against steps on one batch, alternating for about `seconds`.
struct DataCost {
  std::size_t pairs = 0;
  double with_data = 0, one_batch = 0;  ///< median seconds of a step
  double ratio = 0;                     ///< median of the pairs' ratios
};
DataCost measure_data(RunConfig, double seconds);

}  // namespace seqtape
