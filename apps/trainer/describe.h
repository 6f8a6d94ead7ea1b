#pragma once
// Descriptions of a run for people: its parts, its parameter groups, its metrics.

#include "apps/trainer/training.h"

namespace seqtape {

/// Where the text after the labels of a run's first lines begins.
constexpr std::size_t kHeadHang = 11;

/// Task, its data, the figures of answers without a model, the model, and a table of the parameter groups.
std::string describe_head(const Training&);
/// Number of parameters of each part of the model and in total.
std::string describe_parameters(const SequenceModel&);
/// "2 threads, avx512".
std::string describe_machine();
/// "loss 0.0812  accuracy 97.3 %"
std::string describe_metrics(const Json& metrics);

/// "embedding.weight" -> "embedding", "blocks.2.mixer.a_log" -> "blocks.2".
std::string part_of(const std::string& path);

}  // namespace seqtape
