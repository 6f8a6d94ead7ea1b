#include <algorithm>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/strings.h"
#include "data/next_token_prediction.h"

namespace seqtape {
namespace {

constexpr std::string_view kUnknown = "\uFFFD";

/// Where a character begins at the end of UTF-8 bytes that is not complete yet, or their size.
std::size_t whole_characters(std::string_view bytes) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::size_t needs = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return needs > back ? bytes.size() - back : bytes.size();
  }
  return bytes.size();
}

/// The next byte of files, or their next character.
class Text final : public NextTokenPrediction {
 public:
  void fields(Fields& f) override {
    NextTokenPrediction::fields(f);
    f("alphabet", alphabet_,
      "\"\": tokens are bytes; \"auto\": they are the characters (UTF-8) that the files hold; otherwise: the "
      "characters themselves, others are one token of their own",
      resolves());
  }
  void prepare(std::uint64_t seed) override {
    unknown_ = 0, wide_ = "";
    if (alphabet_ == "auto") alphabet_ = to_utf8(letters());  // so the run keeps what was found
    NextTokenPrediction::prepare(seed);
  }
  std::string token_meaning() const override {
    return alphabet_.empty() ? "bytes" : "the characters \"" + to_utf8(letters()) + "\"";
  }
  std::vector<std::string> notes() const override {
    auto all = NextTokenPrediction::notes();
    if (unknown_) all.push_back(str(unknown_, " characters that task.alphabet does not have were read as one token"));
    if (!wide_.empty()) all.push_back(wide_);
    return all;
  }
  NewInputs new_inputs() override {
    NewInputs inputs = NextTokenPrediction::new_inputs();
    if (alphabet_.empty()) {
      inputs.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
        add(bytes_of(path, [this](const std::string& note) { wide_ = wide_.empty() ? note : wide_; }));
      };
      return inputs;
    }
    inputs.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
      // Read twice, so that text in another alphabet is refused before any of it is answered.
      Index all = 0, unknown = 0;
      std::u32string piece;
      for (const auto more = character_pieces(path); more(piece); piece.clear()) {
        all += static_cast<Index>(piece.size());
        unknown += std::count_if(piece.begin(), piece.end(), [this](char32_t c) { return token(c) == 0; });
      }
      refuse_unknown(unknown, all, path.string(), "characters", "in the model's alphabet");
      unknown_ += unknown;
      add({"", [this, more = character_pieces(path)](Steps& steps) {
             std::u32string letters;
             if (!more(letters)) return false;
             for (const char32_t c : letters) steps.tokens.push_back(token(c));
             return true;
           }});
    };
    inputs.line = [this](const std::string& line, const std::string& where) {
      return known({.tokens = tokens_of(line, where)}, where);
    };
    return inputs;
  }
  Signature signature() const override {
    Signature all = NextTokenPrediction::signature();
    all.steps = alphabet_.empty() ? Signature::Steps::bytes : Signature::Steps::characters;
    if (alphabet_.empty()) return all;
    all.other = 0;
    for (std::int32_t token = 0; token < vocabulary(); ++token) all.texts.push_back(decode({token}));
    for (const char32_t letter : letters()) all.characters.push_back({letter, token(letter)});
    return all;
  }
  std::string decode(const std::vector<std::int32_t>& tokens) const override {
    std::string text;
    for (const std::int32_t token : tokens) {
      if (alphabet_.empty())
        text += static_cast<char>(token);
      else if (token == 0 || token > static_cast<std::int32_t>(letters().size()))
        text += kUnknown;
      else
        text += to_utf8(letters().substr(static_cast<std::size_t>(token - 1), 1));
    }
    return text;
  }

 private:
  Index vocabulary() const override { return alphabet_.empty() ? 256 : 1 + static_cast<Index>(letters().size()); }
  const char* unit() const override { return alphabet_.empty() ? "byte" : "character"; }
  std::int32_t unknown_token() const override { return alphabet_.empty() ? -1 : 0; }
  std::vector<std::int32_t> tokens_of(const std::string& text, const std::string& where) const override {
    std::vector<std::int32_t> tokens;
    if (alphabet_.empty())
      for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
    else
      for (const char32_t c : characters(text, where)) tokens.push_back(token(c));
    return tokens;
  }
  /// Throws DataError for text in another alphabet.
  static void refuse_other(Index unknown, Index all, const std::string& where) {
    refuse_unknown(unknown, all, where, "characters", "in the model's alphabet");
  }
  static Steps known(Steps steps, const std::string& where) {
    refuse_other(std::count(steps.tokens.begin(), steps.tokens.end(), 0), static_cast<Index>(steps.tokens.size()),
                 where);
    return steps;
  }
  void read(const std::filesystem::path& path, Tokens& tokens) override {
    if (alphabet_.empty()) {
      const std::string bytes = read_unpacked(path);
      if (wide_.empty()) wide_ = wide_note(bytes, path);
      for (const char c : std::string_view(bytes).substr(after_byte_order_mark(bytes)))
        tokens += static_cast<unsigned char>(c);
      return;
    }
    const std::u32string text = characters(read_text(path), path.string());
    const Index before = unknown_;
    for (const char32_t c : text) {
      tokens += static_cast<Tokens::value_type>(token(c));
      unknown_ += tokens.back() == 0;
    }
    if (evaluates()) refuse_other(unknown_ - before, static_cast<Index>(text.size()), path.string());
  }

  /// 0: not in the alphabet.
  std::int32_t token(char32_t c) const {
    const std::u32string& all = letters();
    const auto at = std::lower_bound(all.begin(), all.end(), c);
    return at != all.end() && *at == c ? static_cast<std::int32_t>(at - all.begin()) + 1 : 0;
  }
  /// The alphabet's characters, sorted; the token of one is its index + 1. A run's model needs their number before any
  /// data are read; only "auto" needs the data.
  const std::u32string& letters() const {
    if (letters_) return *letters_;
    std::set<char32_t> found;
    if (alphabet_ == "auto") {
      LeftOut left_out;
      for (const std::string& path : paths())
        for (const auto& file : files_under(path, left_out))
          for (const char32_t c : characters(read_text(file), file.string())) found.insert(c);
    } else {
      for (const char32_t c : characters(alphabet_, "task.alphabet")) found.insert(c);
    }
    if (found.size() > 65000)
      throw ConfigError(str("task.alphabet: ", found.size(), " different characters are too many; 65000 fit"));
    return letters_.emplace(found.begin(), found.end());
  }
  /// `before`: bytes in front of these, for the message.
  static std::u32string characters(const std::string& utf8, const std::string& where, std::size_t before = 0) {
    std::size_t wrong = 0;
    auto text = from_utf8(utf8, wrong);
    if (!text)
      throw DataError(
          str(where, ": is not UTF-8 text (byte ", before + wrong, "); set task.alphabet to \"\" to read bytes"));
    return *text;
  }

  /// The characters of a file: each call appends what follows; false at the end. Memory does not grow with the file,
  /// unless it is gz. Throws DataError.
  static std::function<bool(std::u32string& more)> character_pieces(const std::filesystem::path& path) {
    auto pieces = text_pieces(path);
    return [pieces, path, rest = std::string(), read = std::size_t{0}](std::u32string& more) mutable {
      std::string piece;
      const bool any = pieces(piece);
      if (!any && rest.empty()) return false;
      rest += piece;
      const std::size_t whole = any ? whole_characters(rest) : rest.size();
      more += characters(rest.substr(0, whole), path.string(), read);
      read += whole;
      rest.erase(0, whole);
      return true;
    };
  }

  std::string alphabet_;
  mutable std::optional<std::u32string> letters_;  // once needed
  Index unknown_ = 0;
  std::string wide_;  // a note
};

}  // namespace

std::unique_ptr<Task> make_text() { return std::make_unique<Text>(); }

}  // namespace seqtape
