#pragma once
// A trained model and its task, from a run folder.

#include "apps/trainer/evaluate.h"
#include "apps/trainer/run_folder.h"

namespace seqtape {

struct TrainedModel {
  RunConfig config;
  std::unique_ptr<SequenceModel> model;
  Index step = 0;
  std::string data;                        ///< the fingerprint of its training data, or ""
  std::vector<std::string> other_split{};  ///< how `sets` changed the split: "task.train_fraction was 0.8, is 0.5"

  /// Loads RUN's last (or best) checkpoint, or the one that `path` names. `sets` are assignments to keys of the task,
  /// which uses what the run learned of its data (Task::use). No data are read yet. Throws ConfigError, CheckpointError
  /// or DataError.
  static TrainedModel open(const std::filesystem::path& path, bool best, const std::vector<std::string>& sets);
  /// What the task says of itself, and what of it is the model's.
  Signature signature() const;
  /// Reads the task's data, and warns on stderr when they, or their split, differ from those of the training.
  void open_data();
  /// Reads other data instead, all of which are the test split.
  void open_data(const std::filesystem::path& other);
};

}  // namespace seqtape
