#pragma once
// Text cut by regular expressions, and its normal form: what comes before a tokenizer's merging.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace seqtape {

/// Calls use(run, true) for what is UTF-8 and use(byte, false) for each byte between that is not.
void cut_at_invalid(std::string_view text, const std::function<void(std::string_view, bool)>& use);

/// Unicode's NFC; bytes that are no UTF-8 stay.
std::string nfc(std::string_view text);

/// Cuts text into what a regular expression matches and what lies between. What \s, \w and \b match is Oniguruma's,
/// tokenizers' library's, choice: U+180E, which Unicode took from the blanks, is none.
class Pattern {
 public:
  /// Throws CheckpointError for an invalid expression, and for syntax that Oniguruma reads otherwise than PCRE2.
  explicit Pattern(const std::string& pattern);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  /// Throws DataError where matching takes too much.
  void cut(std::string_view text, const std::function<void(std::string_view)>& use) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace seqtape
