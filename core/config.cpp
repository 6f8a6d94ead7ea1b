#include "core/config.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

std::string number_text(double value) {
  return value == std::floor(value) && std::fabs(value) < 1e15 ? std::to_string(static_cast<long long>(value))
                                                               : format("%g", value);
}

Json parsed_word(const std::string& word) {
  Json value = Json::parse(word, nullptr, false);
  return value.is_discarded() ? Json(word) : value;
}

/// Parses a value of `set_path` for a string field or for another one; other values are returned unchanged.
Json settled(const Json& json, bool text) {
  if (!json.is_binary()) return json;
  const auto& bytes = json.get_binary();
  const std::string word(bytes.begin(), bytes.end());
  Json value = parsed_word(word);
  const bool as_it_stands = text && !value.is_string() && !value.is_array() && !value.is_object();
  return as_it_stands ? Json(word) : value;
}

void check_bounds(double value, const Constraint& rule, const std::string& path) {
  // Written so that NaN fails.
  if (!(rule.open_least ? value > rule.least : value >= rule.least))
    throw ConfigError(
        str(path, ": must be ", rule.open_least ? "> " : ">= ", number_text(rule.least), ", got ", number_text(value)));
  if (!(rule.open_most ? value < rule.most : value <= rule.most))
    throw ConfigError(
        str(path, ": must be ", rule.open_most ? "< " : "<= ", number_text(rule.most), ", got ", number_text(value)));
}

/// Reads a JSON object into the fields and refuses unknown keys.
class Reader final : public Fields {
 public:
  Reader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object.is_object())
      throw ConfigError(str(path_.empty() ? "config" : path_, ": must be an object, got ", shown(object)));
  }

  void operator()(const char* key, Index& value, const char*, const Constraint& rule) override {
    if (const auto json = find(key, rule)) value = integer(*json, at(key), rule);
  }
  void operator()(const char* key, double& value, const char*, const Constraint& rule) override {
    if (const auto json = find(key, rule)) value = number(*json, at(key), rule);
  }
  void operator()(const char* key, std::optional<double>& value, const char*, const Constraint& rule) override {
    if (const auto json = find(key, rule))
      value = json->is_null() ? std::nullopt : std::optional(number(*json, at(key), rule));
  }
  void operator()(const char* key, bool& value, const char*, const Constraint& rule) override {
    if (const auto json = find(key, rule)) value = flag(*json, at(key));
  }
  void operator()(const char* key, std::optional<bool>& value, const char*, const Constraint& rule) override {
    if (const auto json = find(key, rule)) value = json->is_null() ? std::nullopt : std::optional(flag(*json, at(key)));
  }
  void operator()(const char* key, std::string& value, const char*, const Constraint& rule) override {
    if (const auto json = find(key, rule, true)) value = word(*json, at(key), rule);
  }
  void operator()(const char* key, std::vector<double>& value, const char*, const Constraint& rule) override {
    values(key, value, rule, false, &Reader::number);
  }
  void operator()(const char* key, std::vector<Index>& value, const char*, const Constraint& rule) override {
    values(key, value, rule, false, &Reader::integer);
  }
  void operator()(const char* key, std::vector<std::string>& value, const char*, const Constraint& rule) override {
    values(key, value, rule, true, &Reader::word);
  }
  void operator()(const char* key, CountOrNames& value, const char*, const Constraint& rule) override {
    const auto json = find(key, rule);
    if (!json) return;
    if (!json->is_array()) {
      value = {integer(*json, at(key), rule), {}};
      return;
    }
    value = {static_cast<Index>(json->size()), {}};
    check_bounds(static_cast<double>(json->size()),
                 {.least = rule.least, .most = rule.most, .open_least = rule.open_least}, at(key));
    for (std::size_t i = 0; i < json->size(); ++i)
      value.names.push_back(word((*json)[i], str(at(key), "[", i, "]"), {.choices = rule.choices}));
  }
  void operator()(const char* key, Json& value, const char*, const Constraint& rule) override {
    if (const auto json = find(key, rule)) value = *json;
  }
  void group(const char* key, const char*, const FieldsOf& fields) override {
    if (const auto json = find(key, {})) read_fields(fields, *json, at(key));
  }
  void named(const char* key, const char*, Named&& choice) override {
    const auto json = find(key, {});
    std::vector<std::string> names;
    for (const auto& kind : choice.kinds) names.push_back(kind.name);
    if (!json) {
      if (choice.chosen.empty()) throw ConfigError(str(at(key), ": is required; one of ", join(names, ", ")));
      return;
    }
    Reader nested(*json, at(key));
    std::string name = choice.chosen;
    nested("name", name, "", {.choices = names, .required = choice.chosen.empty()});
    choice.choose(name);
    choice.fields(nested);
    nested.refuse_unknown();
  }

  void list(const char* key, const char*, Items&& items) override {
    const auto json = find(key, {});
    if (!json) return;
    if (!json->is_array()) throw ConfigError(str(at(key), ": must be a list of objects, got ", shown(*json)));
    items.resize(0);
    items.resize(json->size());
    for (std::size_t i = 0; i < json->size(); ++i)
      read_fields([&](Fields& f) { items.fields(i, f); }, (*json)[i], str(at(key), "[", i, "]"));
  }

  void refuse_unknown() const {
    for (const auto& item : object_.items())
      if (std::find(known_.begin(), known_.end(), item.key()) == known_.end())
        throw ConfigError(str(at(item.key()), ": unknown key", suggestion(item.key(), known_)));
  }

 private:
  std::string at(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

  std::optional<Json> find(const char* key, const Constraint& rule, bool text = false) {
    known_.emplace_back(key);
    const auto found = object_.find(key);
    if (found != object_.end()) return settled(*found, text);
    if (rule.required)
      throw ConfigError(
          str(at(key), ": is required", rule.choices.empty() ? "" : "; one of ", join(rule.choices, ", ")));
    return std::nullopt;
  }

  static Index integer(const Json& json, const std::string& path, const Constraint& rule) {
    if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{1} << 62)
      throw ConfigError(str(path, ": too large, got ", shown(json)));
    if (json.is_number_integer()) {
      const auto value = json.get<Index>();
      check_bounds(static_cast<double>(value), rule, path);
      return value;
    }
    // 1e6 is a float to the parser but an integer to the user.
    if (json.is_number_float() && json.get<double>() == std::floor(json.get<double>()) &&
        std::fabs(json.get<double>()) < 1e15) {
      check_bounds(json.get<double>(), rule, path);
      return static_cast<Index>(json.get<double>());
    }
    throw ConfigError(str(path, ": must be a whole number, got ", shown(json)));
  }

  static bool flag(const Json& json, const std::string& path) {
    if (!json.is_boolean()) throw ConfigError(str(path, ": must be true or false, got ", shown(json)));
    return json.get<bool>();
  }

  static double number(const Json& json, const std::string& path, const Constraint& rule) {
    if (!json.is_number()) throw ConfigError(str(path, ": must be a number, got ", shown(json)));
    const auto value = json.get<double>();
    if (!std::isfinite(value)) throw ConfigError(str(path, ": must be finite, got ", shown(json)));
    check_bounds(value, rule, path);
    return value;
  }

  static std::string word(const Json& json, const std::string& path, const Constraint& rule) {
    if (!json.is_string()) throw ConfigError(str(path, ": must be a string, got ", shown(json)));
    auto value = json.get<std::string>();
    if (!rule.choices.empty() && std::find(rule.choices.begin(), rule.choices.end(), value) == rule.choices.end())
      throw ConfigError(str(path, ": unknown name \"", value, "\"", suggestion(value, rule.choices)));
    return value;
  }

  template <class T>
  void values(const char* key, std::vector<T>& value, const Constraint& rule, bool text,
              T (*element)(const Json&, const std::string&, const Constraint&)) {
    const auto json = find(key, rule, text);
    if (!json) return;
    value.clear();
    if (!json->is_array()) {  // a single value is a list of one
      value.push_back(element(*json, at(key), rule));
      return;
    }
    for (std::size_t i = 0; i < json->size(); ++i)
      value.push_back(element((*json)[i], str(at(key), "[", i, "]"), rule));
  }

  const Json& object_;
  std::string path_;
  std::vector<std::string> known_;
};

class Writer final : public Fields {
 public:
  Json json = Json::object();
  void operator()(const char* key, Index& value, const char*, const Constraint&) override { json[key] = value; }
  void operator()(const char* key, double& value, const char*, const Constraint&) override { json[key] = value; }
  void operator()(const char* key, std::optional<double>& value, const char*, const Constraint&) override {
    json[key] = value ? Json(*value) : Json();
  }
  void operator()(const char* key, bool& value, const char*, const Constraint&) override { json[key] = value; }
  void operator()(const char* key, std::optional<bool>& value, const char*, const Constraint&) override {
    json[key] = value ? Json(*value) : Json();
  }
  void operator()(const char* key, std::string& value, const char*, const Constraint&) override { json[key] = value; }
  void operator()(const char* key, std::vector<double>& value, const char*, const Constraint&) override {
    json[key] = value;
  }
  void operator()(const char* key, std::vector<Index>& value, const char*, const Constraint&) override {
    json[key] = value;
  }
  void operator()(const char* key, std::vector<std::string>& value, const char*, const Constraint&) override {
    json[key] = value;
  }
  void operator()(const char* key, CountOrNames& value, const char*, const Constraint&) override {
    if (value.names.empty())
      json[key] = value.count;
    else
      json[key] = value.names;
  }
  void operator()(const char* key, Json& value, const char*, const Constraint&) override { json[key] = value; }
  void group(const char* key, const char*, const FieldsOf& fields) override { json[key] = write_fields(fields); }
  void named(const char* key, const char*, Named&& choice) override {
    Writer nested;
    nested.json["name"] = choice.chosen;
    choice.fields(nested);
    json[key] = nested.json;
  }
  void list(const char* key, const char*, Items&& items) override {
    json[key] = Json::array();
    for (std::size_t i = 0; i < items.size(); ++i)
      json[key].push_back(write_fields([&](Fields& f) { items.fields(i, f); }));
  }
};

/// Collects the constraint of every field.
class Constraints final : public Fields {
 public:
  explicit Constraints(std::string prefix) : prefix_(std::move(prefix)) {}
  std::map<std::string, Constraint> all;

  void operator()(const char* key, Index&, const char*, const Constraint& rule) override { note(key, rule); }
  void operator()(const char* key, double&, const char*, const Constraint& rule) override { note(key, rule); }
  void operator()(const char* key, std::optional<double>&, const char*, const Constraint& rule) override {
    note(key, rule);
  }
  void operator()(const char* key, bool&, const char*, const Constraint& rule) override { note(key, rule); }
  void operator()(const char* key, std::optional<bool>&, const char*, const Constraint& rule) override {
    note(key, rule);
  }
  void operator()(const char* key, std::string&, const char*, const Constraint& rule) override { note(key, rule); }
  void operator()(const char* key, std::vector<double>&, const char*, const Constraint& rule) override {
    note(key, rule);
  }
  void operator()(const char* key, std::vector<Index>&, const char*, const Constraint& rule) override {
    note(key, rule);
  }
  void operator()(const char* key, std::vector<std::string>&, const char*, const Constraint& rule) override {
    note(key, rule);
  }
  void operator()(const char* key, CountOrNames&, const char*, const Constraint& rule) override { note(key, rule); }
  void operator()(const char* key, Json&, const char*, const Constraint& rule) override { note(key, rule); }
  void group(const char* key, const char*, const FieldsOf& fields) override { below(key, fields); }
  void named(const char* key, const char*, Named&& choice) override {
    if (!choice.chosen.empty()) below(key, choice.fields);
  }
  void list(const char* key, const char*, Items&&) override { note(key, {}); }

 private:
  void note(const char* key, const Constraint& rule) { all[prefix_ + key] = rule; }
  void below(const char* key, const FieldsOf& fields) {
    Constraints nested(prefix_ + key + ".");
    fields(nested);
    all.merge(nested.all);
  }
  std::string prefix_;
};

}  // namespace

std::map<std::string, Constraint> constraints_of(const FieldsOf& fields) {
  Constraints constraints("");
  fields(constraints);
  return constraints.all;
}

void read_fields(const FieldsOf& fields, const Json& json, const std::string& path, Unknown unknown) {
  Reader reader(json, path);
  fields(reader);
  if (unknown == Unknown::refused) reader.refuse_unknown();
}

Json write_fields(const FieldsOf& fields) {
  Writer writer;
  fields(writer);
  return writer.json;
}

void set_path(Json& json, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw ConfigError(str("--set ", assignment, ": must be key.path=value"));
  std::string path = assignment.substr(0, equals);
  const std::string word = assignment.substr(equals + 1);
  Json* place = &json;
  for (std::size_t dot = 0; (dot = path.find('.')) != std::string::npos; path = path.substr(dot + 1)) {
    place = &(*place)[path.substr(0, dot)];
    if (place->is_binary()) *place = settled(*place, false);
    if (place->is_null()) *place = Json::object();
    if (!place->is_object())
      throw ConfigError(str("--set ", assignment, ": ", path.substr(0, dot), " is not an object"));
  }
  (*place)[path] = Json::binary({word.begin(), word.end()});
}

}  // namespace seqtape
