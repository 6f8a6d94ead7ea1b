#pragma once
// What precedes the merges of a tokenizer: Unicode normalisation and pre-tokenisation by regular expressions.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace seqtape {

/// Calls use(run, true) for each run of valid UTF-8 and use(byte, false) for each byte between that is not.
void cut_at_invalid(std::string_view text, const std::function<void(std::string_view, bool)>& use);

/// Unicode's normalisation form C; bytes that are not UTF-8 stay.
std::string nfc(std::string_view text);

/// Splits text into what a regular expression matches and what is between. \s, \w and \b match what they do in
/// Oniguruma, the library of Hugging Face's tokenizers: U+180E, which Unicode no longer counts as white space, is not.
class Pattern {
 public:
  /// Throws CheckpointError for an invalid expression, and for syntax that Oniguruma and PCRE2 read differently.
  explicit Pattern(const std::string& pattern);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  /// Calls use(part) for each part in order. Throws DataError when matching exceeds the limits on time or memory.
  void cut(std::string_view text, const std::function<void(std::string_view)>& use) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace seqtape
