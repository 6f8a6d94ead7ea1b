#include "core/json.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/text.h"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace seqtape {
namespace {

std::string line_of(const std::string& text, std::size_t byte) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(byte, text.size()));
  return std::to_string(1 + std::count(text.begin(), end, '\n'));
}

}  // namespace

Json parse_json(const std::string& text, const std::string& where, bool comments) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::string repeated;
  const Json::parser_callback_t watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 64) throw ConfigError(str(where, ": nested deeper than 64"));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const std::string key = value.get<std::string>();
      if (!keys.back().insert(key).second && repeated.empty()) repeated = key;
    }
    return true;
  };
  Json value;
  try {
    value = Json::parse(text, watch, true, comments);
  } catch (const Json::parse_error& error) {
    std::string what = error.what();
    if (const auto colon = what.find(": "); colon != std::string::npos) what = what.substr(colon + 2);
    throw ConfigError(str(where, ":", line_of(text, error.byte), ": not valid JSON: ", what));
  } catch (const Json::exception& error) {  // a number beyond a double's range
    std::string what = error.what();
    if (const auto bracket = what.find("] "); bracket != std::string::npos) what = what.substr(bracket + 2);
    throw ConfigError(str(where, ": not valid JSON: ", what));
  }
  if (!repeated.empty()) {
    // The parser does not say where; the second occurrence of the quoted key is what the user looks for.
    const std::string quoted = Json(repeated).dump();
    const std::size_t second = text.find(quoted, text.find(quoted) + 1);
    throw ConfigError(str(where, ":", line_of(text, second), ": the key ", quoted, " is given twice"));
  }
  return value;
}

Json json_number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

}  // namespace seqtape
