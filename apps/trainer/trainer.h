#pragma once
// The training loop: steps, metrics, evaluations, checkpoints, signals.

#include "apps/trainer/progress.h"
#include "apps/trainer/run_folder.h"
#include "apps/trainer/tensorboard.h"
#include "apps/trainer/training.h"
#include "apps/trainer/validation.h"
#include "core/clock.h"

namespace seqtape {

enum class Start { fresh, replace, resume };

/// Trains a config in a run folder, from the start or from a checkpoint.
class Trainer {
 public:
  /// `from`: the checkpoint to resume from, by name ("step-00000500"); "": the last.
  /// Throws ConfigError for a folder in use, a config or data that differ from the saved ones, or a run that does not
  /// fit into memory.
  Trainer(RunConfig config, const std::filesystem::path& out, Start start, const std::string& from = "");
  /// Runs to the end, or to a signal. Returns the exit code: 0, or 128 + the signal after saving.
  int run();
  const Training& training() const { return training_; }

 private:
  void resume_from(const std::filesystem::path& checkpoint);
  void warn_of_other_machine() const;
  void step();
  void tell_growth();
  /// Reports a stop by a signal, after the save; returns the exit code.
  int stopped();
  /// For messages: the last checkpoint, if there is one.
  std::string last_good() const;
  [[noreturn]] void stop_on_nan(const Training::Step&);
  void log(const Training::Step&);
  /// Evaluates. False when a signal interrupted it.
  bool validate();
  bool out_of_patience() const;
  void save();
  void write(const Json& line);
  std::string status(const Training::Step&) const;

  Training training_;
  Validation validation_;
  RunFolder folder_;
  std::string data_;  // the fingerprint
  std::unique_ptr<RunLock> lock_;
  std::unique_ptr<EventFile> events_;
  Progress progress_;
  Clock::time_point shown_{};  // when the last line of training metrics was
  Index told_length_ = 0;      // the length of training sequences that the user last heard of; 0: of none

  RunState state_;             // without what `save` adds
  Index start_step_ = 0;       // at the start of this process
  double seconds_before_ = 0;  // of training, in earlier processes
  /// The time that this process spent.
  struct {
    double training = 0, evaluation = 0, saving = 0;
  } seconds_;
  Index tokens_ = 0;       // trained on in this process
  bool new_best_ = false;  // in this step
  std::string last_scores_;
};

}  // namespace seqtape
