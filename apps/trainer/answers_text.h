#pragma once
// An evaluation's document as tables of at most 80 columns.

#include <string>

#include "core/io/json.h"

namespace seqtape {

/// The tables of what Answers::report added: metrics beside baselines, classes, confusions, steps of a forecast,
/// remarks.
/// Errors over all targets are in deviations of the training part, for their units may differ.
bool in_deviations(const Json& document);

std::string answers_text(const Json& document);

/// "chance", or "last season (7)": an answer without a model, by its key in the baselines.
std::string baseline_name(const std::string& key, const Json& baseline);

/// A line of the baselines' figures of one metric: "accuracy without a model: chance 33.3 %, always cooking 40.0 %".
std::string baselines_text(const Json& baselines, const std::string& metric);

}  // namespace seqtape
