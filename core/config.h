#pragma once
// Config structs. A struct lists its fields once, in `fields(Fields&)`; reading, writing back with defaults, the
// documentation and the JSON Schema are visits of that list, so they cannot disagree.

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/io/json.h"
#include "core/real.h"

namespace seqtape {

/// What a value must satisfy, and what may happen to it later. `choices` are for strings; of a list, the bounds hold
/// for each number.
struct Constraint {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool open_least = false;  ///< the value must be > least
  bool open_most = false;   ///< the value must be < most
  std::vector<std::string> choices{};
  bool required = false;
  bool may_change = false;  ///< on a resume: it sets how long or how often, not what is computed
  bool resolves = false;    ///< "auto", or 0, is replaced by what the data give, and the run saves that
};

inline Constraint positive() { return {.least = 0, .open_least = true}; }
inline Constraint positive_up_to(double most) { return {.least = 0, .most = most, .open_least = true}; }
inline Constraint at_least(double least) { return {.least = least}; }
inline Constraint between(double least, double most) { return {.least = least, .most = most}; }
/// [0, 1): dropout rates, betas.
inline Constraint below_one() { return {.least = 0, .most = 1, .open_most = true}; }
inline Constraint one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }
inline Constraint required() { return {.required = true}; }
inline Constraint may_change(Constraint rule = {}) {
  rule.may_change = true;
  return rule;
}
inline Constraint resolves(Constraint rule = {}) {
  rule.resolves = true;
  return rule;
}

/// A number of items, or the list of their names: "layers": 4, or ["mamba", "transformer"].
struct CountOrNames {
  Index count = 0;
  std::vector<std::string> names{};
};

struct Named;
struct Items;

/// One visit of a struct's fields, in order.
class Fields {
 public:
  virtual ~Fields() = default;
  virtual void operator()(const char* key, Index& value, const char* doc, const Constraint& = {}) = 0;
  virtual void operator()(const char* key, double& value, const char* doc, const Constraint& = {}) = 0;
  /// A number, or null or absent: not set.
  virtual void operator()(const char* key, std::optional<double>& value, const char* doc, const Constraint& = {}) = 0;
  /// True or false, or null or absent: not set.
  virtual void operator()(const char* key, std::optional<bool>& value, const char* doc, const Constraint& = {}) = 0;
  virtual void operator()(const char* key, bool& value, const char* doc, const Constraint& = {}) = 0;
  virtual void operator()(const char* key, std::string& value, const char* doc, const Constraint& = {}) = 0;
  virtual void operator()(const char* key, std::vector<double>& value, const char* doc, const Constraint& = {}) = 0;
  virtual void operator()(const char* key, std::vector<Index>& value, const char* doc, const Constraint& = {}) = 0;
  virtual void operator()(const char* key, std::vector<std::string>& value, const char* doc,
                          const Constraint& = {}) = 0;
  virtual void operator()(const char* key, CountOrNames& value, const char* doc, const Constraint& = {}) = 0;
  /// Any JSON value, unchanged.
  virtual void operator()(const char* key, Json& value, const char* doc, const Constraint& = {}) = 0;
  /// A nested object.
  virtual void group(const char* key, const char* doc, const std::function<void(Fields&)>& fields) = 0;
  /// A nested object whose key "name" chooses among kinds, each with fields of its own.
  virtual void named(const char* key, const char* doc, Named&& choice) = 0;
  /// A list of objects of one kind.
  virtual void list(const char* key, const char* doc, Items&& items) = 0;
};

/// The argument of `Fields::named`: the known kinds, and how to visit the fields of one.
struct Named {
  struct Kind {
    std::string name, doc;
  };
  std::vector<Kind> kinds;
  std::string chosen;  ///< "" until read; then the kind's name
  /// Makes a fresh object of the kind.
  std::function<void(const std::string& name)> choose;
  /// Visits the fields of the object made last.
  std::function<void(Fields&)> fields;
};

/// The argument of `Fields::list`: the number of items, and how to visit the fields of one.
struct Items {
  std::function<std::size_t()> size;
  std::function<void(std::size_t)> resize;
  std::function<void(std::size_t, Fields&)> fields;
};

/// T has `void fields(Fields&)`.
template <class T>
Items items(std::vector<T>& list) {
  return {[&list] { return list.size(); }, [&list](std::size_t size) { list.resize(size); },
          [&list](std::size_t i, Fields& visit) { list[i].fields(visit); }};
}

/// Kinds of T by name; T has `void fields(Fields&)`. Adding a kind is a line in the table that fills this.
template <class T>
struct Registry {
  struct Entry {
    std::string name, doc;
    std::function<std::unique_ptr<T>()> make;
  };
  std::vector<Entry> entries;

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Entry& entry : entries) names.push_back(entry.name);
    return names;
  }
  const Entry* find(const std::string& name) const {
    for (const Entry& entry : entries)
      if (entry.name == name) return &entry;
    return nullptr;
  }
};

/// Visits `object`, an object of the kind `name`; a read replaces both.
template <class T>
Named named(const Registry<T>& registry, std::string& name, std::unique_ptr<T>& object) {
  Named choice;
  for (const auto& entry : registry.entries) choice.kinds.push_back({entry.name, entry.doc});
  choice.chosen = name;
  choice.choose = [&registry, &name, &object](const std::string& chosen) {
    name = chosen;
    object = registry.find(chosen)->make();
  };
  choice.fields = [&object](Fields& visit) { object->fields(visit); };
  return choice;
}

using FieldsOf = std::function<void(Fields&)>;

enum class Unknown { refused, ignored };

/// Fills the fields from a JSON object; absent keys keep their defaults. Throws ConfigError with the key's path for an
/// unknown key (with the nearest known one), a wrong type, or a value outside its constraint. `path` is the prefix, ""
/// at top.
void read_fields(const FieldsOf&, const Json&, const std::string& path, Unknown = Unknown::refused);
/// The fields with their current values.
Json write_fields(const FieldsOf&);
/// A JSON Schema (draft 2020-12) of the fields, with descriptions and defaults.
Json schema_of(const FieldsOf&);
/// Lines "key  default  doc" within 80 columns, for help and docs.
std::string describe_fields(const FieldsOf&);

/// The constraint of every field, by its path: "train.steps". Lists count as one field.
std::map<std::string, Constraint> constraints_of(const FieldsOf&);

/// Sets `json` at "a.b.c" from an assignment on the command line, "a.b.c=value". How the value is parsed depends on the
/// field: a string takes it literally (2024, true, 1e3; of quoted text, the content), any other field parses it as
/// JSON. Until `read_fields` it is kept as a binary value, which JSON text cannot contain. Throws ConfigError when
/// there is no `=`, or a part of the path is not an object.
void set_path(Json& json, const std::string& assignment);

}  // namespace seqtape
