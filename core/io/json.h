#pragma once
// JSON, by nlohmann/json, with the strictness that configs and weight files need.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

// Instantiated once, in json.cpp: without this every object file holds it again, 4 MB each.
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace seqtape {

/// Objects keep the order of their keys, so that a saved config reads like the original. Access by key searches them
/// linearly, and on a const object without the key it is undefined behaviour: read files through JsonValue.
using Json = nlohmann::ordered_json;

/// Parses a whole text in linear time; with `comments`, `//` and `/* */` are allowed. `where` names the text in errors.
/// Throws ConfigError, with the line, for bad syntax, trailing text or NUL bytes, a duplicate key, or nesting deeper
/// than 64.
Json parse_json(const std::string& text, const std::string& where, bool comments = false);

/// The same for JSON written by Python: its NaN, Infinity and -Infinity, which are not JSON, become the object
/// {"__float__": "Infinity"}, which is how transformers writes them today.
Json parse_python_json(const std::string& text, const std::string& where);

/// Parses a line of a file that may be cut off; nothing when it is not valid JSON.
std::optional<Json> parse_json_line(const std::string& line);

/// A number as JSON: NaN and infinities become the strings "nan", "inf" and "-inf".
Json json_number(double value);

/// Appends a key that the object must not have yet, without the linear search of operator[].
void append(Json& object, std::string key, Json value);

/// A value in a JSON file and its path for error messages. Every access gives a value of the type asked for or throws
/// CheckpointError: "FILE: key.of[2]: should be a string, is number".
class JsonValue {
 public:
  /// Reads a file with parse_python_json; `name`: what messages call the document. Throws CheckpointError.
  static JsonValue read(const std::filesystem::path&, const std::string& name = "");
  /// A document in memory; `file` names it in messages.
  JsonValue(Json document, const std::string& file, std::string name = "");

  template <class... Why>
  [[noreturn]] void refuse(const Why&... why) const {
    throw CheckpointError(str(*file_, ": ", place_.empty() ? "" : place_ + ": ", why...));
  }
  const Json& json() const { return *value_; }
  bool is_object() const { return value_->is_object(); }
  bool is_list() const { return value_->is_array(); }
  bool is_text() const { return value_->is_string(); }

  /// The object has the key, and its value is not null. Throws when this is not an object.
  bool has(const std::string& key) const;
  JsonValue operator[](const std::string& key) const;
  std::vector<JsonValue> items() const;                            ///< of a list
  std::vector<std::pair<std::string, JsonValue>> members() const;  ///< of an object
  const std::string& text() const;
  bool flag() const;
  double number() const;
  std::int64_t whole(std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                     std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;

 private:
  JsonValue(const JsonValue& parent, const Json& value, std::string place);
  const Json* object() const;

  std::shared_ptr<const Json> value_;  // of the document, which it keeps
  std::shared_ptr<const std::string> file_;
  std::string name_, place_;
};

}  // namespace seqtape
