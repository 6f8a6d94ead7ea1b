#include "core/io/json.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/io/file.h"
#include "core/strings.h"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace seqtape {
namespace {

std::string line_of(const std::string& text, std::size_t byte) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(byte, text.size()));
  return std::to_string(1 + std::count(text.begin(), end, '\n'));
}

/// The library's message without its error number.
std::string reason(const Json::exception& error) {
  std::string what = error.what();
  if (const auto bracket = what.find("] "); bracket != std::string::npos) what = what.substr(bracket + 2);
  if (const auto colon = what.find(": "); what.starts_with("parse error") && colon != std::string::npos)
    what = what.substr(colon + 2);
  return what;
}

/// Builds the document. The library's own builder searches all keys of an object for each new one.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(const std::string& text, const std::string& where) : text_(text), where_(where) {}
  Json document;

  bool null() override { return put(Json()); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    if (!open_.back().keys.insert(value).second) {
      // The parser does not say where; the second occurrence of the quoted key is what the user looks for.
      const std::string quoted = Json(value).dump();
      const std::size_t second = text_.find(quoted, text_.find(quoted) + 1);
      throw ConfigError(str(where_, ":", line_of(text_, second), ": the key ", printable(quoted), " is given twice"));
    }
    open_.back().key = value;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    throw ConfigError(str(where_, ":", line_of(text_, position), ": not valid JSON: ", printable(reason(error))));
  }

 private:
  struct Open {
    Json value;
    std::string key;
    std::unordered_set<std::string> keys;
  };
  bool open(Json value) {
    if (open_.size() >= 64) throw ConfigError(str(where_, ": nested deeper than 64"));
    open_.push_back({std::move(value), {}, {}});
    return true;
  }
  bool close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    return put(std::move(value));
  }
  bool put(Json value) {
    if (open_.empty())
      document = std::move(value);
    else if (open_.back().value.is_array())
      open_.back().value.push_back(std::move(value));
    else
      append(open_.back().value, std::move(open_.back().key), std::move(value));
    return true;
  }

  const std::string &text_, &where_;
  std::vector<Open> open_;
};

/// Python's NaN and Infinity as {"__float__": "NaN"}; line numbers stay the same.
std::string without_python_numbers(const std::string& text) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    if (in_string && text[i] == '\\') {
      out += text.substr(i, 2);
      i += 2;
      continue;
    }
    if (text[i] == '"') in_string = !in_string;
    const auto word = [&](std::string_view number) { return text.compare(i, number.size(), number) == 0; };
    std::string_view found;
    for (const std::string_view number : {"NaN", "Infinity", "-Infinity"})
      if (!in_string && word(number)) found = number;
    out += found.empty() ? std::string(1, text[i]) : str("{\"__float__\": \"", found, "\"}");
    i += std::max<std::size_t>(1, found.size());
  }
  return out;
}

}  // namespace

Json parse_json(const std::string& text, const std::string& where, bool comments) {
  // The library takes a NUL as the end of the text.
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos)
    throw ConfigError(str(where, ":", line_of(text, nul), ": not valid JSON: byte ", nul, " is a NUL"));
  Builder builder(text, where);
  Json::sax_parse(text, &builder, Json::input_format_t::json, true, comments);
  return std::move(builder.document);
}

Json parse_python_json(const std::string& text, const std::string& where) {
  return parse_json(without_python_numbers(text), where);
}

std::optional<Json> parse_json_line(const std::string& line) {
  try {
    return parse_json(line, "line");
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

Json json_number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

void append(Json& object, std::string key, Json value) {
  using Pairs = Json::object_t::Container;
  static_cast<Pairs&>(object.get_ref<Json::object_t&>()).emplace_back(std::move(key), std::move(value));
}

JsonValue JsonValue::read(const std::filesystem::path& path, const std::string& name) {
  const std::string file = printable(path.string());
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))  // opening a pipe would block
    throw CheckpointError(str(file, std::filesystem::exists(path, error) ? ": is not a file" : ": does not exist"));
  try {
    return {parse_python_json(read_file(path), file), file, name};
  } catch (const ConfigError& problem) {
    throw CheckpointError(problem.what());
  } catch (const DataError& problem) {
    throw CheckpointError(problem.what());
  }
}

JsonValue::JsonValue(Json document, const std::string& file, std::string name)
    : value_(std::make_shared<const Json>(std::move(document))),
      file_(std::make_shared<const std::string>(file)),
      name_(name),
      place_(std::move(name)) {}

JsonValue::JsonValue(const JsonValue& parent, const Json& value, std::string place)
    : value_(parent.value_, &value), file_(parent.file_), name_(parent.name_), place_(std::move(place)) {}

const Json* JsonValue::object() const {
  if (!value_->is_object()) refuse("should be an object, is ", value_->type_name());
  return value_.get();
}

bool JsonValue::has(const std::string& key) const {
  const auto found = object()->find(key);
  return found != value_->end() && !found->is_null();
}

JsonValue JsonValue::operator[](const std::string& key) const {
  const auto found = object()->find(key);
  if (found == value_->end()) refuse("has no \"", printable(key), "\"");
  return {*this, *found, place_ == name_ ? printable(key) : place_ + "." + printable(key)};
}

std::vector<JsonValue> JsonValue::items() const {
  if (!is_list()) refuse("should be a list, is ", value_->type_name());
  std::vector<JsonValue> all;
  for (const Json& item : *value_) all.push_back({*this, item, str(place_, "[", all.size(), "]")});
  return all;
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::members() const {
  std::vector<std::pair<std::string, JsonValue>> all;
  const Json& members = *object();
  for (const auto& [key, value] : members.items())
    all.emplace_back(key, JsonValue(*this, value, place_ == name_ ? printable(key) : place_ + "." + printable(key)));
  return all;
}

const std::string& JsonValue::text() const {
  if (!is_text()) refuse("should be a string, is ", value_->type_name());
  return value_->get_ref<const std::string&>();
}

bool JsonValue::flag() const {
  if (!value_->is_boolean()) refuse("should be true or false, is ", value_->type_name());
  return value_->get<bool>();
}

double JsonValue::number() const {
  if (!value_->is_number()) refuse("should be a number, is ", value_->type_name());
  return value_->get<double>();
}

std::int64_t JsonValue::whole(std::int64_t least, std::int64_t most) const {
  const bool is_whole = value_->is_number_integer();
  const bool beyond =
      is_whole && value_->is_number_unsigned() &&
      value_->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!is_whole || beyond || value_->get<std::int64_t>() < least || value_->get<std::int64_t>() > most)
    refuse("should be a whole number from ", least, " to ", most, ", is ",
           is_whole ? value_->dump() : value_->type_name());
  return value_->get<std::int64_t>();
}

}  // namespace seqtape
