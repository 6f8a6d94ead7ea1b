#pragma once
// The folder of a run: config, metrics, checkpoints. One rule makes it safe to kill at any moment: what is on disk
// decides, and nothing is removed before its successor is whole. File layout in docs/formats.md.

#include <filesystem>
#include <map>
#include <optional>

#include "apps/trainer/run_state.h"
#include "autograd/optim/optimizer.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"
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
  RunState state;

  /// Reads state.json and verifies every checksum. Throws CheckpointError.
  static Checkpoint open(const std::filesystem::path& folder);
  /// Throws CheckpointError, naming what does not fit.
  void load_model(const std::vector<Parameter*>&) const;
  /// optimizer.safetensors: what training needs beside the model.
  SafetensorsFile training_file() const;
};

/// The state.json of a checkpoint, its checksum aside. Throws CheckpointError.
RunState read_state(const std::filesystem::path& checkpoint);

/// Fills the tensors from the file's of the same names. Throws CheckpointError, then none has been touched.
void load_tensors(const SafetensorsFile&, const std::vector<NamedTensor>&);

class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  /// The config that holds: of a replacement that was begun, or config.json.
  std::filesystem::path config_path() const;
  std::filesystem::path metrics_path() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path tensorboard_path() const { return path_ / "tensorboard"; }
  bool exists() const;
  /// There is nothing in it that a run would not have put there: it may be gone on with or replaced.
  bool is_run() const;

  // Everything below changes the folder, or reads what may change: lock it before.

  /// Makes the folder, and nothing in it that another process might be using.
  void make() const;
  /// Writes the config and removes what a killed process left behind.
  void begin(const Json& config) const;
  /// Starts another run in its place. A kill leaves the old run, or the start of the new one: replacement.json, written
  /// in one step, is the moment from which all else in the folder is void; renamed to config.json it is the end.
  void replace(const Json& config) const;
  /// Goes on with a replacement that was killed, if there is one.
  void finish_replacement() const;
  /// Removes checkpoints of later steps than this: of a future that a resumed run replaces.
  void drop_beyond(Index step) const;

  /// Saves the model, what else training needs, and `state` (with the machine's names and checksums) as the newest
  /// checkpoint, and removes older ones beyond `keep_last`, but not the best: the one whose step `state.best` names.
  /// Throws CheckpointError; the checkpoints before are then untouched.
  void save(RunState state, const std::vector<Parameter*>& model, const std::vector<NamedTensor>& training,
            Index keep_last) const;

  /// The newest whole checkpoint; nullopt when nothing was saved yet.
  std::optional<std::filesystem::path> last() const;
  /// The one that the newest names as the best so far; nullopt when there is none, or it has been removed since.
  std::optional<std::filesystem::path> best() const;
  /// The one of this name. Throws ConfigError, with the names there are.
  std::filesystem::path checkpoint(const std::string& name) const;

  /// Appends one line to metrics.jsonl.
  void append_metrics(const Json& line) const;
  /// Drops lines beyond `step`, and with `evaluation_due` those of the evaluation at `step`, which will come again: a
  /// resumed run has neither holes nor repeats. Throws DataError when they cannot be read; they are then untouched.
  void truncate_metrics(Index step, bool evaluation_due) const;

 private:
  /// checkpoints/index.json names the last and the best, for other programs; nothing here reads it.
  void write_index() const;
  /// Whole checkpoints by step, oldest first.
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
