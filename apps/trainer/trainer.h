#pragma once
// The training loop.

#include "apps/trainer/evaluate.h"
#include "apps/trainer/progress.h"
#include "apps/trainer/run_folder.h"

namespace seqtape {

enum class Start { fresh, replace, resume };

/// Trains by a config in a run folder, from its start or from its last checkpoint.
class Trainer {
 public:
  /// Throws ConfigError for a folder in use, a config that differs from the saved one, or a run that cannot fit.
  Trainer(RunConfig config, const std::filesystem::path& out, Start start);
  /// Runs to the end, or to a signal. Returns the exit code: 0, or 128 + the signal after saving.
  int run();

 private:
  void print_head() const;
  void refuse_what_cannot_fit() const;
  void resume_from(const std::filesystem::path& checkpoint);
  struct Step {
    double loss = 0, gradient_norm = 0;
    bool usable = true;
  };
  Step step();
  [[noreturn]] void explain_nan(const Batch&, const RunMode&, const Step&);
  void log(const Step&, double rate);
  void validate();
  void save(bool best);
  std::string status(const Step&) const;

  RunConfig config_;
  TaskShape shape_;
  std::unique_ptr<SequenceModel> model_;
  RunFolder folder_;
  std::unique_ptr<RunLock> lock_;
  Progress progress_;
  Batch batch_;

  Index step_ = 0, start_step_ = 0;  // steps done; and at the start of this process
  double seconds_before_ = 0, training_seconds_ = 0, interval_seconds_ = 0;
  double interval_loss_ = 0;
  Index interval_steps_ = 0, skipped_steps_ = 0;
  double best_loss_ = 0;
  bool has_best_ = false;
  std::string last_scores_;
};

}  // namespace seqtape
