#include "apps/exchange/unfinished.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <vector>

#include "core/error.h"
#include "core/io/file.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

/// Where a link leads: what it names is replaced, not the link.
fs::path target(const fs::path& place) {
  std::error_code error;
  const fs::path real = fs::is_symlink(place, error) ? fs::weakly_canonical(place, error) : place;
  return error ? place : real;
}

fs::path folder_of(const fs::path& place) { return target(place) += ".unfinished"; }

/// To the disk, before others can see it: not every writer does that itself.
void sync(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return sync_folder(path);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool good = file >= 0 && ::fsync(file) == 0;
  const std::string why = std::strerror(errno);
  if (file >= 0) ::close(file);
  if (!good) throw CheckpointError(str(path.string(), ": cannot be flushed to disk: ", why));
}

void move_one(const fs::path& from, const fs::path& to) {
  std::error_code error;
  // A folder cannot be renamed onto another: the two are swapped.
  if (fs::is_directory(to, error) && !fs::is_empty(to, error)) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return;
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
      throw CheckpointError(str(to.string(), ": cannot be put in place: ", std::strerror(errno)));
    fs::remove_all(to, error);  // the file system cannot exchange
  }
  fs::rename(from, to, error);
  if (error) throw CheckpointError(str(to.string(), ": cannot be put in place: ", error.message()));
}

}  // namespace

Unfinished::Unfinished(const fs::path& place) : place_(target(place)), folder_(folder_of(place)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw CheckpointError(str(place_.string(), ": cannot be written: ", error.message()));
  lock_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Not every file system has locks; without one the user has to take care.
  if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(lock_);
    throw ConfigError(str(place_.string(), ": another process is writing it; wait for it, or choose another --out"));
  }
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error))
    fs::remove_all(entry->path(), error);
  if (error) {
    if (lock_ >= 0) ::close(lock_);
    throw CheckpointError(
        str(folder_.string(), ": is left from a killed process and cannot be cleared: ", error.message()));
  }
}

Unfinished::~Unfinished() {
  std::error_code error;
  fs::remove_all(folder_, error);
  if (lock_ >= 0) ::close(lock_);
}

void Unfinished::move() {
  std::error_code error;
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    sync(entry.path());
    if (entry.path() != path()) names.push_back(entry.path().filename());
  }
  names.push_back(place_.filename());
  for (const fs::path& name : names) move_one(folder_ / name, place_.parent_path() / name);
  try {
    sync_folder(place_.parent_path());
  } catch (const CheckpointError& problem) {  // it is there, whole: no reason to say that it failed
    std::cerr << "warning: " << problem.what() << "; a power cut now may lose " << place_.string() << '\n';
  }
}

bool Unfinished::was_moved(const fs::path& place) {
  std::error_code error;
  return fs::exists(place, error) && fs::is_directory(folder_of(place), error) && fs::is_empty(folder_of(place), error);
}

}  // namespace seqtape
