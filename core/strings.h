#pragma once
// Small helpers for messages and tables.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace seqtape {

/// The candidate nearest to `word` by edit distance, whatever the case of letters, or "" when none is close enough to
/// suggest.
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

/// `pattern` matches all of `text`; `*` matches any characters, `?` one.
bool matches(const std::string& text, const std::string& pattern);

/// The code points of UTF-8 text, or nothing when it is invalid; `wrong` gets the offset of the first invalid character
/// (the size of the text when all are valid).
std::optional<std::u32string> from_utf8(std::string_view, std::size_t& wrong);
std::string to_utf8(std::u32string_view);

/// Untrusted text (of a file, a file's name) made safe for a terminal: control characters and invalid UTF-8 become \n,
/// \t, \x1b, \xff, \u{9b}; other characters stay. Text of more than `most` bytes is cut there and gets "...".
std::string printable(std::string_view, std::size_t most = std::string_view::npos);
/// The same for text of several lines: line breaks and tabs stay.
std::string printable_text(std::string_view);

/// ASCII letters made small.
std::string lower_case(std::string text);

/// "1 sequence", "2,000 sequences", "2 classes", "2 series".
std::string counted(std::int64_t number, std::string_view one);

std::string join(const std::vector<std::string>& parts, const std::string& separator);

}  // namespace seqtape
