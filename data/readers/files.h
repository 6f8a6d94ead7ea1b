#pragma once
// Reading data files.

#include <filesystem>
#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// A regular file, unpacked when it is gz, of one member or several. Throws DataError, also for an archive and what
/// else is compressed (bz2, xz, zstd, zip, ...): these are named.
std::string read_unpacked(const std::filesystem::path&);

/// `read_unpacked` of text: without its byte order mark. Throws DataError for UTF-16 and UTF-32.
std::string read_text(const std::filesystem::path&);

/// "UTF-16", "UTF-32" or "": by the byte order mark, or by zeros between the letters.
std::string wide_encoding(const std::string& text);

/// For `Task::notes`, where bytes are read as they are: that they are UTF-16, or "".
std::string wide_note(const std::string& bytes, const std::filesystem::path&);

/// Where text begins after a UTF-8 byte order mark: 0 or 3.
std::size_t after_byte_order_mark(const std::string& text);

/// Where the line that begins at `begin` ends: at LF, CR or CR LF; `next` gets where the next one begins.
std::size_t line_end(const std::string& text, std::size_t begin, std::size_t& next);

/// What lay in a folder and is no data, for `Task::notes`.
class LeftOut {
 public:
  /// `what`: in the plural.
  void add(const std::string& what, const std::filesystem::path&);
  /// "2 hidden files were left out (a/.DS_Store, ...)", a line for each kind.
  std::vector<std::string> notes() const;

 private:
  struct Reason {
    std::string what;
    Index count = 0;
    std::vector<std::string> first{};
  };
  std::vector<Reason> reasons_;
};

/// What an entry of a folder is that is no data: "hidden files" (.DS_Store, ._a.wav), left by a system or an editor
/// (Thumbs.db, a.txt~), the folder of a run or of a comparison. Null: it is data.
const char* no_data(const std::filesystem::directory_entry&);

/// The file itself, or the files under a folder in a fixed order, whatever the folder's place; `left_out` gets the
/// others. Links to folders are not followed. Throws DataError when there are none.
std::vector<std::filesystem::path> files_under(const std::filesystem::path&, LeftOut& left_out);

}  // namespace seqtape
