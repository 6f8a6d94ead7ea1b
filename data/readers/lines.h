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

/// A line; `where` is "FILE:LINE" for messages. Members throw DataError.
struct JsonLine {
  Json object{};
  std::string where{};
  Index number = 0;  ///< from 1

  /// The value of a key that must be there.
  const Json& at(const std::string& key) const;
  /// The string of a key that must be there.
  const std::string& text(const std::string& key) const;
  /// A name, a whole number or true and false as text: a class, or a group. It must be there.
  std::string name(const std::string& key) const;
  bool has(const std::string& key) const { return object.contains(key); }
};

/// A file of lines of JSON by its name: .jsonl, or .jsonl.gz.
bool is_json_lines(const std::filesystem::path&);

/// One line. Throws DataError for what is not a JSON object.
JsonLine json_line(const std::string& text, const std::string& where, Index number);

/// Calls `take` with each line of a file, plain or gz, or of standard input, "-", in memory that does not grow with a
/// plain file; empty lines are skipped. Throws DataError. Returns a note for the user on keys that are not among
/// `known`, which is what is read, or "".
std::string each_json_line(const std::filesystem::path&, const std::vector<std::string>& known,
                           const std::function<void(const JsonLine&)>& take);

}  // namespace seqtape
