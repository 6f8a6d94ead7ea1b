#pragma once
// Baselines beside runs: RUN/baselines.json has what was fitted for a run's data, so that every figure of a model can
// stand beside them.

#include <filesystem>

#include "apps/baselines/baselines.h"
#include "apps/trainer/run_config.h"

namespace seqtape {

/// Loads a config with assignments to its keys.
using LoadConfig = std::function<RunConfig(const std::vector<std::string>& sets)>;

/// Fits and tests the baselines of a config's task (run_baselines). `notes` gets the task's remarks on its data.
Json baselines_of_config(const LoadConfig&, std::vector<std::string> sets, const Tell&,
                         std::vector<std::string>* notes);

/// Writes them into a run's folder.
void keep_baselines(const std::filesystem::path& run, const Json& document);

/// Those of a run's folder that were fitted to the same data and splits as the task of `config`, which is prepared;
/// null: there are none.
Json kept_baselines(const std::filesystem::path& run, RunConfig& config);

/// The baselines of a split, as a table of at most 80 columns beside a model's scores, the best first; "": there are
/// none. `scores`: of the model.
std::string beside_baselines(const Json& document, const std::string& split, const Json& scores);

}  // namespace seqtape
