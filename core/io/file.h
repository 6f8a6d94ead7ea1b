#pragma once
// Files: whole reads, writes that survive a crash, checksums.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace seqtape {

/// The whole file. Throws DataError, with the system's reason; also for what is no regular file, nor a link to one: a
/// FIFO may be waited for for ever, a device never come to an end.
std::string read_file(const std::filesystem::path&);

/// A new file, written piece by piece. Unless `finish` succeeds, it is removed again.
class FileWriter {
 public:
  /// All throw CheckpointError, with the system's reason.
  explicit FileWriter(const std::filesystem::path&);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  void write(std::string_view);
  /// Flushes to disk and closes; returns the CRC-32 of all that was written.
  std::uint32_t finish();

 private:
  [[noreturn]] void fail() const;
  std::filesystem::path path_;
  int fd_;
  std::uint32_t crc_ = 0;
  bool finished_ = false;
};

/// A file in one piece, by a FileWriter.
void write_file(const std::filesystem::path&, std::string_view content);

/// Writes beside the path, fsyncs, renames over it and fsyncs the folder: after a crash there is the old file or the
/// new one, whole. Throws CheckpointError; the old file is then untouched.
void replace_file(const std::filesystem::path&, std::string_view content);

/// Adds to the end of a file, which is made when there is none. Throws CheckpointError; a part may then be there.
void append_file(const std::filesystem::path&, std::string_view content);

/// Flushes a folder's entries to disk, so that a rename in it survives a crash. File systems that cannot (CIFS, some of
/// FUSE) are passed over; an error of the disk throws CheckpointError.
void sync_folder(const std::filesystem::path&);

/// Flushes a file's content to disk. Throws CheckpointError.
void sync_file(const std::filesystem::path&);

/// Lets two entries of one file system change places, in one step. False where it cannot be done so (older systems,
/// network file systems); throws CheckpointError for an error.
bool exchange(const std::filesystem::path&, const std::filesystem::path&);

/// What is on its way in or out has one of these after its name: no reader takes it for what it is to become, or was.
inline constexpr const char *kUnfinished = ".unfinished", *kReplaced = ".replaced", *kRemoved = ".removed";

/// Removes a folder so that it is there whole or not at all: it is renamed to PATH.removed first, which may stay after
/// a kill. Throws CheckpointError when it cannot be renamed.
void remove_whole(const std::filesystem::path&);

/// CRC-32 as in zip and PNG; `before`: of the bytes in front.
std::uint32_t crc32_of(std::string_view bytes, std::uint32_t before = 0);
/// Of a file's content, read in pieces. Throws DataError.
std::uint32_t crc32_of_file(const std::filesystem::path&);

}  // namespace seqtape
