#pragma once
// Atomic output: written beside its destination and moved there as a whole.

#include <filesystem>

namespace seqtape {

/// A folder PLACE.unfinished, in which a new file or folder is made before it is moved to its place. A failure removes
/// it; a kill leaves it behind, and the next attempt clears it.
class Unfinished {
 public:
  /// Creates the folder, or clears what a killed process left in it. Throws ConfigError when another process is writing
  /// the same destination, CheckpointError with the system's reason.
  explicit Unfinished(const std::filesystem::path& place);
  ~Unfinished();
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  /// Where to write the output; files that belong beside it go beside this path.
  std::filesystem::path path() const { return folder_ / place_.filename(); }
  /// Moves everything that was written to the destination's folder, the destination itself last, so that whoever sees
  /// it sees all. It replaces what was there; folders are swapped atomically if the file system can. Throws
  /// CheckpointError.
  void move();

  /// A process was killed after its move: the output at `place` is complete.
  static bool was_moved(const std::filesystem::path& place);

 private:
  std::filesystem::path place_, folder_;
  int lock_;
};

}  // namespace seqtape
