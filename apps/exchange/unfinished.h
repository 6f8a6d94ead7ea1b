#pragma once
// What is written beside its place and moved there whole.

#include <filesystem>

namespace seqtape {

/// A folder PLACE.unfinished, in which a new file or folder is made before it is moved to its place. A failure removes
/// it; a kill leaves it behind, and the next attempt clears it.
class Unfinished {
 public:
  /// Makes the folder, or clears what a killed process left in it. Throws ConfigError when another process is making
  /// the same, CheckpointError with the system's reason.
  explicit Unfinished(const std::filesystem::path& place);
  ~Unfinished();
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;

  /// Where to write what will stand at the place, and other files that go beside it.
  std::filesystem::path path() const { return folder_ / place_.filename(); }
  /// Moves all that was written to the place's folder, what stands at the place itself last: whoever sees it, sees all.
  /// What was there before is replaced; a folder changes places with it in one step where the file system can. Throws
  /// CheckpointError.
  void move();

  /// A process was killed between its move and its end: what is at the place is whole, and it is what was asked for.
  static bool was_moved(const std::filesystem::path& place);

 private:
  std::filesystem::path place_, folder_;
  int lock_;
};

}  // namespace seqtape
