#include "core/text.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "data/windows.h"

namespace seqtape {
namespace {

constexpr std::string_view kUnknown = "\uFFFD";

/// The next byte of files, or their next character.
class Text final : public Windows {
 public:
  void fields(Fields& f) override {
    Windows::fields(f);
    f("alphabet", alphabet_,
      "\"\": tokens are bytes; \"auto\": they are the characters (UTF-8) that the files hold; otherwise: the "
      "characters "
      "themselves, others are one token of their own");
  }
  void prepare(std::uint64_t seed) override {
    unknown_ = 0, wide_ = "";
    if (alphabet_ == "auto") {
      std::set<char32_t> found;
      LeftOut left_out;
      for (const std::string& path : paths())
        for (const auto& file : files_under(path, left_out))
          for (const char32_t c : characters(read_text(file), file.string())) found.insert(c);
      alphabet_ = to_utf8(std::u32string(found.begin(), found.end()));
    }
    letters_ = characters(alphabet_, "task.alphabet");
    std::sort(letters_.begin(), letters_.end());
    letters_.erase(std::unique(letters_.begin(), letters_.end()), letters_.end());
    if (letters_.size() > 65000)
      throw ConfigError(str("task.alphabet: ", letters_.size(), " different characters are too many; 65000 fit"));
    Windows::prepare(seed);
  }
  std::vector<std::string> notes() const override {
    auto all = Windows::notes();
    if (unknown_) all.push_back(str(unknown_, " characters that task.alphabet does not have were read as one token"));
    if (!wide_.empty()) all.push_back(wide_);
    return all;
  }
  std::vector<std::int32_t> encode(const std::string& text) const override {
    std::vector<std::int32_t> tokens;
    if (alphabet_.empty())
      for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
    else
      for (const char32_t c : characters(text, "--prompt")) tokens.push_back(token(c));
    return tokens;
  }
  std::string decode(const std::vector<std::int32_t>& tokens) const override {
    std::string text;
    for (const std::int32_t token : tokens) {
      if (alphabet_.empty())
        text += static_cast<char>(token);
      else if (token == 0 || token > static_cast<std::int32_t>(letters_.size()))
        text += kUnknown;
      else
        text += to_utf8(letters_.substr(static_cast<std::size_t>(token - 1), 1));
    }
    return text;
  }

 private:
  Index vocabulary() const override { return alphabet_.empty() ? 256 : 1 + static_cast<Index>(letters_.size()); }
  const char* unit() const override { return alphabet_.empty() ? "byte" : "character"; }
  void read(const std::filesystem::path& path, Tokens& tokens) override {
    if (alphabet_.empty()) {
      const std::string bytes = read_unpacked(path);
      if (wide_.empty()) wide_ = wide_note(bytes, path);
      for (const char c : std::string_view(bytes).substr(after_byte_order_mark(bytes)))
        tokens += static_cast<unsigned char>(c);
      return;
    }
    for (const char32_t c : characters(read_text(path), path.string())) {
      tokens += static_cast<Tokens::value_type>(token(c));
      unknown_ += tokens.back() == 0;
    }
  }

  /// 0: not in the alphabet.
  std::int32_t token(char32_t c) const {
    const auto at = std::lower_bound(letters_.begin(), letters_.end(), c);
    return at != letters_.end() && *at == c ? static_cast<std::int32_t>(at - letters_.begin()) + 1 : 0;
  }
  static std::u32string characters(const std::string& utf8, const std::string& where) {
    std::size_t wrong = 0;
    auto text = from_utf8(utf8, wrong);
    if (!text)
      throw DataError(str(where, ": is not UTF-8 text (byte ", wrong, "); set task.alphabet to \"\" to read bytes"));
    return *text;
  }

  std::string alphabet_;
  std::u32string letters_;  // sorted; the token of a letter is its place + 1
  Index unknown_ = 0;
  std::string wide_;  // a note
};

}  // namespace

std::unique_ptr<Task> make_text() { return std::make_unique<Text>(); }

}  // namespace seqtape
