#pragma once
// Text for a terminal of 80 columns: what a person reads is broken between words, never by the terminal.

#include <string>
#include <vector>

namespace seqtape {

constexpr std::size_t kColumns = 80;

/// The number of characters of UTF-8 text.
std::size_t width_of(const std::string& text);

/// At most `width` characters; what is longer is cut and ends in "~".
std::string cut(const std::string& text, std::size_t width);

/// Exactly `width` columns of a table, cut where longer.
std::string left(const std::string& text, std::size_t width);
std::string right(const std::string& text, std::size_t width);

/// `text` without spaces at its end, and a line break.
std::string line(std::string text);

/// `text` with every line that is longer than 80 columns broken between words; what follows a break stands `hang`
/// columns in. A longer word stays whole, and the text ends in a line break as it did before.
std::string wrapped(const std::string& text, std::size_t hang = 0);

/// What is written to a file descriptor: `wrapped` where that is a terminal, else `text` as it is.
std::string fitted(const std::string& text, std::size_t hang, int fd);

/// Rows of cells as a table with aligned columns, the first to the left, the others to the right.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace seqtape
