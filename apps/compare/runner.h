#pragma once
// Carries out a plan: every run a process of its own, so that a failure is one run's and memory is measured by run.

#include <memory>

#include "apps/compare/plan.h"
#include "apps/trainer/run_folder.h"

namespace seqtape {

/// The folder of a comparison:
///   comparison.json   the plan
///   configs/NAME.json, runs/NAME (run folders), logs/NAME.txt, measured/NAME.json (of a run),
///   measured/model/LABEL.json, measured/scaling/LABEL.json
class ComparisonFolder {
 public:
  explicit ComparisonFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Makes the folder, locks it and writes the plan, or, where one of the same plan was begun, takes over what was
  /// measured for it (a budget in seconds). Throws ConfigError for a folder of something else, or that another process
  /// works in.
  std::unique_ptr<RunLock> begin(Plan& plan, const Json& asked) const;

  std::filesystem::path run(const std::string& name) const { return path_ / "runs" / name; }
  std::filesystem::path log(const std::string& name) const { return path_ / "logs" / (name + ".txt"); }
  std::filesystem::path config(const std::string& name) const { return path_ / "configs" / (name + ".json"); }
  /// What was measured of a run.
  std::filesystem::path measured(const std::string& name) const { return path_ / "measured" / (name + ".json"); }
  /// What was measured of a member, whatever its seed ("model", "scaling"): in a folder of its own, since a label may
  /// look like a run's name.
  std::filesystem::path measured(const Member&, const std::string& what) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// "mamba-seed1": a run of a member.
std::string run_name(const Member&, Index seed);

/// A signal asked to stop; what ran has ended.
struct Stopped {
  int signal;
};

/// Runs what is not finished, `jobs` at a time. A run that fails is noted in measured/. One that failed by itself (it
/// diverged, or its config is refused) is not tried again unless `retry`; one that the machine let down (no space, no
/// memory, killed) is, by the next call. Throws Stopped after the runs have saved.
void carry_out(const Plan&, const ComparisonFolder&, int jobs, bool retry);

/// The standard output of this program with these arguments. When it fails, throws ConfigError where it was refused
/// (exit code 2), else Error, with the last line of its messages; Stopped when a signal asks for it.
std::string output_of_self(const std::vector<std::string>& arguments);

/// What was measured of a run: "finished", "failure", "machine" (it failed by the machine), "step" of the last
/// validation, "peak_bytes", "lengths". Throws DataError for a damaged file.
Json read_measured(const std::filesystem::path& file);
/// A JSON object from a file of the comparison; empty when there is none. Throws DataError for a damaged one.
Json read_object(const std::filesystem::path& file);

}  // namespace seqtape
