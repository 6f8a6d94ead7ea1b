#include "data/files.h"

#include <zlib.h>

#include <algorithm>

#include "core/error.h"

namespace seqtape {

std::string read_unpacked(const std::filesystem::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) throw DataError(str(path.string(), ": cannot be opened"));
  std::string content;
  char buffer[1 << 16];
  int got = 0;
  while ((got = gzread(file, buffer, sizeof buffer)) > 0) content.append(buffer, static_cast<std::size_t>(got));
  // A stream cut off in the middle ends without an error from gzread, but not without one from gzclose.
  const int closed = gzclose(file);
  if (got < 0 || closed != Z_OK) throw DataError(str(path.string(), ": is a damaged or truncated gz file"));
  return content;
}

std::size_t after_byte_order_mark(const std::string& text) { return text.compare(0, 3, "\xEF\xBB\xBF") == 0 ? 3 : 0; }

std::vector<std::filesystem::path> files_under(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (error) throw DataError(str("task.path: ", path.string(), " cannot be read: ", error.message()));
  if (!exists) throw DataError(str("task.path: ", path.string(), " does not exist"));
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  fs::recursive_directory_iterator entries(path, error), end;
  for (; !error && entries != end; entries.increment(error)) {
    std::error_code unreadable;  // a link in a loop, or to nothing
    if (entries->is_regular_file(unreadable)) files.push_back(entries->path());
  }
  if (error) throw DataError(str("task.path: ", path.string(), " cannot be listed: ", error.message()));
  if (files.empty()) throw DataError(str("task.path: ", path.string(), " holds no files"));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace seqtape
