#pragma once
// CSV files of numbers.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// A file's rows as text, plain or gz, read ("-": standard input) with libcsv (quotes as in RFC 4180). The separator is
/// the one of comma, semicolon and tab that is most frequent in the first row, outside quotes; if it has none, `blanks`
/// makes it runs of blanks. Lines end in LF, CR LF or CR; empty ones are skipped. `lines` has the line in which each
/// row ends.
struct CsvFile {
  explicit CsvFile(const std::filesystem::path&, bool blanks = false);

  /// Row r, column c as a number: "1", "-0.5", "+1e3"; one too small for a double is 0. Throws DataError with file,
  /// line and column (`name`) when it is not a number, or too large to be squared.
  double number(std::size_t r, std::size_t c, const std::string& name) const;
  /// Throws DataError when a row has a non-empty cell beyond the columns that the first row names.
  void refuse_unnamed_cells() const;

  std::string path;
  std::vector<std::vector<std::string>> rows;
  std::vector<Index> lines;
};

/// Whether a cell is a number as CsvFile::number reads it.
bool is_number(std::string_view cell);

/// A cell that stands for no value: empty, NaN, NA, N/A, null, nil, None, "-" or "?", in letters of any case.
bool is_missing(std::string_view cell);

}  // namespace seqtape
