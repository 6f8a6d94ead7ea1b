#pragma once
// Files: whole reads, writes that survive a crash, checksums.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace seqtape {

/// The whole file. Throws DataError with the system's reason, also for anything but a regular file or a link to one:
/// reading a FIFO may block forever, and a device may have no end.
std::string read_file(const std::filesystem::path&);

/// Reads a regular file in pieces.
class FileReader {
 public:
  /// Members throw DataError with the system's reason, as `read_file` does.
  explicit FileReader(const std::filesystem::path&);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  /// Replaces `piece` by what follows, at most 256 KiB; false at the end.
  bool next(std::string& piece);
  /// Bytes of the whole file.
  std::size_t size() const;
  /// Copies up to `size` bytes from `at` on; returns how many there are. `next` is not moved by it.
  std::size_t read(std::size_t at, void* to, std::size_t size) const;

 private:
  std::filesystem::path path_;
  int fd_;
};

/// A new file, written in parts. Unless `finish` succeeds, it is removed again.
class FileWriter {
 public:
  /// All members throw CheckpointError with the system's reason.
  explicit FileWriter(const std::filesystem::path&);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  void write(std::string_view);
  /// Flushes to disk and closes; returns the CRC-32 of the content.
  std::uint32_t finish();

 private:
  [[noreturn]] void fail() const;
  std::filesystem::path path_;
  int fd_;
  std::uint32_t crc_ = 0;
  bool finished_ = false;
};

/// Writes a whole file with a FileWriter. Throws CheckpointError.
void write_file(const std::filesystem::path&, std::string_view content);

/// Writes beside the path, fsyncs, renames over it and fsyncs the folder: after a crash the file is the old or the new
/// one, complete. Throws CheckpointError; the old file is then unchanged.
void replace_file(const std::filesystem::path&, std::string_view content);

/// Appends to a file, which is created if needed. Throws CheckpointError; part of the content may then be written.
void append_file(const std::filesystem::path&, std::string_view content);

/// Flushes a folder's entries to disk, so that a rename in it survives a crash. File systems that
/// cannot (CIFS, some of FUSE) are ignored; a disk error throws CheckpointError.
void sync_folder(const std::filesystem::path&);

/// Flushes a file's content to disk. Throws CheckpointError.
void sync_file(const std::filesystem::path&);

/// Swaps two entries of one file system atomically. False where that is not supported (older systems, network file
/// systems); throws CheckpointError when it fails otherwise.
bool exchange(const std::filesystem::path&, const std::filesystem::path&);

/// Suffixes of files and folders that are being written, replaced or removed; readers ignore them.
inline constexpr const char *kUnfinished = ".unfinished", *kReplaced = ".replaced", *kRemoved = ".removed";

/// Removes a folder such that it is complete or gone at any moment: it is renamed to PATH.removed first, which a kill
/// may leave. Throws CheckpointError when it cannot be renamed.
void remove_whole(const std::filesystem::path&);

/// CRC-32 as in zip and PNG; `before`: that of the preceding bytes.
std::uint32_t crc32_of(std::string_view bytes, std::uint32_t before = 0);
/// The CRC-32 of a file's content, read in blocks. Throws DataError.
std::uint32_t crc32_of_file(const std::filesystem::path&);

}  // namespace seqtape
