#pragma once
// What is compared: a comparison file, or several configs, as a list of runs.

#include <filesystem>
#include <string>
#include <vector>

#include "core/io/json.h"
#include "core/real.h"

namespace seqtape {

/// A model with a recipe. Its runs differ by their seeds alone.
struct Member {
  std::string label;
  Json config;  ///< complete, with absolute paths
};

struct PlanOptions {
  bool quick = false;
  std::vector<Index> seeds{};       ///< instead of the file's
  std::vector<std::string> sets{};  ///< for every config
  std::size_t most_runs = 64;       ///< more are refused, before they are thought out
};

/// docs/compare.md describes the file.
struct Plan {
  std::string title;
  std::vector<Member> members;
  std::vector<Index> seeds{1};
  std::vector<Index> lengths;          ///< also tested at these
  Index decided_at = 0;                ///< the one of them whose score ranks the models; 0: the training length
  std::vector<Index> scaling_lengths;  ///< of --scaling

  /// One comparison file, or configs whose tasks are the same. Checks every config, without its data. Refuses two
  /// members that would be one run or have one name, and a key that is set and then overruled. Throws ConfigError.
  static Plan load(const std::vector<std::filesystem::path>& files, const PlanOptions&);

  std::size_t runs() const { return members.size() * seeds.size(); }
  /// Takes over what was solved and measured for the budget when `to_json` was written. Throws DataError where that is
  /// damaged.
  void take_over(const Json& saved, const std::string& where);
  Json to_json() const;
};

/// A label as the name of a file or folder.
std::string file_name(const std::string& label);

/// Gives the model the width, a multiple of 8, whose parameters are nearest to `wanted`. The config's task must have
/// its data. Throws ConfigError.
void match_parameters(Json& config, double wanted);

}  // namespace seqtape
