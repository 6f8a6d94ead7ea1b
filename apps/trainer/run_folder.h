#pragma once
// The folder of a run: config, metrics, checkpoints. One rule makes it safe to kill at any moment: what is on disk
// decides, and nothing is removed before its successor is complete. File layout in docs/formats.md.

#include <filesystem>
#include <map>
#include <optional>

#include "apps/trainer/run_state.h"
#include "autograd/optim/optimizer.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"
#include "models/sequence_model.h"

namespace seqtape {

/// Keeps a second process out of a run folder while it lives. The lock of a process that died is gone.
class RunLock {
 public:
  /// Throws ConfigError when another process holds it.
  explicit RunLock(const std::filesystem::path& folder);
  /// Whether a process holds it now.
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
  RunState state;

  /// Reads state.json and verifies every checksum. Throws CheckpointError.
  static Checkpoint open(const std::filesystem::path& folder);
  /// Loads the weights. Throws CheckpointError, naming every tensor that does not fit.
  void load_model(const std::vector<Parameter*>&) const;
  /// optimizer.safetensors: what training needs beside the model.
  SafetensorsFile training_file() const;
};

/// The state.json of a checkpoint, its checksum aside. Throws CheckpointError.
RunState read_state(const std::filesystem::path& checkpoint);

/// Fills the tensors from those of the same names in the file. Throws CheckpointError; then none has been changed.
void load_tensors(const SafetensorsFile&, const std::vector<NamedTensor>&);

class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  /// The config in force: that of a replacement that was begun, or config.json.
  std::filesystem::path config_path() const;
  std::filesystem::path metrics_path() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path tensorboard_path() const { return path_ / "tensorboard"; }
  bool exists() const;
  /// It holds nothing but files of a run: the run may be resumed or replaced.
  bool is_run() const;

  // Everything below changes the folder, or reads what may change: hold a RunLock.

  /// Creates the folder, without touching anything that another process might use.
  void make() const;
  /// Writes the config and removes what a killed process left behind.
  void begin(const Json& config) const;
  /// Starts another run in its place. A kill leaves the old run, or the start of the new one: once replacement.json is
  /// there, written atomically, everything else in the folder is void; its renaming to config.json ends the
  /// replacement.
  void replace(const Json& config) const;
  /// Completes a replacement that was interrupted, if there is one.
  void finish_replacement() const;
  /// Removes checkpoints of later steps than this, which a resumed run will write anew.
  void drop_beyond(Index step) const;

  /// Saves the model, what else training needs, and `state` (with the machine's names and checksums) as the newest
  /// checkpoint, and removes older ones beyond `keep_last`, but not the best: the one whose step `state.best` names.
  /// Throws CheckpointError; the earlier checkpoints are then unchanged.
  void save(RunState state, const std::vector<Parameter*>& model, const std::vector<NamedTensor>& training,
            Index keep_last) const;

  /// The newest complete checkpoint; nullopt when nothing was saved yet.
  std::optional<std::filesystem::path> last() const;
  /// The checkpoint that the newest names as the best; nullopt when there is none, or it has been removed since.
  std::optional<std::filesystem::path> best() const;
  /// The checkpoint of this name. Throws ConfigError, with the existing names.
  std::filesystem::path checkpoint(const std::string& name) const;

  /// Appends one line to metrics.jsonl.
  void append_metrics(const Json& line) const;
  /// Removes lines beyond `step`, and with `evaluation_due` those of the evaluation at `step`, which will be repeated,
  /// so that a resumed run has neither gaps nor repeats. Throws DataError when they cannot be read; they are then
  /// unchanged.
  void truncate_metrics(Index step, bool evaluation_due) const;

 private:
  /// checkpoints/index.json names the last and the best, for other programs; nothing here reads it.
  void write_index() const;
  /// Complete checkpoints by step, oldest first.
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
