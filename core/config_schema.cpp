// The walk over config fields that documents them: a JSON Schema, and lines for help.
#include <cmath>

#include "core/columns.h"
#include "core/config.h"
#include "core/strings.h"

namespace seqtape {
namespace {

class SchemaWriter final : public Fields {
 public:
  Json properties = Json::object();
  Json needed = Json::array();

  void operator()(const char* key, Index& value, const char* doc, const Constraint& rule) override {
    add(key, "integer", doc, rule, value);
  }
  void operator()(const char* key, double& value, const char* doc, const Constraint& rule) override {
    add(key, "number", doc, rule, value);
  }
  void operator()(const char* key, std::optional<double>& value, const char* doc, const Constraint& rule) override {
    Json json = bounded("number", rule);
    json["type"] = {"number", "null"};
    finish(key, json, doc, rule, value ? Json(*value) : Json());
  }
  void operator()(const char* key, bool& value, const char* doc, const Constraint& rule) override {
    add(key, "boolean", doc, rule, value);
  }
  void operator()(const char* key, std::optional<bool>& value, const char* doc, const Constraint& rule) override {
    finish(key, {{"type", {"boolean", "null"}}}, doc, rule, value ? Json(*value) : Json());
  }
  void operator()(const char* key, std::string& value, const char* doc, const Constraint& rule) override {
    add(key, "string", doc, rule, value);
  }
  void operator()(const char* key, std::vector<double>& value, const char* doc, const Constraint& rule) override {
    add_list(key, "number", doc, rule, value);
  }
  void operator()(const char* key, std::vector<Index>& value, const char* doc, const Constraint& rule) override {
    add_list(key, "integer", doc, rule, value);
  }
  void operator()(const char* key, std::vector<std::string>& value, const char* doc, const Constraint& rule) override {
    add_list(key, "string", doc, rule, value);
  }
  void operator()(const char* key, CountOrNames& value, const char* doc, const Constraint& rule) override {
    const Json count = bounded("integer", {.least = rule.least, .most = rule.most, .open_least = rule.open_least});
    const Json name = bounded("string", {.choices = rule.choices});
    finish(key, {{"anyOf", {count, {{"type", "array"}, {"minItems", 1}, {"items", name}}}}}, doc, rule, value.count);
  }
  void operator()(const char* key, Json& value, const char* doc, const Constraint& rule) override {
    finish(key, Json::object(), doc, rule, value);
  }
  void group(const char* key, const char* doc, const FieldsOf& fields) override {
    properties[key] = schema_of(fields);
    properties[key]["description"] = doc;
  }
  void named(const char* key, const char* doc, Named&& choice) override {
    Json kinds = Json::array();
    for (const auto& kind : choice.kinds) {
      choice.choose(kind.name);
      Json schema = schema_of(choice.fields);
      Json all = {{"name", {{"const", kind.name}, {"description", kind.doc}}}};
      all.update(schema["properties"]);
      schema["properties"] = all;
      if (choice.chosen.empty()) {
        Json wanted = Json::array({"name"});
        if (schema.contains("required"))
          for (const auto& other : schema["required"]) wanted.push_back(other);
        schema["required"] = wanted;
      }
      kinds.push_back(schema);
    }
    properties[key] = {{"description", doc}, {"anyOf", kinds}};
    if (choice.chosen.empty()) needed.push_back(key);
  }
  void list(const char* key, const char* doc, Items&& items) override {
    items.resize(1);
    properties[key] = {{"description", doc},
                       {"type", "array"},
                       {"items", schema_of([&](Fields& f) { items.fields(0, f); })},
                       {"default", Json::array()}};
    items.resize(0);
  }

 private:
  static Json bounded(const char* type, const Constraint& rule) {
    Json json = {{"type", type}};
    if (std::isfinite(rule.least)) json[rule.open_least ? "exclusiveMinimum" : "minimum"] = rule.least;
    if (std::isfinite(rule.most)) json[rule.open_most ? "exclusiveMaximum" : "maximum"] = rule.most;
    if (!rule.choices.empty()) json["enum"] = rule.choices;
    return json;
  }
  template <class T>
  void finish(const char* key, Json json, const char* doc, const Constraint& rule, const T& value) {
    json["description"] = doc;
    if (rule.required)
      needed.push_back(key);
    else
      json["default"] = value;
    properties[key] = std::move(json);
  }
  template <class T>
  void add(const char* key, const char* type, const char* doc, const Constraint& rule, const T& value) {
    finish(key, bounded(type, rule), doc, rule, value);
  }
  template <class T>
  void add_list(const char* key, const char* type, const char* doc, const Constraint& rule, const T& value) {
    const Json one = bounded(type, rule);
    finish(key, {{"anyOf", {one, {{"type", "array"}, {"items", one}}}}}, doc, rule, value);
  }
};

/// What stands for a key's default: "16", "cosine", "1, 2"; "-" where it has none.
std::string default_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>().empty() ? "\"\"" : value.get<std::string>();
  if (!value.is_array()) return value.is_null() || (value.is_object() && value.empty()) ? "-" : value.dump();
  std::vector<std::string> items;
  for (const Json& item : value) items.push_back(default_text(item));
  return items.empty() ? "-" : join(items, ", ");
}

/// A line a key; keys of nested objects as "budget.steps", of lists of objects as "groups[].match".
void describe(const Json& schema, const std::string& prefix, std::string& text) {
  for (const auto& [key, field] : schema.at("properties").items()) {
    const Json& items = field.contains("items") ? field["items"] : field;
    const bool list = &items != &field;
    std::string value = field.contains("default") ? default_text(field["default"]) : "-";
    if (schema.contains("required"))
      for (const Json& needed : schema["required"])
        if (needed == key) value = "required";
    std::string doc = field.value("description", "");
    if (field.contains("enum")) doc += " (" + join(field["enum"].get<std::vector<std::string>>(), ", ") + ")";
    text += line(wrapped(str(left("  " + prefix + key, std::max<std::size_t>(24, prefix.size() + key.size() + 3)), " ",
                             left(value, std::max<std::size_t>(11, width_of(value))), " ", doc),
                         37));
    if (items.contains("properties")) describe(items, prefix + key + (list ? "[]." : "."), text);
  }
}

}  // namespace

Json schema_of(const FieldsOf& fields) {
  SchemaWriter writer;
  fields(writer);
  Json schema = {{"type", "object"}, {"properties", writer.properties}, {"additionalProperties", false}};
  if (!writer.needed.empty()) schema["required"] = writer.needed;
  return schema;
}

std::string describe_fields(const FieldsOf& fields) {
  std::string text;
  describe(schema_of(fields), "", text);
  return text;
}

}  // namespace seqtape
