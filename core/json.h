#pragma once
// JSON, by nlohmann/json, with the strictness that configs and weight files need.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

// Instantiated once, in json.cpp: without this every object file holds it again, 4 MB each.
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace seqtape {

/// Objects keep the order of their keys, so that a saved config reads like the one that was written.
using Json = nlohmann::ordered_json;

/// Parses a whole text. `//` and `/* */` comments are allowed where asked for. Throws ConfigError, with the line, for
/// bad syntax, trailing text, a repeated key, or nesting deeper than 64.
Json parse_json(const std::string& text, const std::string& where, bool comments = false);

/// A number as JSON can hold it: NaN and infinities become the strings "nan", "inf" and "-inf".
Json json_number(double value);

}  // namespace seqtape
