#pragma once
// Lines of JSON (.jsonl): an object a line, {"text": "...", "label": "..."}.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/io/json.h"
#include "core/real.h"

namespace seqtape {

/// A line; `where` is "FILE:LINE" for messages. Members throw DataError, of a line that is no object all of them do.
struct JsonLine {
  Json object{};
  std::string where{};
  std::string problem{};  ///< why it is no object, with its place; "": it is one
  Index number = 0;       ///< from 1

  /// The value of a key that must be there.
  const Json& at(const std::string& key) const;
  /// The string of a key that must be there.
  const std::string& text(const std::string& key) const;
  /// A name, a whole number or true and false as text: a class, or a group. It must be there.
  std::string name(const std::string& key) const;
  /// The key is there, and is not null.
  bool has(const std::string& key) const;
  /// The group that the line names; "": none.
  std::string group() const { return has("group") ? name("group") : ""; }
};

/// A file of lines of JSON by its name: .jsonl, or .jsonl.gz, in letters of any case.
bool is_json_lines(const std::filesystem::path&);

/// One line. `holds`: the key of what it must hold, for messages.
JsonLine json_line(const std::string& text, const std::string& where, Index number, const std::string& holds);

/// Calls `take` with each line of a file, plain or gz, or of standard input, "-", in memory that does not grow with a
/// plain file; empty lines are skipped. They end in LF, CR LF or CR. Throws DataError for what is no text; a line that
/// is no object has a `problem`. Returns a note for the user on keys that are not among `known`, which is what is read
/// and begins with what a line must hold, or "".
std::string each_json_line(const std::filesystem::path&, const std::vector<std::string>& known,
                           const std::function<void(const JsonLine&)>& take);

}  // namespace seqtape
