#pragma once
// The folder of a run: config, metrics, checkpoints. Whatever happens, there is a whole checkpoint: the last or the one
// before. File layout in docs/formats.md.

#include <filesystem>
#include <map>
#include <optional>

#include "autograd/optim/optimizer.h"
#include "core/json.h"
#include "core/safetensors.h"
#include "models/sequence_model.h"

namespace seqtape {

/// Keeps a second process out of a run folder while it lives. A dead process's lock is gone with it.
class RunLock {
 public:
  /// Throws ConfigError when another process holds it.
  explicit RunLock(const std::filesystem::path& folder);
  /// A process holds it now.
  static bool is_held(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int fd_;
};

/// A checkpoint on disk: RUN/checkpoints/step-00001000.
struct Checkpoint {
  std::filesystem::path folder;
  Json state;  ///< state.json

  /// Reads state.json and verifies every checksum. Throws CheckpointError.
  static Checkpoint open(const std::filesystem::path& folder);
  /// Throws CheckpointError, naming what does not fit.
  void load_model(const std::vector<Parameter*>&) const;
  /// optimizer.safetensors: what training needs beside the model.
  SafetensorsFile training_file() const;
};

/// Fills the tensors from the file's of the same names. Throws CheckpointError, then none has been touched.
void load_tensors(const SafetensorsFile&, const std::vector<NamedTensor>&);

class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_path() const { return path_ / "config.json"; }
  std::filesystem::path metrics_path() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path tensorboard_path() const { return path_ / "tensorboard"; }
  bool exists() const;
  /// There is nothing in it that a run would not have put there: it may be gone on with or replaced.
  bool is_run() const;

  /// Makes the folder, and nothing in it that another process might be using. Lock it before anything below.
  void make() const;
  /// Writes the config and removes what a killed process left behind.
  void begin(const Json& config) const;
  /// Removes checkpoints and metrics. A kill in the middle leaves a run without checkpoints.
  void clear() const;
  /// Removes checkpoints of later steps than this: of a future that a resumed run replaces.
  void drop_beyond(Index step) const;

  /// Saves the model, what else training needs, and `state` (which gets the checksums) as the newest checkpoint;
  /// `best`: also as the best. Deletes older ones beyond `keep_last`. Throws CheckpointError; the checkpoints before
  /// are then untouched.
  void save(Index step, Json state, const std::vector<Parameter*>& model, const std::vector<NamedTensor>& training,
            bool best, Index keep_last) const;

  /// The checkpoint named last in the index, or without an index the newest; nullopt when nothing was saved yet.
  std::optional<std::filesystem::path> last() const;
  /// The one of this name. Throws ConfigError, with the names there are.
  std::filesystem::path checkpoint(const std::string& name) const;
  /// The one named best.
  std::optional<std::filesystem::path> best() const { return named("best"); }

  /// Appends one line to metrics.jsonl and flushes it.
  void append_metrics(const Json& line) const;
  /// Drops lines beyond `step`, so that a resumed run has neither holes nor repeats.
  void truncate_metrics(Index step) const;

 private:
  std::optional<std::filesystem::path> named(const char* which) const;
  Json index() const;
  /// Checkpoints by step, oldest first.
  std::map<Index, std::filesystem::path> checkpoints() const;

  std::filesystem::path path_;
};

/// A user's RUN argument: a run folder (its last or best checkpoint) or one checkpoint in it.
struct RunReference {
  std::filesystem::path run, checkpoint;
};
/// Throws ConfigError when it is neither.
RunReference find_run(const std::filesystem::path& path, bool best = false);

}  // namespace seqtape
