#pragma once
// Carries out a plan: every run a process of its own, so that a failure is one run's and memory is measured by run.

#include "apps/compare/plan.h"

namespace seqtape {

/// The folder of a comparison:
///   comparison.json   the plan
///   configs/NAME.json, runs/NAME (run folders), logs/NAME.txt, measured/NAME.json
class ComparisonFolder {
 public:
  explicit ComparisonFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Makes the folder and writes the plan, or, where one of the same plan was begun, takes over what was measured for
  /// it (a budget in seconds). Throws ConfigError for a folder of something else.
  void begin(Plan& plan, const Json& asked) const;

  std::filesystem::path run(const std::string& name) const { return path_ / "runs" / name; }
  std::filesystem::path log(const std::string& name) const { return path_ / "logs" / (name + ".txt"); }
  std::filesystem::path config(const std::string& name) const { return path_ / "configs" / (name + ".json"); }
  std::filesystem::path measured(const std::string& name) const { return path_ / "measured" / (name + ".json"); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// "mamba-seed1": a run of a member.
std::string run_name(const Member&, long long seed);

/// Runs what is not finished, `jobs` at a time. A run that fails is noted in measured/ and not tried again unless
/// `retry`. Returns 0, or 128 + the signal that stopped it, after the runs have saved.
int carry_out(const Plan&, const ComparisonFolder&, int jobs, bool retry);

/// The output of this program with these arguments. Throws Error, with the last line of its messages, when it fails.
std::string output_of_self(const std::vector<std::string>& arguments);

}  // namespace seqtape
