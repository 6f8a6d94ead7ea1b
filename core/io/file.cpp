#include "core/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace seqtape {
namespace {

std::string reason() { return std::strerror(errno); }

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// "" for a regular file, or what else it is.
const char* other_kind(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "";
    case S_IFDIR:
      return "a folder";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

/// Opens a regular file to be read: without O_NONBLOCK, opening a FIFO would block.
Descriptor open_regular(const std::filesystem::path& path) {
  Descriptor file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw DataError(str(path.string(), ": cannot be opened: ", reason()));
  if (const char* kind = other_kind(status.st_mode); *kind)
    throw DataError(str(path.string(), ": is not a file but ", kind));
  return file;
}

/// Fills what `piece` has room for, or less; returns how much, 0 at the end.
std::size_t read_piece(int fd, const std::filesystem::path& path, std::string& piece) {
  for (;;) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(str(path.string(), ": cannot be read: ", reason()));
    return static_cast<std::size_t>(got);
  }
}

/// Calls use(piece) for each piece of what was opened.
template <class Use>
void read_pieces(const Descriptor& file, const std::filesystem::path& path, const Use& use) {
  std::string piece(std::size_t{1} << 20, '\0');
  while (const std::size_t got = read_piece(file.get(), path, piece)) use(std::string_view(piece).substr(0, got));
}

/// Writes all of it; `fail` throws.
template <class Fail>
void write_all(int fd, std::string_view bytes, const Fail& fail) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  std::string content;
  read_pieces(open_regular(path), path, [&](std::string_view piece) { content += piece; });
  return content;
}

FileReader::FileReader(const std::filesystem::path& path) : path_(path), fd_(open_regular(path).release()) {}

FileReader::~FileReader() { ::close(fd_); }

bool FileReader::next(std::string& piece) {
  piece.resize(std::size_t{1} << 18);
  piece.resize(read_piece(fd_, path_, piece));
  return !piece.empty();
}

std::size_t FileReader::size() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) throw DataError(str(path_.string(), ": cannot be read: ", reason()));
  return static_cast<std::size_t>(status.st_size);
}

std::size_t FileReader::read(std::size_t at, void* to, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd_, static_cast<char*>(to) + done, size - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(str(path_.string(), ": cannot be read: ", reason()));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

FileWriter::FileWriter(const std::filesystem::path& path)
    : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
  if (fd_ < 0) throw CheckpointError(str(path.string(), ": cannot be created: ", reason()));
}

FileWriter::~FileWriter() {
  if (finished_) return;
  if (fd_ >= 0) ::close(fd_);
  ::unlink(path_.c_str());
}

void FileWriter::fail() const { throw CheckpointError(str(path_.string(), ": cannot be written: ", reason())); }

void FileWriter::write(std::string_view bytes) {
  crc_ = crc32_of(bytes, crc_);
  write_all(fd_, bytes, [this] { fail(); });
}

std::uint32_t FileWriter::finish() {
  if (::fsync(fd_) != 0) fail();
  if (::close(std::exchange(fd_, -1)) != 0) fail();  // some network file systems report a failed write only here
  finished_ = true;
  return crc_;
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  FileWriter file(path);
  file.write(content);
  file.finish();
}

void replace_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path beside = path;
  beside += ".tmp";
  write_file(beside, content);
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    const std::string why = reason();
    ::unlink(beside.c_str());
    throw CheckpointError(str(path.string(), ": cannot be replaced: ", why));
  }
  sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

void append_file(const std::filesystem::path& path, std::string_view content) {
  const auto refuse = [&] { throw CheckpointError(str(path.string(), ": cannot be written: ", reason())); };
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) refuse();
  try {
    write_all(fd, content, refuse);
  } catch (...) {
    ::close(fd);
    throw;
  }
  if (::close(fd) != 0) refuse();
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor entry(folder, O_RDONLY | O_DIRECTORY);
  if (entry && (::fsync(entry.get()) == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS)) return;
  throw CheckpointError(str(folder.string(), ": cannot be flushed to disk: ", reason()));
}

void sync_file(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file || ::fsync(file.get()) != 0)
    throw CheckpointError(str(path.string(), ": cannot be flushed to disk: ", reason()));
}

bool exchange(const std::filesystem::path& a, const std::filesystem::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP) return false;
  throw CheckpointError(str(a.string(), " and ", b.string(), ": cannot change places: ", reason()));
}

void remove_whole(const std::filesystem::path& folder) {
  std::filesystem::path doomed = folder;
  doomed += kRemoved;
  std::error_code error;
  std::filesystem::remove_all(doomed, error);
  std::filesystem::rename(folder, doomed, error);
  if (error) throw CheckpointError(str(folder.string(), ": cannot be removed: ", error.message()));
  std::filesystem::remove_all(doomed, error);  // leftovers take space but do no harm
}

std::uint32_t crc32_of(std::string_view bytes, std::uint32_t before) {
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::uint32_t crc32_of_file(const std::filesystem::path& path) {
  std::uint32_t crc = 0;
  read_pieces(open_regular(path), path, [&](std::string_view piece) { crc = crc32_of(piece, crc); });
  return crc;
}

}  // namespace seqtape
