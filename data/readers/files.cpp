#include "data/readers/files.h"

#include <zlib.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace fs = std::filesystem;
using namespace std::string_view_literals;

namespace seqtape {
namespace {

struct Signature {
  std::string_view name;
  std::size_t at;
  std::string_view bytes;
};

/// Of what is packed in ways that are not unpacked here. Sources: each format's own description.
constexpr Signature kPacked[] = {
    {"bzip2", 4, "1AY&SY"sv},
    {"bzip2", 4, "\x17\x72\x45\x38\x50\x90"sv},  // with content, and empty
    {"xz", 0, "\xFD\x37zXZ\0"sv},
    {"zstd", 0, "\x28\xB5\x2F\xFD"sv},
    {"zip", 0, "PK\3\4"sv},
    {"zip", 0, "PK\5\6"sv},
    {"7z", 0, "7z\xBC\xAF\x27\x1C"sv},
    {"RAR", 0, "Rar!\x1A\7"sv},
    {"LZ4", 0, "\4\x22\x4D\x18"sv},
    {"lzip", 0, "LZIP\1"sv},
    {"LZMA", 0, "\x5D\0\0\x80\0\xFF"sv},
    {"compress", 0, "\x1F\x9D"sv},
    {"tar", 257, "ustar"sv},
};

bool is_gz(std::string_view bytes) { return bytes.substr(0, 2) == "\x1F\x8B"sv; }

/// All members of a gz file; zeros may follow the last one, as tapes have them.
std::string unpack_gz(const std::string& packed, const std::string& path) {
  const auto damaged = [&] { return DataError(str(path, ": is a damaged or truncated gz file")); };
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw DataError(str(path, ": cannot be unpacked"));
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&stream, inflateEnd);
  std::string content, piece(1 << 18, '\0');
  for (std::size_t at = 0;;) {
    const std::size_t given = std::min<std::size_t>(packed.size() - at, 1 << 30);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + at));
    stream.avail_in = static_cast<uInt>(given);
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int state = inflate(&stream, Z_NO_FLUSH);
    at += given - stream.avail_in;
    content.append(piece, 0, piece.size() - stream.avail_out);
    if (state == Z_STREAM_END) {
      const std::size_t next = packed.find_first_not_of('\0', at);
      if (next == std::string::npos) return content;
      if (next != at || !is_gz(std::string_view(packed).substr(at)) || inflateReset(&stream) != Z_OK)
        throw DataError(str(path, ": what follows the gz data at byte ", at, " is none"));
    } else if (state != Z_OK || (at == packed.size() && stream.avail_out == piece.size())) {
      throw damaged();
    }
  }
}

void refuse_packed(const std::string& bytes, const std::string& path) {
  if (bytes.starts_with("PAR1\x15")) {
    const fs::path lines = fs::path(path).replace_extension(".jsonl");
    throw DataError(str(path,
                        ": is Parquet, which is not read; this line of Python makes lines of JSON of it, or with ",
                        "to_csv(..., index=False) a table: import pandas; pandas.read_parquet(\"", path,
                        "\").to_json(\"", lines.string(), "\", orient=\"records\", lines=True)"));
  }
  for (const Signature& one : kPacked)
    if (bytes.size() >= one.at && bytes.compare(one.at, one.bytes.size(), one.bytes) == 0 &&
        (one.name != "bzip2" || bytes.compare(0, 3, "BZh") == 0))
      throw DataError(str(path, ": is packed by ", one.name, "; unpack it, or pack the file itself as gz"));
}

std::string unpacked(std::string content, const std::string& path) {
  refuse_packed(content, path);
  if (!is_gz(content)) return content;
  content = unpack_gz(content, path);
  if (is_gz(content)) throw DataError(str(path, ": is packed by gz twice; unpack it once"));
  refuse_packed(content, path);
  return content;
}

/// Without a byte order mark.
std::string plain_text(std::string text, const std::string& path) {
  if (const std::string wide = wide_encoding(text); !wide.empty())
    throw DataError(str(path, ": is ", wide, " text, must be UTF-8; iconv -f ", wide, " -t UTF-8 converts it"));
  return text.erase(0, after_byte_order_mark(text));
}

/// The entry that only a run's or a comparison's folder has.
bool is_output(const fs::path& folder) {
  std::error_code error;
  return (fs::is_directory(folder / "checkpoints", error) &&
          (fs::exists(folder / "config.json", error) || fs::exists(folder / ".lock", error))) ||
         fs::exists(folder / "comparison.json", error);
}

}  // namespace

std::string read_unpacked(const fs::path& path) { return unpacked(read_file(path), path.string()); }

Pieces unpacked_pieces(const fs::path& path) {
  const auto file = std::make_shared<FileReader>(path);
  std::string head;
  file->next(head);
  const bool gz = is_gz(head);
  if (gz)
    head = read_unpacked(path);
  else
    refuse_packed(head, path.string());
  return [file, head, gz, first = true](std::string& piece) mutable {
    if (!first) return !gz && file->next(piece);
    first = false;
    piece = std::exchange(head, "");
    return !piece.empty();
  };
}

std::size_t after_byte_order_mark(const std::string& text) { return text.compare(0, 3, "\xEF\xBB\xBF") == 0 ? 3 : 0; }

std::string wide_encoding(const std::string& text) {
  const auto begins = [&](std::string_view with) { return text.compare(0, with.size(), with) == 0; };
  if (begins("\xFF\xFE\0\0"sv) || begins("\0\0\xFE\xFF"sv)) return "UTF-32";
  if (begins("\xFF\xFE"sv) || begins("\xFE\xFF"sv)) return "UTF-16";
  // Without a mark: the first letters are ASCII, with zeros between.
  const std::string_view head = std::string_view(text).substr(0, 64);
  Index even = 0, odd = 0;
  for (std::size_t i = 0; i < head.size(); ++i) (i % 2 ? odd : even) += head[i] == '\0';
  const auto most = static_cast<Index>(head.size() / 2);
  return most >= 2 && std::min(even, odd) == 0 && std::max(even, odd) >= most - 1 ? "UTF-16" : "";
}

std::string wide_note(const std::string& bytes, const fs::path& path) {
  const std::string wide = wide_encoding(bytes);
  if (wide.empty()) return "";
  return str(printable(path.filename().string()), " is ", wide, ", of which the bytes are read; iconv -f ", wide,
             " -t UTF-8 makes it text");
}

std::string read_text(const fs::path& path) { return plain_text(read_unpacked(path), path.string()); }

Pieces text_pieces(const fs::path& path) {
  auto pieces = unpacked_pieces(path);
  return [pieces, path, first = true](std::string& piece) mutable {
    if (!pieces(piece)) return false;
    if (std::exchange(first, false)) piece = plain_text(std::move(piece), path.string());
    return true;
  };
}

std::string read_standard_text() {
  std::string content{std::istreambuf_iterator<char>(std::cin), {}};
  if (std::cin.bad()) throw DataError("-: standard input cannot be read");
  return plain_text(unpacked(std::move(content), "-"), "-");
}

std::size_t line_end(const std::string& text, std::size_t begin, std::size_t& next) {
  const std::size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
  next = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  return end;
}

void LeftOut::add(const std::string& what, const fs::path& path) {
  auto reason = std::find_if(reasons_.begin(), reasons_.end(), [&](const Reason& r) { return r.what == what; });
  if (reason == reasons_.end()) reason = reasons_.insert(reason, {what});
  if (++reason->count <= 3)
    reason->first.push_back(printable((path.parent_path().filename() / path.filename()).string()));
}

std::vector<std::string> LeftOut::notes() const {
  std::vector<std::string> all;
  for (const Reason& reason : reasons_)
    all.push_back(str(reason.count, " ", reason.what, " were left out (", join(reason.first, ", "),
                      reason.count > 3 ? ", ..." : "", ")"));
  return all;
}

const char* no_data(const fs::directory_entry& entry) {
  std::error_code error;
  const std::string name = entry.path().filename().string();
  const bool folder = entry.is_directory(error);
  if (name[0] == '.') return folder ? "hidden folders" : "hidden files";
  if (name.back() == '~' || (name.front() == '#' && name.back() == '#')) return "backup files of editors";
  if (name == "Thumbs.db" || name == "desktop.ini" || name == "__MACOSX") return "hidden files of other systems";
  if (folder) return is_output(entry.path()) ? "folders of runs or comparisons" : nullptr;
  if (entry.is_regular_file(error)) return nullptr;
  return entry.is_symlink(error) ? "links to nothing" : "entries that are no files";
}

std::vector<fs::path> files_under(const fs::path& path, LeftOut& left_out, const char* key) {
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (error) throw DataError(str(key, path.string(), " cannot be read: ", error.message()));
  if (!exists) throw DataError(str(key, path.string(), " does not exist"));
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  fs::recursive_directory_iterator entries(path, error), end;
  for (; !error && entries != end; entries.increment(error)) {
    std::error_code unreadable;  // a link in a loop
    const char* why = no_data(*entries);
    const bool folder = entries->is_directory(unreadable), linked = entries->is_symlink(unreadable);
    if (!why && folder && linked) why = "links to folders";
    if (why) {
      left_out.add(why, entries->path());
      if (folder && !linked) entries.disable_recursion_pending();
    } else if (!folder) {
      files.push_back(entries->path());
    }
  }
  if (error) throw DataError(str(key, path.string(), " cannot be listed: ", error.message()));
  if (files.empty()) throw DataError(str(key, path.string(), " holds no files"));
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<ClassFile> class_files(const std::filesystem::path& folder, LeftOut& left_out, const char* key) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(folder)) throw DataError(str(key, folder.string(), " is not a folder, or does not exist"));
  std::vector<fs::path> classes;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (const char* what = no_data(entry))
      left_out.add(what, entry.path());
    else if (entry.is_directory())
      classes.push_back(entry.path());
    else
      left_out.add("files beside the folders of the classes", entry.path());
  }
  std::sort(classes.begin(), classes.end());
  if (classes.empty()) throw DataError(str(key, folder.string(), " holds no folders, one is needed for each class"));
  std::vector<ClassFile> all;
  for (const fs::path& of : classes)
    for (const fs::path& file : files_under(of, left_out, key)) all.push_back({file, of.filename().string()});
  return all;
}

}  // namespace seqtape
