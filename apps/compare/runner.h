#pragma once
// Runs a plan: every run is a process of its own, so that a failure affects one run and memory is measured per run.

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

  /// Creates and locks the folder and writes the plan; if the same comparison was begun there, restores what was
  /// measured for it (a budget in seconds). `asked`: the request that identifies it. Throws ConfigError for a folder of
  /// something else, or one that another process uses.
  std::unique_ptr<RunLock> begin(Plan& plan, const Json& asked) const;

  std::filesystem::path run(const std::string& name) const { return path_ / "runs" / name; }
  std::filesystem::path log(const std::string& name) const { return path_ / "logs" / (name + ".txt"); }
  std::filesystem::path config(const std::string& name) const { return path_ / "configs" / (name + ".json"); }
  /// What was measured of a run.
  std::filesystem::path measured(const std::string& name) const { return path_ / "measured" / (name + ".json"); }
  /// What was measured of a member, for all seeds ("model", "scaling"): in a folder of its own, since a label may look
  /// like a run's name.
  std::filesystem::path measured(const Member&, const std::string& what) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The name of a member's run: "mamba-seed1".
std::string run_name(const Member&, Index seed);

/// Thrown when a signal asked to stop, after all child processes have ended.
struct Stopped {
  int signal;
};

/// Runs what is not finished, `jobs` at a time. A failure is recorded in measured/. A run that failed by itself (it
/// diverged, or its config is refused) is repeated only with `retry`; one that the machine failed (no space, no memory,
/// killed), by the next call. Throws Stopped after the runs have saved.
void carry_out(const Plan&, const ComparisonFolder&, int jobs, bool retry);

/// Runs this program with these arguments and returns its standard output. When it fails, throws ConfigError for exit
/// code 2, else Error, with the last line of its messages; Stopped when a signal asks for it.
std::string output_of_self(const std::vector<std::string>& arguments);

/// What was measured of a run: "finished", "failure", "machine" (the machine failed it), "step" of the last
/// validation, "peak_bytes", "lengths". Throws DataError for a damaged file.
Json read_measured(const std::filesystem::path& file);
/// A JSON object from a file of the comparison; empty when there is none. Throws DataError for a damaged one.
Json read_object(const std::filesystem::path& file);

}  // namespace seqtape
