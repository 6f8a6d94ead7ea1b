#include "core/strings.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "core/error.h"

namespace seqtape {
namespace {

/// Insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

/// Characters that a terminal interprets instead of showing them, or that reverse or hide neighbouring text.
bool obeyed(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

std::string shown(std::string_view text, std::string_view kept) {
  std::string out;
  while (!text.empty()) {
    std::size_t valid;
    const std::string_view rest = text;
    from_utf8(rest, valid);
    const std::optional<std::u32string> characters = from_utf8(rest.substr(0, valid), valid);
    for (const char32_t c : characters.value()) {
      if (c < 0x80 && kept.find(static_cast<char>(c)) != std::string_view::npos)
        out += static_cast<char>(c);
      else if (c == '\n' || c == '\t' || c == '\r')
        out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
      else if (obeyed(c))
        out += format(c < 0x80 ? "\\x%02x" : "\\u{%x}", static_cast<unsigned>(c));
      else
        out += to_utf8({&c, 1});
    }
    text.remove_prefix(valid);
    if (text.empty()) break;
    out += format("\\x%02x", static_cast<unsigned char>(text[0]));
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace

std::string nearest(const std::string& given, const std::vector<std::string>& candidates) {
  const std::string word = lower_case(given);
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    std::size_t distance = edit_distance(word, lower_case(candidate));
    // "d_stat" for "d_state", "state" for "d_state": a part of the name is a near miss, too.
    if (word.size() >= 3 && lower_case(candidate).find(word) != std::string::npos)
      distance = std::min<std::size_t>(distance, 1);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string near = nearest(word, candidates);
  if (!near.empty()) return "; did you mean \"" + near + "\"?";
  return candidates.empty() ? "" : "; known: " + join(candidates, ", ");
}

std::string human_bytes(double bytes) {
  static const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  while (bytes >= 1024 && unit < 6) bytes /= 1024, ++unit;
  return format(unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number < 0 ? -number : number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return number < 0 ? "-" + digits : digits;
}

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string counted(std::int64_t number, std::string_view one) {
  const char* const ending = number == 1 ? "" : one.ends_with("ss") ? "es" : one.ends_with("s") ? "" : "s";
  return str(grouped(number), " ", one, ending);
}

std::string human_seconds(double seconds) {
  if (seconds < 60) return format("%.1fs", seconds);
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 3600) return format("%lldm%02llds", whole / 60, whole % 60);
  return format("%lldh%02lldm", whole / 3600, whole % 3600 / 60);
}

std::string format(const char* pattern, ...) {
  std::va_list args;
  va_start(args, pattern);
  std::va_list again;
  va_copy(again, args);
  std::string text(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, pattern, args)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  va_end(args);
  return text;
}

bool matches(const std::string& text, const std::string& pattern) {
  std::size_t t = 0, p = 0, star = std::string::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
      ++t, ++p;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (star != std::string::npos) {  // let the last star take one more
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string::npos;
}

std::optional<std::u32string> from_utf8(std::string_view text, std::size_t& wrong) {
  std::u32string characters;
  for (wrong = 0; wrong < text.size();) {
    const auto lead = static_cast<unsigned char>(text[wrong]);
    const int more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : -1;
    if (more < 0 || wrong + static_cast<std::size_t>(more) >= text.size()) return std::nullopt;
    char32_t c = more == 0 ? lead : lead & (0x3Fu >> more);
    for (int i = 1; i <= more; ++i) {
      const auto next = static_cast<unsigned char>(text[wrong + static_cast<std::size_t>(i)]);
      if (next >> 6 != 2) return std::nullopt;
      c = c << 6 | (next & 0x3F);
    }
    constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};  // below: more bytes than it needs
    if (c < kLeast[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return std::nullopt;
    characters += c;
    wrong += 1 + static_cast<std::size_t>(more);
  }
  return characters;
}

std::string to_utf8(std::u32string_view characters) {
  std::string text;
  for (const char32_t c : characters) {
    const int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    constexpr unsigned kLead[] = {0, 0xC0, 0xE0, 0xF0};
    text += static_cast<char>(kLead[more] | c >> (6 * more));
    for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
  }
  return text;
}

std::string printable(std::string_view text, std::size_t most) {
  if (text.size() <= most) return shown(text, "");
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;  // not within a character
  return shown(text.substr(0, most), "") + "...";
}
std::string printable_text(std::string_view text) { return shown(text, "\n\t"); }

std::string join(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

}  // namespace seqtape
