#pragma once
// The runs of a comparison, from a comparison file or several configs.

#include <filesystem>
#include <string>
#include <vector>

#include "core/io/json.h"
#include "core/real.h"

namespace seqtape {

/// A model with its training recipe. Its runs differ only in the seed.
struct Member {
  std::string label;
  Json config;  ///< complete, with absolute paths
};

struct PlanOptions {
  bool quick = false;
  std::vector<Index> seeds{};       ///< instead of the file's
  std::vector<std::string> sets{};  ///< for every config
  std::size_t most_runs = 64;       ///< a plan of more is refused before it is expanded
};

/// docs/compare.md describes the file.
struct Plan {
  std::string title;
  std::vector<Member> members;
  std::vector<Index> seeds{1};
  std::vector<Index> lengths;          ///< the models are also tested at these lengths
  Index decided_at = 0;                ///< the one of `lengths` whose score ranks the models; 0: the training length
  std::vector<Index> scaling_lengths;  ///< of --scaling

  /// From one comparison file, or configs of the same task. Checks every config, without its data. Throws ConfigError,
  /// also for two members with equal configs or labels, and for a key that the plan itself overrides.
  static Plan load(const std::vector<std::filesystem::path>& files, const PlanOptions&);

  std::size_t runs() const { return members.size() * seeds.size(); }
  /// Restores what was computed and measured for the budget from an earlier `to_json`. Throws DataError if it is
  /// damaged.
  void take_over(const Json& saved, const std::string& where);
  Json to_json() const;
};

/// A label as a valid name of a file or folder.
std::string file_name(const std::string& label);

/// Gives the model the width, a multiple of 8, whose parameters are nearest to `wanted`. The config's task must have
/// its data. Throws ConfigError.
void match_parameters(Json& config, double wanted);

}  // namespace seqtape
