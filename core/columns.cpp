#include "core/columns.h"

#include <unistd.h>

#include <algorithm>

namespace seqtape {
namespace {

/// One line, broken between words. Spaces at its begin and between its words stay where they are.
std::string broken(const std::string& text, std::size_t hang) {
  if (width_of(text) <= kColumns) return text;
  std::string out, now;
  bool word_before = false;  // on the line `now`
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t word = std::min(text.find_first_not_of(' ', begin), text.size());
    const std::size_t end = std::min(text.find(' ', word), text.size());
    const std::string next = text.substr(begin, end - begin);
    if (word_before && width_of(now + next) > kColumns) {
      out += now + '\n';
      now = std::string(hang, ' ') + text.substr(word, end - word);
    } else {
      now += next;
    }
    word_before = true;
    begin = end;
  }
  return out + now;
}

}  // namespace

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string cut(const std::string& text, std::size_t width) {
  if (width_of(text) <= width) return text;
  std::size_t end = 0;
  for (std::size_t count = 0; count + 1 < width; ++count) do
      ++end;
    while (end < text.size() && (text[end] & 0xC0) == 0x80);
  return text.substr(0, end) + "~";
}

std::string left(const std::string& text, std::size_t width) {
  const std::string shown = cut(text, width);
  return shown + std::string(width - width_of(shown), ' ');
}

std::string right(const std::string& text, std::size_t width) {
  const std::string shown = cut(text, width);
  return std::string(width - width_of(shown), ' ') + shown;
}

std::string line(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text + '\n';
}

std::string wrapped(const std::string& text, std::size_t hang) {
  std::string out;
  for (std::size_t begin = 0;; out += '\n') {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += broken(text.substr(begin, end - begin), hang);
    if (end == text.size()) return out;
    begin = end + 1;
  }
}

std::string fitted(const std::string& text, std::size_t hang, int fd) {
  return isatty(fd) ? wrapped(text, hang) : text;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string out;
    for (std::size_t c = 0; c < row.size(); ++c)
      out += c == 0 ? left(row[c], widths[c]) : "  " + right(row[c], widths[c]);
    text += line(out);
  }
  return text;
}

}  // namespace seqtape
