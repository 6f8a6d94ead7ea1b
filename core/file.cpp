#include "core/file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

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
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0;
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file) throw DataError(str(path.string(), ": cannot be opened: ", reason()));
  std::string content;
  for (;;) {
    constexpr std::size_t kChunk = std::size_t{1} << 20;
    const std::size_t size = content.size();
    content.resize(size + kChunk);
    const ssize_t got = ::read(file.get(), content.data() + size, kChunk);
    content.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(str(path.string(), ": cannot be read: ", reason()));
    if (got == 0) return content;
  }
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  const Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) throw CheckpointError(str(path.string(), ": cannot be created: ", reason()));
  if (!write_all(file.get(), content)) {
    const std::string why = reason();
    ::unlink(path.c_str());
    throw CheckpointError(str(path.string(), ": cannot be written: ", why));
  }
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

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor entry(folder, O_RDONLY | O_DIRECTORY);
  if (!entry || ::fsync(entry.get()) != 0)
    throw CheckpointError(str(folder.string(), ": cannot be flushed to disk: ", reason()));
}

std::uint32_t crc32_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

}  // namespace seqtape
