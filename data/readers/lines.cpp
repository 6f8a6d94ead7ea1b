#include "data/readers/lines.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/strings.h"
#include "data/readers/files.h"

namespace seqtape {

bool JsonLine::has(const std::string& key) const {
  if (!problem.empty()) throw DataError(problem);
  return object.contains(key) && !object.at(key).is_null();
}

const Json& JsonLine::at(const std::string& key) const {
  if (has(key) || object.contains(key)) return object.at(key);  // null has a type that messages name
  std::vector<std::string> keys;
  for (const auto& [name, value] : object.items()) keys.push_back(str('"', printable(name, 40), '"'));
  throw DataError(str(where, ": has no \"", key, "\"; it has ", keys.empty() ? "nothing" : join(keys, ", ")));
}

const std::string& JsonLine::text(const std::string& key) const {
  const Json& value = at(key);
  if (!value.is_string()) throw DataError(str(where, ": \"", key, "\" must be a string, is ", value.type_name()));
  return value.get_ref<const std::string&>();
}

std::string JsonLine::name(const std::string& key) const {
  const Json& value = at(key);
  if (!value.is_string() && !value.is_number_integer() && !value.is_boolean())
    throw DataError(str(where, ": \"", key, "\" must be a string or a whole number, is ",
                        value.is_number() ? value.dump() : value.type_name()));
  std::string name = value.is_string() ? value.get<std::string>() : value.dump();
  if (name.empty()) throw DataError(str(where, ": \"", key, "\" is empty"));
  return name;
}

bool is_json_lines(const std::filesystem::path& path) {
  const std::string name = lower_case(path.filename().string());
  return name.ends_with(".jsonl") || name.ends_with(".jsonl.gz");
}

JsonLine json_line(const std::string& text, const std::string& where, Index number, const std::string& holds) {
  JsonLine line{.where = where, .number = number};
  try {
    line.object = parse_json(text, where);
  } catch (const ConfigError& error) {
    // "WHERE:1: not valid JSON: ...": each line is a document of one line.
    std::string why = error.what();
    if (why.starts_with(where)) why.erase(0, where.size());
    if (why.starts_with(":1")) why.erase(0, 2);
    const bool python = text.find("NaN") != std::string::npos || text.find("Infinity") != std::string::npos;
    line.problem = str(
        where, why,
        python ? "; JSON has no NaN: fill or leave out what is missing" : str("; a line is {\"", holds, "\": ...}"));
    return line;
  }
  if (!line.object.is_object())
    line.problem = str(where, ": must be an object, {\"", holds, "\": ...}, is ", line.object.type_name());
  return line;
}

std::string each_json_line(const std::filesystem::path& path, const std::vector<std::string>& known,
                           const std::function<void(const JsonLine&)>& take) {
  std::set<std::string> others;
  Index number = 0;
  const auto take_line = [&](std::string text) {
    ++number;
    if (text.find_first_not_of(" \t") == std::string::npos) return;
    const JsonLine line = json_line(text, str(path.string(), ":", number), number, known.front());
    if (line.problem.empty())
      for (const auto& [name, value] : line.object.items())
        if (std::find(known.begin(), known.end(), name) == known.end())
          others.insert(str('"', printable(name, 40), '"'));
    take(line);
  };
  Pieces pieces;
  if (path == "-") {
    pieces = [text = read_standard_text()](std::string& piece) mutable {
      piece = std::exchange(text, "");
      return !piece.empty();
    };
  } else {
    pieces = text_pieces(path);
  }
  std::string begun;   // a line that the next piece ends
  bool ended = false;  // by a CR, which an LF may follow
  for (std::string piece; pieces(piece);) {
    std::size_t begin = ended && piece.starts_with('\n') ? 1 : 0;
    ended = ended && piece.empty();
    for (std::size_t end; (end = piece.find_first_of("\r\n", begin)) != std::string::npos;) {
      take_line(std::exchange(begun, "") + piece.substr(begin, end - begin));
      ended = piece[end] == '\r' && end + 1 == piece.size();
      begin = end + (piece.compare(end, 2, "\r\n") == 0 ? 2 : 1);
    }
    begun += piece.substr(begin);
  }
  if (!begun.empty()) take_line(begun);
  return others.empty()
             ? ""
             : str(path.filename().string(), ": ", join(std::vector<std::string>{others.begin(), others.end()}, ", "),
                   others.size() > 1 ? " are" : " is", " not read");
}

}  // namespace seqtape
