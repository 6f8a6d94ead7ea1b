#include "core/io/json.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

std::string refusal(const std::string& text) {
  return message_of<ConfigError>([&] { parse_json(text, "x"); });
}
std::string bad(const std::function<void()>& read) { return message_of<CheckpointError>(read); }

}  // namespace

TEST_CASE("JSON: what is read comes back as it was, keys in order") {
  for (const char* text : {R"({"b":1,"a":[1,-2,3.5,true,null,"x\u0000\n"],"c":{"d":{}}})", "[]", "7", "\"word\"",
                           "null", R"([18446744073709551615,-9223372036854775808])"})
    CHECK_EQ(parse_json(text, "x").dump(), text);
  CHECK_EQ(parse_json("\xEF\xBB\xBF{}", "x").dump(), "{}");
  CHECK_EQ(parse_json("// a\n{} /* b */", "x", true).dump(), "{}");
}

TEST_CASE("JSON: nothing follows the text, and nothing hides after a NUL") {
  for (const std::string& tail : {std::string("\0", 1), std::string("\0\0", 2), std::string("\0{}", 3)})
    CHECK_EQ(refusal("{}\n" + tail), "x:2: not valid JSON: byte 3 is a NUL");
  CHECK(refusal("{} {}").starts_with("x:1: not valid JSON: "));
  CHECK(refusal("{}x").starts_with("x:1: not valid JSON: "));
  CHECK(refusal("").starts_with("x:1: not valid JSON: "));
  CHECK(refusal("{\n\"a\": }").starts_with("x:2: not valid JSON: "));
  CHECK(refusal("[1e400]").find("not valid JSON") != std::string::npos);
  CHECK(refusal("\"\xff\"").find("not valid JSON") != std::string::npos);
  CHECK_EQ(refusal("{\"a\": 1,\n\"a\": 2}"), "x:2: the key \"a\" is given twice");
  CHECK_EQ(refusal(std::string(65, '[') + std::string(65, ']')), "x: nested deeper than 64");
  CHECK_EQ(refusal(std::string(64, '[') + std::string(64, ']')), "");
  CHECK_FALSE(parse_json_line("{\"step\": 1}" + std::string(4, '\0')));
  CHECK_FALSE(parse_json_line("{\"step\": "));
  CHECK_EQ(*parse_json_line("{\"step\": 1}\r"), Json({{"step", 1}}));
}

TEST_CASE("JSON: 200,000 keys take a time that grows with them") {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i) text += str(i ? "," : "", "\"k", i, "\":1");
  const auto start = Clock::now();
  CHECK_EQ(parse_json(text + "}", "x").size(), 200000);
  CHECK(seconds_since(start) < 30);
}

TEST_CASE("Python's numbers beyond JSON") {
  const auto read = [](const char* text) { return parse_python_json(text, "x").dump(); };
  CHECK_EQ(read("[0.0, Infinity]"), R"([0.0,{"__float__":"Infinity"}])");
  CHECK_EQ(read("{\"a\":-Infinity,\"b\":NaN}"), R"({"a":{"__float__":"-Infinity"},"b":{"__float__":"NaN"}})");
  CHECK_EQ(read(R"(["NaN", "a \" Infinity", "\\", -1])"), R"(["NaN","a \" Infinity","\\",-1])");
  CHECK(message_of<ConfigError>([&] { read("[NaNs]"); }).find("not valid JSON") != std::string::npos);
  CHECK(message_of<ConfigError>([&] { read("[+Infinity]"); }).find("not valid JSON") != std::string::npos);
  CHECK(refusal("[Infinity]").find("not valid JSON") != std::string::npos);
}

TEST_CASE("a file that is read back: a value, or an error with its place") {
  const JsonValue root(
      parse_json(R"({"a": {"list": [1, "x", true, -3]}, "none": null, "big": 18446744073709551615})", "f"), "f.json");
  CHECK_EQ(root["a"]["list"].items()[1].text(), "x");
  CHECK_EQ(root["a"]["list"].items()[3].whole(), -3);
  CHECK_EQ(root["a"]["list"].items()[0].number(), 1);
  CHECK(root["a"]["list"].items()[2].flag());
  CHECK(root.has("a"));
  CHECK_FALSE(root.has("none"));
  CHECK_FALSE(root.has("nowhere"));
  CHECK_EQ(root.members().size(), 3);
  CHECK_EQ(bad([&] { root["nowhere"]; }), "f.json: has no \"nowhere\"");
  CHECK_EQ(bad([&] { root["a"]["x\x1b"]; }), "f.json: a: has no \"x\\x1b\"");
  CHECK_EQ(bad([&] { root["none"]["x"]; }), "f.json: none: should be an object, is null");
  CHECK_EQ(bad([&] { root["a"].items(); }), "f.json: a: should be a list, is object");
  CHECK_EQ(bad([&] { root["a"]["list"].members(); }), "f.json: a.list: should be an object, is array");
  CHECK_EQ(bad([&] { root["a"]["list"].items()[0].text(); }), "f.json: a.list[0]: should be a string, is number");
  CHECK_EQ(bad([&] { root["a"]["list"].items()[0].flag(); }), "f.json: a.list[0]: should be true or false, is number");
  CHECK_EQ(bad([&] { root["a"]["list"].items()[1].number(); }), "f.json: a.list[1]: should be a number, is string");
  CHECK_EQ(bad([&] { root["a"]["list"].items()[3].whole(0, 9); }),
           "f.json: a.list[3]: should be a whole number from 0 to 9, is -3");
  CHECK(bad([&] { root["big"].whole(); }).ends_with("is 18446744073709551615"));
  const JsonValue kept = JsonValue(parse_json(R"({"a": "long enough to be on the heap"})", "f"), "f")["a"];
  CHECK_EQ(kept.text(), "long enough to be on the heap");  // the document is kept

  const TemporaryFolder folder;
  write_file(folder / "x.json", "{\"a\": Infinity}");
  CHECK(JsonValue::read(folder / "x.json")["a"].is_object());
  CHECK(bad([&] { JsonValue::read(folder / "no.json"); }).ends_with("no.json: does not exist"));
  CHECK(bad([&] { JsonValue::read(folder.path()); }).ends_with(": is not a file"));
  REQUIRE_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  CHECK(bad([&] { JsonValue::read(folder / "pipe"); }).ends_with("pipe: is not a file"));
}
