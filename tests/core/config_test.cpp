#include "core/config.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "core/strings.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;

namespace {

struct Inner {
  Index d_state = 16;
  std::vector<double> betas{0.9, 0.999};
  void fields(Fields& f) {
    f("d_state", d_state, "states", at_least(1));
    f("betas", betas, "decays", below_one());
  }
};

struct Outer {
  double lr = 1e-3;
  bool on = false;
  std::string kind = "cosine";
  Inner model;
  void fields(Fields& f) {
    f("lr", lr, "rate", positive());
    f("on", on, "switch");
    f("kind", kind, "shape", one_of({"cosine", "linear"}));
    f.group("model", "the model", [this](Fields& nested) { model.fields(nested); });
  }
};

std::string error_of(const std::string& text) {
  return message_of<ConfigError>([&] {
    Outer config;
    read_fields([&](Fields& f) { config.fields(f); }, parse_json(text, "c.json"), "");
  });
}

}  // namespace

TEST_CASE("values are read, absent keys keep their defaults, and all is written back") {
  Outer config;
  const FieldsOf fields = [&](Fields& f) { config.fields(f); };
  read_fields(fields, parse_json(R"({"lr": 2, "model": {"d_state": 1e3}})", "c.json"), "");
  CHECK_EQ(config.lr, 2);
  CHECK_EQ(config.model.d_state, 1000);
  CHECK_EQ(write_fields(fields).dump(),
           R"({"lr":2.0,"on":false,"kind":"cosine","model":{"d_state":1000,"betas":[0.9,0.999]}})");
}

TEST_CASE("errors name the key, the rule and what was got") {
  CHECK_EQ(error_of(R"({"model": {"d_stat": 1}})"), R"(model.d_stat: unknown key; did you mean "d_state"?)");
  CHECK_EQ(error_of(R"({"zzz": 1})"), "zzz: unknown key; known: lr, on, kind, model");
  CHECK_EQ(error_of(R"({"lr": -4})"), "lr: must be > 0, got -4");
  CHECK_EQ(error_of(R"({"lr": "fast"})"), R"(lr: must be a number, got "fast")");
  CHECK_EQ(error_of(R"({"model": {"d_state": 1.5}})"), "model.d_state: must be a whole number, got 1.5");
  CHECK_EQ(error_of(R"({"model": {"d_state": 0}})"), "model.d_state: must be >= 1, got 0");
  CHECK_EQ(error_of(R"({"model": {"d_state": 99999999999999999999}})"),
           "model.d_state: must be a whole number, got 1e+20");
  CHECK_EQ(error_of(R"({"model": {"d_state": 9223372036854775808}})"),
           "model.d_state: too large, got 9223372036854775808");
  CHECK_EQ(error_of(R"({"model": {"betas": [0.9, 1]}})"), "model.betas[1]: must be < 1, got 1");
  CHECK_EQ(error_of(R"({"model": 3})"), "model: must be an object, got 3");
  CHECK_EQ(error_of(R"({"on": 1})"), "on: must be true or false, got 1");
  CHECK_EQ(error_of(R"({"kind": "cosin"})"), R"(kind: unknown name "cosin"; did you mean "cosine"?)");
  CHECK_EQ(error_of(R"([])"), "config: must be an object, got []");
}

TEST_CASE("syntax errors name the line") {
  CHECK(error_of("{\n\"lr\": 1,\n\"lr\": 2}") == "c.json:3: the key \"lr\" is given twice");
  CHECK(error_of("{\n\"lr\": }").rfind("c.json:2: not valid JSON: ", 0) == 0);
  CHECK(error_of("{} {}").rfind("c.json:1: not valid JSON: ", 0) == 0);
  CHECK(error_of("").rfind("c.json:1: not valid JSON: ", 0) == 0);
  CHECK(error_of(std::string(5000, '[')).rfind("c.json: nested deeper than 64", 0) == 0);
}

TEST_CASE("--set reaches nested keys") {
  Json json = {{"model", {{"d_state", 4}}}};
  set_path(json, "model.d_state=8");
  set_path(json, "train.batch=2");
  set_path(json, "task.name=text");
  set_path(json, R"(optimizer={"name": "sgd"})");
  set_path(json, "optimizer.momentum=0.5");
  struct Read {
    Index d_state = 0, batch = 0;
    double momentum = 0;
    std::string task, optimizer;
    void fields(Fields& f) {
      f.group("model", "", [&](Fields& g) { g("d_state", d_state, ""); });
      f.group("train", "", [&](Fields& g) { g("batch", batch, ""); });
      f.group("task", "", [&](Fields& g) { g("name", task, ""); });
      f.group("optimizer", "", [&](Fields& g) { g("name", optimizer, ""), g("momentum", momentum, ""); });
    }
  } read;
  const auto fields = [&](Fields& f) { read.fields(f); };
  read_fields(fields, json, "");
  CHECK_EQ(
      write_fields(fields).dump(),
      R"({"model":{"d_state":8},"train":{"batch":2},"task":{"name":"text"},"optimizer":{"name":"sgd","momentum":0.5}})");
  CHECK_EQ(message_of<ConfigError>([&] { set_path(json, "oops"); }), "--set oops: must be key.path=value");
  CHECK_EQ(message_of<ConfigError>([&] { set_path(json, "model.d_state.x=1"); }),
           "--set model.d_state.x=1: d_state is not an object");
}

TEST_CASE("--set leaves a word to a field of text, and reads it as JSON for any other") {
  struct Read {
    std::string text;
    std::vector<std::string> list;
    Index number = 0;
    bool flag = false;
    void fields(Fields& f) { f("text", text, ""), f("list", list, ""), f("number", number, ""), f("flag", flag, ""); }
  };
  const auto set = [](const std::string& assignment) {
    Json json = Json::object();
    set_path(json, assignment);
    Read read;
    const auto fields = [&](Fields& f) { read.fields(f); };
    read_fields(fields, json, "");
    return write_fields(fields);
  };
  for (const std::string word : {"2024", "true", "null", "1e3", "+1", "-0", "0x10", "a b", "", "{", "[1", "007"})
    CHECK_EQ(set("text=" + word)["text"], word);
  CHECK_EQ(set(R"(text="2024")")["text"], "2024");
  CHECK_EQ(set("list=2024")["list"], Json::array({"2024"}));
  CHECK_EQ(set(R"(list=["a", "b"])")["list"], Json::array({"a", "b"}));
  CHECK_EQ(set("number=9007199254740993")["number"], 9007199254740993);
  CHECK_EQ(set("number=1e3")["number"], 1000);
  CHECK_EQ(set("flag=true")["flag"], true);
  CHECK_EQ(message_of<ConfigError>([&] { set("number=1_000"); }), "number: must be a whole number, got \"1_000\"");
  CHECK_EQ(message_of<ConfigError>([&] { set("flag=yes"); }), "flag: must be true or false, got \"yes\"");
  CHECK_EQ(message_of<ConfigError>([&] { set(R"(text=["a"])"); }), "text: must be a string, got [\"a\"]");
}

TEST_CASE("every field has its constraint, by its path") {
  Index steps = 1, width = 2;
  bool quiet = false;
  std::string letters;
  const auto fields = [&](Fields& f) {
    f("width", width, "");
    f("letters", letters, "", resolves());
    f.group("train", "", [&](Fields& g) {
      g("steps", steps, "", may_change(positive()));
      g("quiet", quiet, "", may_change());
    });
  };
  std::map<std::string, Constraint> all = constraints_of(fields);
  CHECK_EQ(all.size(), 4);
  CHECK(all["train.steps"].may_change);
  CHECK(all["train.steps"].open_least);
  CHECK(all["train.quiet"].may_change);
  CHECK_FALSE(all["width"].may_change);
  CHECK(all["letters"].resolves);
  CHECK_FALSE(all["width"].resolves);
}

TEST_CASE("keys of a later program are refused in a config and ignored in a state") {
  Index steps = 1;
  const auto fields = [&](Fields& f) { f("steps", steps, ""); };
  const Json later = {{"steps", 7}, {"unheard_of", 1}};
  CHECK_EQ(message_of<ConfigError>([&] { read_fields(fields, later, ""); }), "unheard_of: unknown key; known: steps");
  read_fields(fields, later, "", Unknown::ignored);
  CHECK_EQ(steps, 7);
}

TEST_CASE("the schema says what the parser says") {
  Outer config;
  const Json schema = schema_of([&](Fields& f) { config.fields(f); });
  CHECK_EQ(schema["properties"]["lr"]["exclusiveMinimum"], 0);
  CHECK_EQ(schema["properties"]["kind"]["enum"].size(), 2);
  CHECK_EQ(schema["properties"]["model"]["properties"]["d_state"]["default"], 16);
  CHECK_EQ(schema["additionalProperties"], false);
}

TEST_CASE("optional numbers and lists of objects") {
  struct Item {
    std::string name;
    std::optional<double> rate;
    void fields(Fields& f) {
      f("name", name, "", required());
      f("rate", rate, "a rate", at_least(0));
    }
  };
  std::vector<Item> list(3);
  const auto fields = [&](Fields& f) { f.list("items", "some", items(list)); };
  read_fields(fields,
              Json::parse(R"({"items": [{"name": "a", "rate": 0.5}, {"name": "b", "rate": null}, {"name": "c"}]})"),
              "");
  REQUIRE_EQ(list.size(), 3);
  CHECK(list[0].rate == 0.5);
  CHECK_FALSE(list[1].rate.has_value());
  CHECK_EQ(write_fields(fields).dump(),
           R"({"items":[{"name":"a","rate":0.5},{"name":"b","rate":null},{"name":"c","rate":null}]})");
  const auto error = [&](const char* json) {
    return message_of<ConfigError>([&] { read_fields(fields, Json::parse(json), ""); });
  };
  CHECK_EQ(error(R"({"items": {"name": "a"}})"), R"(items: must be a list of objects, got {"name":"a"})");
  CHECK_EQ(error(R"({"items": [{"name": "a"}, {"nam": "b"}]})"), "items[1].name: is required");
  CHECK_EQ(error(R"({"items": [{"name": "a", "rate": -1}]})"), "items[0].rate: must be >= 0, got -1");
  CHECK_EQ(error(R"({"items": [3]})"), "items[0]: must be an object, got 3");
  const Json schema = schema_of(fields);
  CHECK_EQ(schema["properties"]["items"]["items"]["properties"]["rate"]["type"], Json::array({"number", "null"}));
}

TEST_CASE("patterns with * and ?") {
  CHECK(matches("blocks.2.mixer.a_log", "*.a_log"));
  CHECK(matches("blocks.2.mixer.a_log", "blocks.?.mixer.*"));
  CHECK(matches("abc", "a*b*c*"));
  CHECK(matches("", "*"));
  CHECK(matches("aab", "*ab"));
  CHECK_FALSE(matches("blocks.12.norm", "blocks.?.norm"));
  CHECK_FALSE(matches("abc", "ab"));
  CHECK_FALSE(matches("abc", ""));
  CHECK_FALSE(matches("abc", "*d"));
}
