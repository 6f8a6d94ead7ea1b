#pragma once
// Files: whole reads, writes that survive a crash, checksums.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace seqtape {

/// The whole file. Throws DataError, with the system's reason.
std::string read_file(const std::filesystem::path&);

/// Writes the file, fsyncs it; throws CheckpointError (with the system's reason) and removes what it wrote on failure.
void write_file(const std::filesystem::path&, std::string_view content);

/// Writes beside the path, fsyncs, renames over it and fsyncs the folder: after a crash there is the old file or the
/// new one, whole. Throws CheckpointError; the old file is then untouched.
void replace_file(const std::filesystem::path&, std::string_view content);

/// Flushes a folder's entries to disk, so that a rename in it survives a crash.
void sync_folder(const std::filesystem::path&);

/// CRC-32 as in zip and PNG.
std::uint32_t crc32_of(std::string_view bytes);

}  // namespace seqtape
