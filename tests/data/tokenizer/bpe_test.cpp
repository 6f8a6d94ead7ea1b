#include "data/tokenizer/bpe.h"

#include <doctest/doctest.h>

#include <chrono>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/json.h"
#include "core/strings.h"
#include "data/tokenizer/pattern.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

using Ids = std::vector<std::int32_t>;

// The expected ids of this file's texts are those of tokenizers 0.23 and of @huggingface/transformers 4.3.
constexpr char kSmall[] = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [
    {"id": 0, "content": "<|endoftext|>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
     "special": true},
    {"id": 40, "content": "   ", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true,
     "special": false},
    {"id": 41, "content": "<|end", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
     "special": false}],
  "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]},
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
  "post_processor": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true},
  "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true},
  "model": {
    "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": "",
    "fuse_unk": false, "byte_fallback": false,
    "vocab": {"<|endoftext|>": 0, "h": 1, "e": 2, "l": 3, "o": 4, "w": 5, "r": 6, "d": 7, "'": 8, "s": 9, "t": 10,
      "a": 11, "1": 12, "2": 13, "!": 14, "Ġ": 15, "Ċ": 16, "Ã": 17, "©": 18, "Ì": 19, "ģ": 20, "ÿ": 21, "<": 22,
      "|": 23, "he": 24, "ll": 25, "hell": 26, "hello": 27, "Ġw": 28, "or": 29, "Ġwor": 30, "'s": 31, "Ã©": 32,
      "aa": 33, "aaaa": 34, "ĠĠ": 35, "12": 36, "Ġhe": 37, "tÃ": 38, "o!": 39},
    "merges": ["h e", "l l", "he ll", "hell o", "o r", "Ġ w", "Ġw or", "' s", "Ã ©", "a a", "aa aa", "Ġ Ġ", "1 2",
      "Ġ he", "t Ã", "o !"]}
})";

Json small() { return parse_json(kSmall, "small"); }

BpeTokenizer tokenizer(const Json& json) {
  const TemporaryFolder folder;
  write_file(folder / "tokenizer.json", json.dump());
  return BpeTokenizer::read(folder / "tokenizer.json");
}

std::string decoded(const BpeTokenizer& tokenizer, const Ids& ids) {
  std::string text;
  for (const std::int32_t id : ids) text += tokenizer.bytes(id);
  return text;
}

/// What reading this says, without the path and line; "" when it is accepted.
std::string refusal(const std::string& content) {
  const TemporaryFolder folder;
  write_file(folder / "x.json", content);
  const std::string what = message_of<CheckpointError>([&] { BpeTokenizer::read(folder / "x.json"); });
  const std::size_t at = what.find("x.json:");
  return at == std::string::npos ? "" : what.substr(what.find(' ', at) + 1);
}
/// ... with this value in place of the small tokenizer's, at a path such as "/model/vocab".
std::string refusal(const std::string& at, const Json& value) {
  Json json = small();
  json[Json::json_pointer(at)] = value;
  return refusal(json.dump());
}
std::string starts(const std::string& text, const std::string& with) { return text.substr(0, with.size()); }

Json split(const std::string& pattern) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}
Json sequence(const Json& split, bool prefix = false) {
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"use_regex", false}};
  return {{"type", "Sequence"}, {"pretokenizers", Json::array({split, bytes})}};
}

}  // namespace

TEST_CASE("the ids are those of the library") {
  const BpeTokenizer small_one = tokenizer(small());
  CHECK_EQ(small_one.size(), 42);
  const std::vector<std::pair<std::string, Ids>> cases = {
      {"", {}},
      {"hello", {27}},
      {"hello world", {27, 30, 3, 7}},
      {"hello's 12\n\n hell", {27, 31, 15, 36, 16, 16, 15, 26}},
      {"  hello", {15, 15, 27}},
      {"hello  ", {27, 35}},
      {"   hello    world     he", {40, 27, 40, 30, 3, 7, 40, 15, 37}},
      {"12hello!", {36, 27, 14}},
      {"h é", {1, 15, 32}},
      {"he\u0301", {1, 32}},
      {"e\u0301e\u0301!", {32, 32, 14}},
      {"<|endoftext|>", {0}},
      {"hello<|endoftext|> world<|endoftext|>", {27, 0, 30, 3, 7, 0}},
      {"<|end|<|endo", {41, 23, 41, 4}},
      {"<|<|end", {22, 23, 41}},
      {"aaaaaaa", {34, 33, 11}},
      {"a<|endoftext|>aa", {11, 0, 33}},
  };
  for (const auto& [text, ids] : cases) {
    CAPTURE(text);
    CHECK(small_one.encode(text) == ids);
    if (text.find("\u0301") == std::string::npos) CHECK_EQ(decoded(small_one, ids), text);
  }
}

TEST_CASE("a blank in front, where the file asks for it: of each text between added tokens") {
  Json json = small();
  json["pre_tokenizer"]["add_prefix_space"] = true;
  const BpeTokenizer spaced = tokenizer(json);
  CHECK(spaced.encode("").empty());
  CHECK(spaced.encode("hello world") == Ids{15, 27, 30, 3, 7});
  CHECK(spaced.encode(" hello<|endoftext|>hello") == Ids{15, 27, 0, 15, 27});
}

TEST_CASE("patterns: none, the file's own, and one that matches nothing but cuts") {
  Json json = small();
  json["pre_tokenizer"]["use_regex"] = false;
  CHECK(tokenizer(json).encode("hello!té") == Ids{27, 14, 10, 32});
  json["pre_tokenizer"] = sequence(split("[eo]"));
  CHECK(tokenizer(json).encode("hello world") == Ids{1, 2, 25, 4, 28, 4, 6, 3, 7});
  json["pre_tokenizer"] = sequence(split("[eo]"), true);
  CHECK(tokenizer(json).encode("hello") == Ids{15, 1, 15, 2, 15, 25, 15, 4});
  json["pre_tokenizer"] = sequence(split("(?=l)"));
  CHECK(tokenizer(json).encode("hello éll") == Ids{24, 3, 3, 4, 15, 32, 3, 3});
  json["pre_tokenizer"] = sequence(split("(a+)+[!?]"));
  CHECK_THROWS_AS(static_cast<void>(tokenizer(json).encode(std::string(1000, 'a'))), DataError);
}

TEST_CASE("merges as pairs; whole pieces before merges; unk_token") {
  Json json = small();
  for (Json& merge : json["model"]["merges"]) {
    const std::string both = merge.get<std::string>();
    const std::size_t blank = both.find(' ');
    merge = Json::array({both.substr(0, blank), both.substr(blank + 1)});
  }
  CHECK(tokenizer(json).encode("hello world") == tokenizer(small()).encode("hello world"));

  json["model"]["vocab"]["world"] = 42;
  CHECK(tokenizer(json).encode("world") == Ids{5, 29, 3, 7});
  json["model"]["ignore_merges"] = true;
  CHECK(tokenizer(json).encode("world") == Ids{42});

  CHECK_EQ(message_of<DataError>([&] { tokenizer(json).encode("xyes"); }),
           "the tokenizer has no token for the byte 120 and no unk_token");
  json["model"]["unk_token"] = "<|endoftext|>";
  CHECK(tokenizer(json).encode("xyes") == Ids{0, 0, 2, 9});
  json["model"]["fuse_unk"] = true;
  CHECK(tokenizer(json).encode("xyesx x") == Ids{0, 2, 9, 0, 15, 0});
}

TEST_CASE("bytes that are no UTF-8 are pieces of their own") {
  const BpeTokenizer small_one = tokenizer(small());
  CHECK(small_one.encode("\xFF") == Ids{21});
  CHECK(small_one.encode("hello\xFF\xFFhello") == Ids{27, 21, 21, 27});
  CHECK(small_one.encode("a\xC3") == Ids{11, 17});       // cut off
  CHECK(small_one.encode("t\xC3t") == Ids{10, 17, 10});  // not "tÃ", which is a token
  CHECK(small_one.encode("\xA9\xCC\x81<|endoftext|>\xFF") == Ids{18, 19, 20, 0, 21});
  Json json = small();
  json["pre_tokenizer"]["add_prefix_space"] = true;
  CHECK(tokenizer(json).encode("hello\xFFhello") == Ids{15, 27, 21, 27});
}

TEST_CASE("a long word costs no square of its length") {
  const BpeTokenizer small_one = tokenizer(small());
  const std::string text(100003, 'a');
  const auto begin = std::chrono::steady_clock::now();
  const Ids ids = small_one.encode(text);
  CHECK_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 1);
  Ids expected(25000, 34);
  expected.insert(expected.end(), {33, 11});
  CHECK(ids == expected);
  CHECK_EQ(small_one.encode(std::string(100000, '\xFF')).size(), 100000);
  std::string words;
  for (int i = 0; i < 20000; ++i) words += " wor";
  CHECK(small_one.encode(words) == Ids(20000, 30));
}

TEST_CASE("ids without a token, and ids outside") {
  Json json = small();
  json["added_tokens"][1]["id"] = 50;
  const BpeTokenizer gap = tokenizer(json);
  CHECK_EQ(gap.size(), 51);
  CHECK_EQ(gap.bytes(0), "<|endoftext|>");
  CHECK_EQ(gap.bytes(32), "é");
  CHECK_EQ(gap.bytes(45), "");
  CHECK_EQ(gap.bytes(50), "   ");
  CHECK_EQ(message_of<DataError>([&] { gap.bytes(51); }), "token 51: the tokenizer's ids are 0 to 50");
  CHECK_THROWS_AS(static_cast<void>(gap.bytes(-1)), DataError);
}

TEST_CASE("what is not supported is named") {
  CHECK_EQ(refusal("/model/type", "Unigram"), "model.type: \"Unigram\" is not supported; \"BPE\" is");
  CHECK_EQ(refusal("/model/byte_fallback", true), "model.byte_fallback: true is not supported");
  CHECK_EQ(refusal("/model/dropout", 0.1), "model.dropout: is not supported");
  CHECK_EQ(refusal("/model/continuing_subword_prefix", "##"), "model.continuing_subword_prefix: is not supported");
  CHECK_EQ(refusal("/model/end_of_word_suffix", "</w>"), "model.end_of_word_suffix: is not supported");
  CHECK_EQ(refusal("/normalizer/normalizers/0/type", "Lowercase"),
           "normalizer.normalizers[0].type: \"Lowercase\" is not supported; \"NFC\" and \"Sequence\" are");
  CHECK_EQ(refusal("/pre_tokenizer/type", "Metaspace"),
           "pre_tokenizer: is not supported without a \"ByteLevel\" at its end");
  CHECK_EQ(refusal("/pre_tokenizer", sequence({{"type", "Digits"}})),
           "pre_tokenizer.pretokenizers[0].type: \"Digits\" is not supported; \"Split\" is, before \"ByteLevel\"");
  CHECK_EQ(refusal("/decoder/type", "WordPiece"), "decoder.type: \"WordPiece\" is not supported; \"ByteLevel\" is");
  CHECK_EQ(refusal("/added_tokens/1/lstrip", true), "added_tokens[1].lstrip: true is not supported");
  Json step = split("a");
  step["behavior"] = "Removed";
  CHECK_EQ(refusal("/pre_tokenizer", sequence(step)),
           "pre_tokenizer.pretokenizers[0].behavior: \"Removed\" is not supported; \"Isolated\" is");
  const std::string regex = "pre_tokenizer.pretokenizers[0].pattern.Regex: ";
  CHECK_EQ(refusal("/pre_tokenizer", sequence(split("(a"))), regex + "at byte 2: missing closing parenthesis");
  CHECK_EQ(refusal("/pre_tokenizer", sequence(split("[a&&b]"))), regex + "&& is not supported");
  CHECK_EQ(refusal("/pre_tokenizer", sequence(split("[a[b]]"))), regex + "a set within a set is not supported");
  CHECK_EQ(starts(refusal("/pre_tokenizer", sequence(split("\\C"))), regex), regex);
  CHECK_EQ(refusal("/pre_tokenizer", sequence(split("[[:alpha:]\\[]|&&"))), "");
}

TEST_CASE("patterns: blanks and words are what Oniguruma, the tokenizers library's, takes for them") {
  const auto pieces = [](const std::string& pattern, const std::string& text) {
    std::vector<std::string> all;
    Pattern(pattern).cut(text, [&](std::string_view piece) { all.emplace_back(piece); });
    return join(all, "|");
  };
  // U+180E was a blank before Unicode 6.3; U+0085, U+3000 and U+2009 are blanks.
  const std::string vowel = "\u180e", three = "\u0085\u3000\u2009";
  CHECK_EQ(pieces("\\s+", "a" + vowel + "b" + three + "c"), "a" + vowel + "b|" + three + "|c");
  CHECK_EQ(pieces("\\S+", "a" + vowel + " b"), "a" + vowel + "| |b");
  CHECK_EQ(pieces("[^\\s\\p{L}]+", "a" + vowel + three + "b"), "a|" + vowel + "|" + three + "b");
  CHECK_EQ(pieces("[\\S]+", three + vowel), three + "|" + vowel);
  CHECK_EQ(pieces("[[:space:]x]+", "a" + vowel + "x b"), "a" + vowel + "|x |b");
  CHECK_EQ(pieces("[[:^space:]]+", vowel + " b"), vowel + "| |b");
  CHECK_EQ(pieces("\\s+(?!\\S)|\\s+", "a  b \n"), "a| | |b| \n");
  // A mark belongs to its letter, and a connector to the word.
  CHECK_EQ(pieces("\\w+|[^\\w\\s]+", "e\u0301a_b\u203f1, c"), "e\u0301a_b\u203f1|,| |c");
  CHECK_EQ(pieces("\\W+", "e\u0301, a"), "e\u0301|, |a");
  CHECK_EQ(pieces("\\b", "ab, e\u0301"), "ab|, |e\u0301");
  CHECK_EQ(pieces("b\\Bc", "abc b c"), "a|bc| b c");
  CHECK_EQ(pieces("\\\\s", "a\\s b"), "a|\\s| b");  // a backslash and an s
  for (const char* pattern : {"\\v", "\\h", "\\N", "[\\W]", "[a&&b]", "[a[b]]"})
    CHECK(message_of<CheckpointError>([&] { Pattern{pattern}; }).ends_with("is not supported"));
}

TEST_CASE("hostile files are refused") {
  const std::string text = kSmall;
  const TemporaryFolder folder;
  CHECK_THROWS_AS(BpeTokenizer::read(folder / "nowhere.json"), CheckpointError);
  CHECK_THROWS_AS(BpeTokenizer::read(folder.path()), CheckpointError);
  for (std::size_t size = 0; size < text.size(); size += 37) CHECK_NE(refusal(text.substr(0, size)), "");
  CHECK_EQ(refusal("[]"), "tokenizer: should be an object, is array");
  CHECK_EQ(refusal("{}"), "tokenizer: has no \"model\"");
  CHECK_EQ(refusal(std::string(100000, '[')), "nested deeper than 64");
  CHECK_EQ(starts(refusal("{\"model\": \"\xFF\"}"), "not valid JSON"), "not valid JSON");
  CHECK_EQ(refusal("{\"a\": {\"b\": 1, \"b\": 2}}"), "the key \"b\" is given twice");

  CHECK_EQ(refusal("/model/vocab", Json::array()), "model.vocab: should be an object, is array");
  CHECK_EQ(refusal("/model/vocab/h", "1"), "model.vocab.h: should be a whole number from 0 to 4194303, is string");
  CHECK_EQ(refusal("/model/vocab/h", -1), "model.vocab.h: should be a whole number from 0 to 4194303, is -1");
  CHECK_EQ(refusal("/model/vocab/h", 1.5), "model.vocab.h: should be a whole number from 0 to 4194303, is number");
  for (const std::uint64_t huge : {std::uint64_t{1} << 22, std::uint64_t{1} << 32, ~std::uint64_t{0}})
    CHECK_EQ(refusal("/model/vocab/h", huge),
             "model.vocab.h: should be a whole number from 0 to 4194303, is " + std::to_string(huge));
  CHECK_EQ(refusal("/model/vocab/h", 2), "model.vocab.e: the id 2 is another token's");
  CHECK_EQ(refusal("/model/unk_token", "?"), "model.unk_token: \"?\" is not in the vocabulary");

  CHECK_EQ(refusal("/model/merges", 1), "model.merges: should be a list, is number");
  CHECK_EQ(refusal("/model/merges/0", "x e"), "model.merges[0]: \"xe\" is not in the vocabulary");
  CHECK_EQ(refusal("/model/merges/0", "h d"), "model.merges[0]: \"hd\" is not in the vocabulary");
  CHECK_EQ(refusal("/model/merges/0", "he"), "model.merges[0]: should be two tokens with a blank between, is \"he\"");
  CHECK_EQ(refusal("/model/merges/0", {"h", "e", "l"}), "model.merges[0]: should be two tokens, is 3");
  CHECK_EQ(refusal("/model/merges/0", {"h", 1}), "model.merges[0][1]: should be a string, is number");

  CHECK_EQ(refusal("/added_tokens/1/id", 41), "added_tokens[2].id: the id 41 is another token's");
  CHECK_EQ(refusal("/added_tokens/1/id", 5), "added_tokens[1].id: the id 5 is another token's");
  CHECK_EQ(refusal("/added_tokens/0/id", 42), "added_tokens[0].id: 42, but the vocabulary has 0 for \"<|endoftext|>\"");
  CHECK_EQ(refusal("/added_tokens/1/content", ""), "added_tokens[1].content: is empty");
  CHECK_EQ(refusal("/pre_tokenizer/add_prefix_space", 1),
           "pre_tokenizer.add_prefix_space: should be true or false, is number");
  CHECK_EQ(refusal("/decoder", nullptr), "decoder: should be an object, is null");
}
