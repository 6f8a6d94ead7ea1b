#include "data/csv.h"

#include <csv.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "data/files.h"

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

unsigned char separator_of(std::string_view line) {
  const auto count = [&](char c) { return std::count(line.begin(), line.end(), c); };
  return static_cast<unsigned char>(std::max({',', ';', '\t'}, [&](char a, char b) { return count(a) < count(b); }));
}

}  // namespace

CsvFile::CsvFile(const std::filesystem::path& from) : path(from.string()) {
  const std::string text = read_unpacked(from);
  csv_parser parser;
  if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) throw DataError(str(path, ": cannot be read"));
  const std::unique_ptr<csv_parser, decltype(&csv_free)> guard(&parser, csv_free);
  Reading reading{*this, {}};
  Index line = 1;
  std::size_t begin = after_byte_order_mark(text);
  csv_set_delim(&parser, separator_of(std::string_view(text).substr(begin, text.find('\n') - begin)));
  while (begin < text.size()) {  // a line at a time, to know each row's
    const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1, before = rows.size();
    if (csv_parse(&parser, text.data() + begin, end - begin, on_field, on_row, &reading) != end - begin)
      throw DataError(str(path, ":", line, ": is not CSV: ", csv_strerror(csv_error(&parser))));
    if (rows.size() > before) lines.push_back(line);
    ++line;
    begin = end;
  }
  const std::size_t before = rows.size();
  if (csv_fini(&parser, on_field, on_row, &reading) != 0)
    throw DataError(str(path, ": ends within quotes: ", csv_strerror(csv_error(&parser))));
  if (rows.size() > before) lines.push_back(line - 1);
}

float CsvFile::number(std::size_t r, std::size_t c, const std::string& name) const {
  const auto refuse = [&](const std::string& problem) -> float {
    throw DataError(str(path, ":", lines[r], ": column ", name, " ", problem));
  };
  if (c >= rows[r].size()) return refuse(str("is missing: the line has ", rows[r].size(), " columns"));
  const std::string& text = rows[r][c];
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return refuse(str("is not a number: \"", text, "\""));
  if (!std::isfinite(value) || std::fabs(value) > 1e37) return refuse(str("is not a finite number: \"", text, "\""));
  return static_cast<float>(value);
}

}  // namespace seqtape
