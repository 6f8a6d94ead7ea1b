#pragma once
// Small helpers for messages and tables.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace seqtape {

/// The candidate nearest to `word` by edit distance, or "" when none is near enough to suggest.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

/// `; did you mean "x"?` or, without a near candidate, `; known: a, b, c`.
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates);

/// 1536 -> "1.5 KiB".
std::string human_bytes(double bytes);

/// 12345678 -> "12,345,678".
std::string grouped(std::int64_t number);

/// 3725 -> "1h02m", 65.2 -> "1m05s", 3.21 -> "3.2s".
std::string human_seconds(double seconds);

/// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

/// `pattern` fits the whole of `text`; `*` stands for any characters, `?` for one.
bool matches(const std::string& text, const std::string& pattern);

/// The characters of UTF-8 text, or nothing when it is not: then `wrong` is the place of the first bad byte.
std::optional<std::u32string> from_utf8(std::string_view, std::size_t& wrong);
std::string to_utf8(std::u32string_view);

/// Text of a file, or another's name, as a terminal may be given it: control characters and bytes that are no UTF-8
/// become \n, \t, \x1b, \xff, \u{9b}; the other characters stay. More than `most` bytes are cut, with "..." after.
std::string printable(std::string_view, std::size_t most = std::string_view::npos);
/// The same for text of several lines: line breaks and tabs stay.
std::string printable_text(std::string_view);

std::string join(const std::vector<std::string>& parts, const std::string& separator);

}  // namespace seqtape
