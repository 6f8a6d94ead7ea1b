#pragma once
// What a run knows beside its config and tensors: a checkpoint's state.json.

#include <optional>

#include "core/config.h"

namespace seqtape {

struct RunState {
  /// The best evaluation so far, by `train.best`.
  struct Best {
    std::string metric;
    double value = 0;
    Index step = 0;
    void fields(Fields&);
  };

  Index step = 0;     ///< steps done
  Index updates = 0;  ///< of them with an update
  Index skipped_steps = 0;
  double seconds = 0;  ///< of training
  Index tokens = 0;    ///< trained on; -1: a run of an earlier program, which did not count them
  /// Since the last line of training metrics.
  double interval_loss = 0, interval_seconds = 0;
  Index interval_steps = 0, interval_tokens = 0;
  bool evaluation_due = false;  ///< a signal came before this step's evaluation was over
  std::optional<Best> best{};
  Index evaluations_since_best = 0;
  Json schedule{};          ///< what the schedule has seen; null: nothing
  std::string data{};       ///< their fingerprint; "": not known
  Json learned{};           ///< what the data taught the task; null: an earlier program did not keep it
  Index dropout_masks = 0;  ///< how masks are drawn from their key
  Index seed = 1;
  std::string processor{}, instruction_set{}, blas_core{};  ///< which made it; "": not known
  std::string imported{};                                   ///< from where, where another program trained it

  void fields(Fields&);
  /// Keys of later programs are ignored. Throws ConfigError.
  static RunState from_json(const Json&);
  Json to_json();
};

}  // namespace seqtape
