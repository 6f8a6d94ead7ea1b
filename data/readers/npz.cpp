// NumPy's .npz, by libzip.
#include <zip.h>

#include <algorithm>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/readers/npy.h"

namespace seqtape {

struct NpzFile::Archive {
  explicit Archive(const std::string& path) {
    const FileReader file(path);  // refuses what is no regular file
    size = file.size();
    int problem = 0;
    zip = zip_open(path.c_str(), ZIP_RDONLY, &problem);
    if (zip) return;
    zip_error_t error;
    zip_error_init_with_code(&error, problem);
    // "Not a zip archive" of a file that begins as one: its table of contents, which is at its end, is missing.
    const std::string why = problem == ZIP_ER_NOZIP ? "its end is missing" : zip_error_strerror(&error);
    zip_error_fini(&error);
    throw DataError(str(path, ": is a damaged or truncated .npz: ", why));
  }
  ~Archive() { zip_discard(zip); }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  zip_t* zip;
  std::uint64_t size;
};

namespace {

constexpr std::string_view kEnding = ".npy";

}  // namespace

NpzFile::NpzFile(const std::filesystem::path& path) : path_(path.string()), archive_(std::make_shared<Archive>(path_)) {
  const zip_int64_t count = zip_get_num_entries(archive_->zip, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* const name = zip_get_name(archive_->zip, static_cast<zip_uint64_t>(i), 0);
    if (!name || !std::string_view(name).ends_with(kEnding))
      throw DataError(
          str(path_, ": is a zip file, but not of NumPy's arrays: it has \"", printable(name ? name : "", 80), "\""));
    names_.emplace_back(name, std::string_view(name).size() - kEnding.size());
    if (std::count(names_.begin(), names_.end(), names_.back()) > 1)
      throw DataError(str(path_, ": has the array \"", printable(names_.back(), 80), "\" twice"));
  }
  if (names_.empty()) throw DataError(str(path_, ": holds no arrays"));
}

bool NpzFile::has(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

NpyArray NpzFile::open(const std::string& name, const std::string& remedy) const {
  const std::string where = str(path_, ": ", printable(name, 80));
  const auto at = static_cast<zip_uint64_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
  zip_stat_t about;
  if (at >= names_.size() || zip_stat_index(archive_->zip, at, 0, &about) != 0)
    throw DataError(str(where, ": is not in the file"));
  // Deflate makes at most 1032 bytes of one.
  if (about.comp_size > archive_->size || about.size / 1040 > about.comp_size)
    throw DataError(str(where, ": would have ", about.size, " bytes, packed into ", about.comp_size, " of the file's ",
                        archive_->size, "; is it damaged?"));
  const auto begin = [archive = archive_, at, where]() -> Pieces {
    zip_file_t* const opened = zip_fopen_index(archive->zip, at, 0);
    if (!opened) throw DataError(str(where, ": cannot be unpacked: ", zip_strerror(archive->zip)));
    return [archive, member = std::shared_ptr<zip_file_t>(opened, zip_fclose), where](std::string& piece) {
      piece.resize(1 << 18);
      const zip_int64_t got = zip_fread(member.get(), piece.data(), piece.size());
      if (got < 0) throw DataError(str(where, ": is damaged: ", zip_error_strerror(zip_file_get_error(member.get()))));
      piece.resize(static_cast<std::size_t>(got));
      return got > 0;
    };
  };
  return {begin, where, about.size, remedy};
}

}  // namespace seqtape
