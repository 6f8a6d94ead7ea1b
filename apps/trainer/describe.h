#pragma once
// What a person reads about a run: its parts, its groups of parameters, its metrics.

#include "apps/trainer/training.h"

namespace seqtape {

/// Task, model, and a table of how the optimizer treats which parameters.
std::string describe_head(const Training&);
/// Parameters of each part of the model, and of the whole.
std::string describe_parameters(const SequenceModel&);
/// "2 threads, avx512".
std::string describe_machine();
/// "loss 0.0812  accuracy 97.3 %"
std::string describe_metrics(const Json& metrics);

/// "embedding.weight" -> "embedding", "blocks.2.mixer.a_log" -> "blocks.2".
std::string part_of(const std::string& path);

}  // namespace seqtape
