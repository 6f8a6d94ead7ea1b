#pragma once
// Reading data files.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// The content of a regular file, decompressed if it is gz, with one member or several. Throws DataError, also for
/// archives and other compressed formats (bz2, xz, zstd, zip, ...), which it names.
std::string read_unpacked(const std::filesystem::path&);

/// Bytes in pieces of at most 256 KiB: each call replaces its argument by the next one, and gives false at the end.
using Pieces = std::function<bool(std::string& piece)>;

/// `read_unpacked` in pieces. Memory does not grow with the file, unless it is gz.
Pieces unpacked_pieces(const std::filesystem::path&);

/// `read_unpacked` for text: removes a byte order mark. Throws DataError for UTF-16 and UTF-32.
std::string read_text(const std::filesystem::path&);

/// `read_text` in pieces, as `unpacked_pieces`.
Pieces text_pieces(const std::filesystem::path&);

/// Standard input to its end, as `read_text` reads a file; messages call it "-".
std::string read_standard_text();

/// "UTF-16", "UTF-32" or "": by the byte order mark, or by zeros between the letters.
std::string wide_encoding(const std::string& text);

/// A remark for `Task::notes` that bytes which are read unchanged are UTF-16 or UTF-32, or "".
std::string wide_note(const std::string& bytes, const std::filesystem::path&);

/// Where text begins after a UTF-8 byte order mark: 0 or 3.
std::size_t after_byte_order_mark(const std::string& text);

/// The end of the line that begins at `begin`, at LF, CR or CR LF; `next` gets the beginning of the next line.
std::size_t line_end(const std::string& text, std::size_t begin, std::size_t& next);

/// Collects entries of folders that are not data, for `Task::notes`.
class LeftOut {
 public:
  /// `what`: the kind of entry, in the plural.
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

/// The kind of a folder's entry that is not data: "hidden files" (.DS_Store, ._a.wav), files of a system or an editor
/// (Thumbs.db, a.txt~), the folder of a run or of a comparison. Null: it is data.
const char* no_data(const std::filesystem::directory_entry&);

/// The file itself, or the data files under a folder, sorted by their path within it; `left_out` gets the others. Links
/// to folders are not followed. Throws DataError when there are none; `key` is what its messages begin with.
std::vector<std::filesystem::path> files_under(const std::filesystem::path&, LeftOut& left_out,
                                               const char* key = "task.path: ");

/// A file in one of a folder's folders, whose name is its class.
struct ClassFile {
  std::filesystem::path file;
  std::string label;
};
/// All of them, sorted by class and path. Throws as `files_under`, also for a folder without folders.
std::vector<ClassFile> class_files(const std::filesystem::path& folder, LeftOut& left_out, const char* key);

}  // namespace seqtape
