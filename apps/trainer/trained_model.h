#pragma once
// A trained model with the task that it was trained for, from a run folder.

#include "apps/trainer/evaluate.h"
#include "apps/trainer/run_folder.h"

namespace seqtape {

struct TrainedModel {
  RunConfig config;
  std::unique_ptr<SequenceModel> model;
  Index step = 0;
  std::string data;                        ///< the fingerprint of what it was trained on, or ""
  std::vector<std::string> other_split{};  ///< what `sets` changed of the split: "task.train_fraction was 0.8, is 0.5"

  /// Loads RUN's last (or best) checkpoint, or the one that `path` names; `sets` change the task it is used on, which
  /// keeps to what the run learned of its data. These are not read yet. Throws ConfigError, CheckpointError or
  /// DataError.
  static TrainedModel open(const std::filesystem::path& path, bool best, const std::vector<std::string>& sets);
  /// Reads the task's data, and says on stderr when they, or what is kept back of them, are others than in training.
  void open_data();
};

}  // namespace seqtape
