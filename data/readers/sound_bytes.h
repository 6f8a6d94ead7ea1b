#pragma once
// The bytes of a sound file, of which only what is asked for is in memory.

#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/file.h"

namespace seqtape {

/// A file's bytes: on disk, or in memory if it is small, or gz, which is unpacked.
class SoundBytes {
 public:
  /// Members throw DataError, as `read_unpacked` does.
  explicit SoundBytes(const std::filesystem::path&);
  std::size_t size() const { return size_; }
  /// Copies up to `size` bytes from `at` on; returns how many there are.
  std::size_t read(std::size_t at, void* to, std::size_t size) const;
  /// The same as a string, which is shorter at the end of the file.
  std::string at(std::size_t begin, std::size_t size) const;
  bool holds(std::size_t begin, std::string_view what) const { return at(begin, what.size()) == what; }
  /// From now on these bytes are read at `at`; the file stays as it is.
  void put(std::size_t at, std::string bytes) { changes_.emplace_back(at, std::move(bytes)); }
  /// CRC-32 of all.
  std::uint32_t crc() const;

 private:
  std::string content_;               // all of it, or
  std::unique_ptr<FileReader> file_;  // where it is
  std::size_t size_ = 0;
  std::vector<std::pair<std::size_t, std::string>> changes_;
};

/// A place in the bytes, as the C libraries read files: from `begin` on, and without exceptions.
class SoundCursor {
 public:
  explicit SoundCursor(std::shared_ptr<const SoundBytes> bytes, std::size_t begin = 0)
      : bytes_(std::move(bytes)), begin_(begin) {}
  /// An error ends the file; `check` throws it.
  std::size_t read(void* to, std::size_t size) noexcept;
  std::int64_t seek(std::int64_t offset, int from) noexcept;
  std::size_t at() const { return at_; }
  std::size_t size() const { return bytes_->size() - begin_; }
  void check() const {
    if (failed_) std::rethrow_exception(failed_);
  }

 private:
  std::shared_ptr<const SoundBytes> bytes_;
  std::size_t begin_, at_ = 0;  // at_: counts from begin_
  std::exception_ptr failed_;
};

}  // namespace seqtape
