#define PCRE2_CODE_UNIT_WIDTH 8
#include "data/tokenizer/pattern.h"

#include <pcre2.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* thing) const {
    release(thing);
  }
};

std::string pcre_message(int code) {
  std::array<PCRE2_UCHAR, 256> message{};
  pcre2_get_error_message(code, message.data(), message.size());
  return reinterpret_cast<const char*>(message.data());
}

// What \s and \w are to Oniguruma, the library of tokenizers: Unicode's White_Space, without U+180E, which PCRE2 still
// counts among the blanks; and letters with their marks, decimal digits and connectors.
constexpr std::string_view kBlank =
    R"(\t-\r\x20\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view kNotBlank =
    R"(\x{0}-\x{8}\x{E}-\x{1F}!-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E})"
    R"(\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
constexpr std::string_view kWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";

/// The expression with Oniguruma's meaning in PCRE2's syntax. Throws CheckpointError if there is none.
std::string translated(std::string_view pattern) {
  const auto refuse = [](std::string_view what) { throw CheckpointError(str(what, " is not supported")); };
  std::string out;
  bool in_set = false;
  const auto set = [&](std::string_view members) { out += in_set ? std::string(members) : str("[", members, "]"); };
  for (std::size_t i = 0; i < pattern.size();) {
    const std::string_view two = pattern.substr(i, 2);
    if (in_set && two == "&&") refuse(two);
    if (in_set && two == "[:") {
      const std::size_t end = pattern.find(":]", i);
      const std::string_view name = pattern.substr(i, end == std::string_view::npos ? end : end + 2 - i);
      out += name == "[:space:]" ? kBlank : name == "[:^space:]" ? kNotBlank : name == "[:word:]" ? kWord : name;
      i += name.size();
      continue;
    }
    if (in_set && two[0] == '[') refuse("a set within a set");
    if (two[0] != '\\') {
      in_set = two[0] == '[' || (in_set && two[0] != ']');
      out += pattern[i++];
      continue;
    }
    if (two == "\\h" || two == "\\H" || two == "\\v" || two == "\\V" || two == "\\N") refuse(two);
    if (in_set && two == "\\W") refuse("\\W within a set");
    if (two == "\\s")
      set(kBlank);
    else if (two == "\\S")
      set(kNotBlank);
    else if (two == "\\w")
      set(kWord);
    else if (two == "\\W")
      out += str("[^", kWord, "]");
    else if (two == "\\b" && !in_set)
      out += str("(?:(?<=[", kWord, "])(?![", kWord, "])|(?<![", kWord, "])(?=[", kWord, "]))");
    else if (two == "\\B" && !in_set)
      out += str("(?:(?<=[", kWord, "])(?=[", kWord, "])|(?<![", kWord, "])(?![", kWord, "]))");
    else
      out += two;
    i += two.size();
  }
  return out;
}

}  // namespace

void cut_at_invalid(std::string_view text, const std::function<void(std::string_view, bool)>& use) {
  while (!text.empty()) {
    std::size_t valid;
    from_utf8(text, valid);
    if (valid > 0) use(text.substr(0, valid), true);
    text.remove_prefix(valid);
    if (text.empty()) return;
    use(text.substr(0, 1), false);
    text.remove_prefix(1);
  }
}

std::string nfc(std::string_view text) {
  std::string composed;
  cut_at_invalid(text, [&](std::string_view run, bool valid) {
    if (!valid) {
      composed += run;
      return;
    }
    constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    utf8proc_uint8_t* result = nullptr;
    const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(run.data()),
                                               static_cast<utf8proc_ssize_t>(run.size()), &result, kOptions);
    const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(result, std::free);
    if (size < 0) throw DataError(str("NFC of the text: ", utf8proc_errmsg(size)));
    composed.append(reinterpret_cast<const char*>(result), static_cast<std::size_t>(size));
  });
  return composed;
}

struct Pattern::Parts {
  std::unique_ptr<pcre2_code, Release<pcre2_code_free>> code;
  std::unique_ptr<pcre2_match_context, Release<pcre2_match_context_free>> match;

  void cut_valid(std::string_view text, const std::function<void(std::string_view)>& use) const {
    const std::unique_ptr<pcre2_match_data, Release<pcre2_match_data_free>> found(pcre2_match_data_create(1, nullptr));
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    std::size_t done = 0;
    for (std::size_t from = 0; from <= text.size();) {
      // Without PCRE2_NO_UTF_CHECK each search would validate all of the text.
      const int result =
          pcre2_match(code.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK, found.get(), match.get());
      if (result == PCRE2_ERROR_NOMATCH) break;
      if (result < 0) throw DataError("the tokenizer's pattern fails on this text: " + pcre_message(result));
      const PCRE2_SIZE* const range = pcre2_get_ovector_pointer(found.get());
      if (range[0] > done) use(text.substr(done, range[0] - done));
      if (range[1] > range[0]) use(text.substr(range[0], range[1] - range[0]));
      done = range[1];
      from = range[1] > range[0] ? done : done + 1;  // after an empty match, which only cuts: the next character
      while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
    }
    if (done < text.size()) use(text.substr(done));
  }
};

Pattern::Pattern(const std::string& pattern) : parts_(std::make_unique<Parts>()) {
  parts_->match.reset(pcre2_match_context_create(nullptr));
  const std::string ours = translated(pattern);
  int error = 0;
  PCRE2_SIZE at = 0;
  // Multi-line, as in Oniguruma; \C could leave the middle of a character, where a search must not begin.
  parts_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(ours.data()), ours.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &at,
                                   nullptr));
  if (!parts_->code)
    throw CheckpointError(str("at byte ", at, ours == pattern ? "" : " of " + ours, ": ", pcre_message(error)));
  pcre2_set_heap_limit(parts_->match.get(), 256 << 10);  // KiB
}
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

void Pattern::cut(std::string_view text, const std::function<void(std::string_view)>& use) const {
  cut_at_invalid(text, [&](std::string_view run, bool valid) { valid ? parts_->cut_valid(run, use) : use(run); });
}

}  // namespace seqtape
