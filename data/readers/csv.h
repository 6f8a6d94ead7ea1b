#pragma once
// CSV files of numbers.

#include <filesystem>
#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// A file's rows as text, plain or gz, by libcsv (quotes as in RFC 4180). The separator is the one of comma, semicolon
/// and tab that the first row has most of outside quotes; where it has none, `blanks` makes it runs of blanks. Lines
/// end in LF, CR LF or CR. Empty ones are left out; `lines` gets the line that each row ends in.
struct CsvFile {
  explicit CsvFile(const std::filesystem::path&, bool blanks = false);

  /// Row r, column c as a number: "1", "-0.5", "+1e3"; too small for a double is 0. Throws DataError with file, line
  /// and column (`name`, for the message) when it is none.
  double number(std::size_t r, std::size_t c, const std::string& name) const;
  /// Throws DataError when a row has a cell that is not empty beyond the names of the first.
  void refuse_unnamed_cells() const;

  std::string path;
  std::vector<std::vector<std::string>> rows;
  std::vector<Index> lines;
};

}  // namespace seqtape
