#include "data/readers/csv.h"

#include <csv.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/strings.h"
#include "data/readers/files.h"

namespace seqtape {
namespace {

struct Reading {
  CsvFile& file;
  std::vector<std::string> row;
};

void on_field(void* text, std::size_t size, void* reading) {
  static_cast<Reading*>(reading)->row.emplace_back(static_cast<const char*>(text), size);
}

void on_row(int, void* context) {
  auto& [file, row] = *static_cast<Reading*>(context);
  file.rows.push_back(std::move(row));
  row.clear();
}

/// The separator of the first row, which may span several lines inside quotes. 0: it has none.
char separator_of(const std::string& text) {
  std::string outside;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '\n' || c == '\r') && !outside.empty()) break;
    if (!quoted) outside += c;
  }
  const auto count = [&](char c) { return std::count(outside.begin(), outside.end(), c); };
  const char most = std::max({',', ';', '\t'}, [&](char a, char b) { return count(a) < count(b); });
  return count(most) > 0 ? most : '\0';
}

/// Numbers between blanks, as between tabs.
std::string tabs_for_blanks(const std::string& text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    if (c != ' ' && blank && c != '\n' && c != '\r' && !out.empty() && out.back() != '\n' && out.back() != '\r')
      out += '\t';
    blank = c == ' ';
    if (!blank) out += c;
  }
  return out;
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

constexpr double kLargest = 1e150;  // its square must be a number

/// The number of a cell, which may be infinite or none (NaN); nothing: it is not written as one.
std::optional<double> number_in(std::string_view cell) {
  std::string_view text = without_blanks(cell);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return {};
  if (error == std::errc::result_out_of_range) value = std::strtod(std::string(text).c_str(), nullptr);
  return value;
}

/// A hint at what a cell that is not a number may mean.
std::string hint(const std::string& text) {
  if (is_missing(text) || text == ".") return "; rows without a value must be filled or removed";
  const bool digits = text.find_first_of("0123456789") != std::string::npos;
  if (digits && text.find_first_not_of("0123456789+-.,' \xA0\xC2\xE2\x80\xAF") == std::string::npos)
    return "; numbers have a decimal point, not a comma, and no thousands separators";
  return "";
}

}  // namespace

CsvFile::CsvFile(const std::filesystem::path& from, bool blanks) : path(from.string()) {
  std::string text = path == "-" ? read_standard_text() : read_text(from);
  csv_parser parser;
  if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) throw DataError(str(path, ": cannot be read"));
  const std::unique_ptr<csv_parser, decltype(&csv_free)> guard(&parser, csv_free);
  char separator = separator_of(text);
  if (!separator && blanks) {
    text = tabs_for_blanks(text);
    separator = '\t';
  }
  csv_set_delim(&parser, static_cast<unsigned char>(separator ? separator : ','));
  Reading reading{*this, {}};
  Index line = 1;
  for (std::size_t begin = 0, next = 0; begin < text.size();
       begin = next, ++line) {  // a line at a time: a row ends in it
    line_end(text, begin, next);
    const std::size_t size = std::min(next, text.size()) - begin, before = rows.size();
    if (csv_parse(&parser, text.data() + begin, size, on_field, on_row, &reading) != size)
      throw DataError(str(path, ":", line, ": is not CSV: ", csv_strerror(csv_error(&parser))));
    lines.insert(lines.end(), rows.size() - before, line);
  }
  const std::size_t before = rows.size();
  if (csv_fini(&parser, on_field, on_row, &reading) != 0)
    throw DataError(str(path, ": ends within quotes: ", csv_strerror(csv_error(&parser))));
  lines.insert(lines.end(), rows.size() - before, line - 1);
}

double CsvFile::number(std::size_t r, std::size_t c, const std::string& name) const {
  const auto refuse = [&](const std::string& problem) -> double {
    throw DataError(str(path, ":", lines[r], ": column ", printable(name), " ", problem));
  };
  if (c >= rows[r].size()) return refuse(str("is missing: the line has ", rows[r].size(), " columns"));
  const std::optional<double> value = number_in(rows[r][c]);
  if (value && std::fabs(*value) <= kLargest) return *value;
  const std::string shown = "\"" + printable(rows[r][c], 60) + "\"";
  if (!value) return refuse(str("is not a number: ", shown, hint(rows[r][c])));
  if (!std::isfinite(*value)) return refuse(str("is not a finite number: ", shown, hint(rows[r][c])));
  return refuse(str("is too large: ", shown));
}

bool is_number(std::string_view cell) {
  const std::optional<double> value = number_in(cell);
  return value && std::fabs(*value) <= kLargest;
}

void CsvFile::refuse_unnamed_cells() const {
  const std::size_t names = rows.empty() ? 0 : rows[0].size();
  for (std::size_t r = 1; r < rows.size(); ++r)
    for (std::size_t c = names; c < rows[r].size(); ++c)
      if (!rows[r][c].empty())
        throw DataError(str(path, ":", lines[r], ": has ", rows[r].size(), " columns, the first line names ", names,
                            ": \"", printable(rows[r][c], 60),
                            "\" has no name; a decimal comma? Numbers have a decimal point"));
}

bool is_missing(std::string_view cell) {
  static constexpr std::string_view known[] = {"", "-", "?", "na", "nan", "n/a", "nil", "null", "none"};
  cell = without_blanks(cell);
  if (cell.size() > 4) return false;
  char small[4];
  for (std::size_t i = 0; i < cell.size(); ++i)
    small[i] = static_cast<char>(cell[i] >= 'A' && cell[i] <= 'Z' ? cell[i] - 'A' + 'a' : cell[i]);
  return std::find(std::begin(known), std::end(known), std::string_view(small, cell.size())) != std::end(known);
}

}  // namespace seqtape
