#pragma once
// The state of a run beside its config and tensors: a checkpoint's state.json.

#include <optional>

#include "core/config.h"

namespace seqtape {

struct RunState {
  /// The best evaluation, by `train.best`.
  struct Best {
    std::string metric;
    double value = 0;
    Index step = 0;
    void fields(Fields&);
  };

  Index step = 0;     ///< steps done
  Index updates = 0;  ///< steps of them that updated the weights
  Index skipped_steps = 0;
  double seconds = 0;  ///< of training, in all processes
  Index tokens = 0;    ///< trained on, without padding; -1: an earlier program did not count them
  /// Sums since the last line of training metrics.
  double interval_loss = 0, interval_seconds = 0;
  Index interval_steps = 0, interval_tokens = 0;
  bool evaluation_due = false;  ///< a signal came before this step's evaluation was over
  std::optional<Best> best{};
  Index evaluations_since_best = 0;
  Json schedule{};          ///< of the schedule (Schedule::state)
  std::string data{};       ///< the fingerprint (Task::fingerprint); "": not known
  Json learned{};           ///< Task::learned; null: an earlier program did not save it
  Json intervals{};         ///< of forecasts, by the validation after this step (intervals.h); null: there are none
  Index dropout_masks = 0;  ///< version of how masks are drawn from their key
  Index seed = 1;
  std::string processor{}, instruction_set{}, blas_core{};  ///< of the machine that saved it; "": not known
  std::string imported{};  ///< the path that it was imported from; "": it was trained here

  void fields(Fields&);
  /// Keys of later programs are ignored. Throws ConfigError.
  static RunState from_json(const Json&);
  Json to_json();
};

}  // namespace seqtape
