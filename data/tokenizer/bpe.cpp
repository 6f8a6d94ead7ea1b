#include "data/tokenizer/bpe.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/io/json.h"
#include "core/strings.h"
#include "data/tokenizer/pattern.h"

namespace seqtape {
namespace {

/// Larger ids are refused before memory is allocated for them.
constexpr std::int64_t kMaxTokens = 1 << 22;
constexpr std::uintmax_t kMaxFile = 512u << 20;

constexpr char kGpt2Pattern[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

bool flag(const JsonValue& object, const char* key) { return object.has(key) && object[key].flag(); }

void only_false(const JsonValue& object, const char* key) {
  if (flag(object, key)) object[key].refuse("true is not supported");
}

std::int32_t id_of(const JsonValue& value) { return static_cast<std::int32_t>(value.whole(0, kMaxTokens - 1)); }

/// GPT-2's alphabet: a printable character for each byte, itself where it is one, else the next from U+0100 on.
struct Alphabet {
  std::array<std::string, 256> character;
  std::map<char32_t, char> byte;

  Alphabet() {
    char32_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD);
      const char32_t c = printable ? b : next++;
      character[b] = to_utf8({&c, 1});
      byte[c] = static_cast<char>(b);
    }
  }
  std::string spell(std::string_view bytes) const {
    std::string text;
    for (const char b : bytes) text += character[static_cast<unsigned char>(b)];
    return text;
  }
  /// A token with a character outside of the alphabet is its own text, as in tokenizers' decoder.
  std::string bytes(const std::string& token) const {
    std::size_t wrong;
    const std::optional<std::u32string> characters = from_utf8(token, wrong);
    std::string bytes;
    for (const char32_t c : characters.value()) {
      const auto found = byte.find(c);
      if (found == byte.end()) return token;
      bytes += found->second;
    }
    return bytes;
  }
};

const Alphabet& alphabet() {
  static const Alphabet alphabet;
  return alphabet;
}

/// Tokens that are found in the text itself: the first in it and, at one place, the longest.
class AddedTokens {
 public:
  void add(const std::string& text, std::int32_t id) {
    begins_[static_cast<unsigned char>(text[0])] = true;
    by_length_[text.size()].emplace(text, id);
  }
  template <class UseText, class UseToken>
  void cut(std::string_view text, const UseText& use_text, const UseToken& use_token) const {
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t length = 0;
      std::int32_t id = 0;
      if (begins_[static_cast<unsigned char>(text[at])]) id = longest(text.substr(at), length);
      if (length == 0) {
        ++at;
        continue;
      }
      if (at > done) use_text(text.substr(done, at - done));
      use_token(id);
      done = at += length;
    }
    if (done < text.size()) use_text(text.substr(done));
  }

 private:
  /// The longest token at the start of the text; its length stays 0 when there is none.
  std::int32_t longest(std::string_view text, std::size_t& length) const {
    for (const auto& [size, tokens] : by_length_) {
      if (size > text.size()) continue;
      const auto found = tokens.find(std::string(text.substr(0, size)));
      if (found == tokens.end()) continue;
      length = size;
      return found->second;
    }
    return 0;
  }

  std::array<bool, 256> begins_{};  // some token, by its first byte
  std::map<std::size_t, std::unordered_map<std::string, std::int32_t>, std::greater<>> by_length_;
};

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

struct BpeTokenizer::Parts {
  struct Merge {
    std::size_t rank;
    std::int32_t result;
  };

  std::vector<std::optional<std::string>> bytes;  // by id
  std::unordered_map<std::string, std::int32_t> vocabulary;
  std::array<std::int32_t, 256> byte_ids{};  // -1: none
  std::unordered_map<std::uint64_t, Merge> merges;
  std::optional<std::int32_t> unknown;
  bool fuse_unknown = false, ignore_merges = false, compose = false, prefix_space = false;
  AddedTokens added, added_normalized;  // found before, and after, the normalizer
  std::vector<Pattern> splits;
  std::optional<Pattern> pattern;  // ByteLevel's

  void read_model(const JsonValue& model);
  void read_normalizer(const JsonValue& normalizer);
  void read_pre_tokenizer(const JsonValue& pre);
  void read_added(const JsonValue& token);
  void place(std::int32_t id, const std::string& token_bytes, const JsonValue& where);
  void encode_text(std::string_view text, std::size_t split, std::vector<std::int32_t>& ids) const;
  void encode_piece(std::string_view piece, std::vector<std::int32_t>& ids) const;
  void merge(std::vector<std::int32_t>& ids, std::size_t first) const;
};

void BpeTokenizer::Parts::place(std::int32_t id, const std::string& token_bytes, const JsonValue& where) {
  const auto at = static_cast<std::size_t>(id);
  if (at >= bytes.size()) bytes.resize(at + 1);
  if (bytes[at]) where.refuse("the id ", id, " is another token's");
  bytes[at] = token_bytes;
}

void BpeTokenizer::Parts::read_model(const JsonValue& model) {
  // GPT-2's own file has no type here.
  if (model.has("type") && model["type"].text() != "BPE")
    model["type"].refuse("\"", model["type"].text(), "\" is not supported; \"BPE\" is");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (model.has(key) && !model[key].text().empty()) model[key].refuse("is not supported");
  if (model.has("dropout")) model["dropout"].refuse("is not supported");
  only_false(model, "byte_fallback");
  fuse_unknown = flag(model, "fuse_unk");
  ignore_merges = flag(model, "ignore_merges");

  for (const auto& [token, entry] : model["vocab"].members()) {
    place(id_of(entry), alphabet().bytes(token), entry);
    vocabulary.emplace(token, id_of(entry));
  }
  const auto known = [&](const std::string& token, const JsonValue& where) {
    const auto found = vocabulary.find(token);
    if (found == vocabulary.end()) where.refuse("\"", token, "\" is not in the vocabulary");
    return found->second;
  };
  if (model.has("unk_token")) unknown = known(model["unk_token"].text(), model["unk_token"]);
  for (std::size_t b = 0; b < 256; ++b) {
    const auto found = vocabulary.find(alphabet().character[b]);
    byte_ids[b] = found == vocabulary.end() ? -1 : found->second;
  }
  const std::vector<JsonValue> list = model["merges"].items();
  for (std::size_t rank = 0; rank < list.size(); ++rank) {
    std::string left, right;
    if (list[rank].is_text()) {
      const std::string& both = list[rank].text();
      const std::size_t blank = both.find(' ');
      if (blank == std::string::npos || both.find(' ', blank + 1) != std::string::npos)
        list[rank].refuse("should be two tokens with a blank between, is \"", both, "\"");
      left = both.substr(0, blank), right = both.substr(blank + 1);
    } else {
      const std::vector<JsonValue> both = list[rank].items();
      if (both.size() != 2) list[rank].refuse("should be two tokens, is ", both.size());
      left = both[0].text(), right = both[1].text();
    }
    const std::int32_t result = known(left + right, list[rank]);
    merges.insert_or_assign(pair_key(known(left, list[rank]), known(right, list[rank])), Merge{rank, result});
  }
}

void BpeTokenizer::Parts::read_normalizer(const JsonValue& normalizer) {
  const std::string& type = normalizer["type"].text();
  if (type == "Sequence")
    for (const JsonValue& step : normalizer["normalizers"].items()) read_normalizer(step);
  else if (type == "NFC")
    compose = true;
  else
    normalizer["type"].refuse("\"", type, "\" is not supported; \"NFC\" and \"Sequence\" are");
}

void BpeTokenizer::Parts::read_pre_tokenizer(const JsonValue& pre) {
  std::vector<JsonValue> steps{pre};
  if (pre["type"].text() == "Sequence") steps = pre["pretokenizers"].items();
  if (steps.empty() || steps.back()["type"].text() != "ByteLevel")
    pre.refuse("is not supported without a \"ByteLevel\" at its end");
  prefix_space = steps.back()["add_prefix_space"].flag();
  if (!steps.back().has("use_regex") || steps.back()["use_regex"].flag()) pattern.emplace(kGpt2Pattern);
  steps.pop_back();
  for (const JsonValue& step : steps) {
    if (step["type"].text() != "Split")
      step["type"].refuse("\"", step["type"].text(), "\" is not supported; \"Split\" is, before \"ByteLevel\"");
    if (step["behavior"].text() != "Isolated")
      step["behavior"].refuse("\"", step["behavior"].text(), "\" is not supported; \"Isolated\" is");
    only_false(step, "invert");
    const JsonValue regex = step["pattern"]["Regex"];
    try {
      splits.emplace_back(regex.text());
    } catch (const CheckpointError& error) {
      regex.refuse(error.what());
    }
  }
}

void BpeTokenizer::Parts::read_added(const JsonValue& token) {
  const std::string& text = token["content"].text();
  const std::int32_t id = id_of(token["id"]);
  if (text.empty()) token["content"].refuse("is empty");
  for (const char* key : {"single_word", "lstrip", "rstrip"}) only_false(token, key);
  const auto known = vocabulary.find(text);
  if (known == vocabulary.end())
    place(id, text, token["id"]);
  else if (known->second != id)
    token["id"].refuse(id, ", but the vocabulary has ", known->second, " for \"", text, "\"");
  else
    bytes[static_cast<std::size_t>(id)] = text;
  const bool normalized = token.has("normalized") ? token["normalized"].flag() : !flag(token, "special");
  (normalized ? added_normalized : added).add(normalized && compose ? nfc(text) : text, id);
}

void BpeTokenizer::Parts::encode_text(std::string_view text, std::size_t split, std::vector<std::int32_t>& ids) const {
  if (split < splits.size())
    return splits[split].cut(text, [&](std::string_view piece) { encode_text(piece, split + 1, ids); });
  std::string spaced(text);
  if (prefix_space && !text.starts_with(' ')) spaced.insert(spaced.begin(), ' ');
  if (!pattern) return encode_piece(spaced, ids);
  pattern->cut(spaced, [&](std::string_view piece) { encode_piece(piece, ids); });
}

void BpeTokenizer::Parts::encode_piece(std::string_view piece, std::vector<std::int32_t>& ids) const {
  if (ignore_merges)
    if (const auto whole = vocabulary.find(alphabet().spell(piece)); whole != vocabulary.end())
      return ids.push_back(whole->second);
  const std::size_t first = ids.size();
  bool after_unknown = false;
  for (const char byte : piece) {
    const std::int32_t id = byte_ids[static_cast<unsigned char>(byte)];
    if (id < 0 && !unknown)
      throw DataError(
          str("the tokenizer has no token for the byte ", int{static_cast<unsigned char>(byte)}, " and no unk_token"));
    if (id >= 0 || !after_unknown || !fuse_unknown) ids.push_back(id >= 0 ? id : *unknown);
    after_unknown = id < 0;
  }
  merge(ids, first);
}

/// Merges the ids from `first` on: of all neighbours that can merge the pair of least rank, of these the leftmost,
/// until none can. A queue of the pairs keeps a long piece from costing its length squared.
void BpeTokenizer::Parts::merge(std::vector<std::int32_t>& ids, std::size_t first) const {
  const std::size_t count = ids.size() - first;
  constexpr std::int32_t kGone = -1;
  std::int32_t* const id = ids.data() + first;
  std::vector<std::size_t> before(count), after(count);  // neighbours; `count`, or what wraps around, is none
  struct Candidate {
    std::size_t rank, at;
    std::int32_t left, right, result;
    bool operator>(const Candidate& other) const { return std::tie(rank, at) > std::tie(other.rank, other.at); }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::size_t at) {
    if (at >= count || after[at] >= count) return;
    const std::int32_t left = id[at], right = id[after[at]];
    if (const auto found = merges.find(pair_key(left, right)); found != merges.end())
      queue.push({found->second.rank, at, left, right, found->second.result});
  };
  for (std::size_t at = 0; at < count; ++at) before[at] = at - 1, after[at] = at + 1;
  for (std::size_t at = 0; at < count; ++at) offer(at);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const std::size_t right = after[best.at];
    if (id[best.at] != best.left || right >= count || id[right] != best.right) continue;  // merged since
    id[best.at] = best.result;
    id[right] = kGone;
    after[best.at] = after[right];
    if (after[right] < count) before[after[right]] = best.at;
    offer(before[best.at]);
    offer(best.at);
  }
  ids.erase(std::remove(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end(), kGone), ids.end());
}

BpeTokenizer::BpeTokenizer(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

BpeTokenizer BpeTokenizer::read(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::file_size(path, error) > kMaxFile && !error)
    throw CheckpointError(
        str(path.string(), ": larger than ", human_bytes(static_cast<double>(kMaxFile)), ": no tokenizer"));
  const JsonValue root = JsonValue::read(path, "tokenizer");
  const auto parts = std::make_shared<Parts>();
  parts->read_model(root["model"]);
  if (root.has("normalizer")) parts->read_normalizer(root["normalizer"]);
  parts->read_pre_tokenizer(root["pre_tokenizer"]);
  if (root.has("added_tokens"))
    for (const JsonValue& token : root["added_tokens"].items()) parts->read_added(token);
  if (const JsonValue decoder = root["decoder"]; decoder["type"].text() != "ByteLevel")
    decoder["type"].refuse("\"", decoder["type"].text(), "\" is not supported; \"ByteLevel\" is");
  return BpeTokenizer(parts);
}

std::vector<std::int32_t> BpeTokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  const auto token = [&](std::int32_t id) { ids.push_back(id); };
  const auto plain = [&](std::string_view part) { parts_->encode_text(part, 0, ids); };
  parts_->added.cut(
      text,
      [&](std::string_view part) {
        parts_->added_normalized.cut(parts_->compose ? nfc(part) : std::string(part), plain, token);
      },
      token);
  return ids;
}

const std::string& BpeTokenizer::bytes(std::int32_t id) const {
  static const std::string none;
  if (id < 0 || id >= size()) throw DataError(str("token ", id, ": the tokenizer's ids are 0 to ", size() - 1));
  const auto& found = parts_->bytes[static_cast<std::size_t>(id)];
  return found ? *found : none;
}

std::int32_t BpeTokenizer::size() const { return static_cast<std::int32_t>(parts_->bytes.size()); }

}  // namespace seqtape
