#pragma once
// A trained model with the task that it was trained for, from a run folder.

#include "apps/trainer/evaluate.h"
#include "apps/trainer/run_folder.h"

namespace seqtape {

struct TrainedModel {
  RunConfig config;
  std::unique_ptr<SequenceModel> model;
  Index step = 0;
  std::string data;  ///< the fingerprint of what it was trained on, or ""

  /// Loads RUN's last (or best) checkpoint, or the one that `path` names; `sets` change the task it is used on.
  /// Throws ConfigError, CheckpointError or DataError.
  /// The task keeps to what the run learned of its data; they are not read yet.
  static TrainedModel open(const std::filesystem::path& path, bool best, const std::vector<std::string>& sets);
  /// Reads the task's data, and says on stderr when they are others than those that the model was trained on.
  void open_data();
};

}  // namespace seqtape
