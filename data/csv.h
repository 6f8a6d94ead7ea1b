#pragma once
// CSV files of numbers.

#include <filesystem>
#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// A file's rows as text, plain or gz, by libcsv (quotes as in RFC 4180). The separator is the one of comma, semicolon
/// and tab that the first line has most of. Empty lines are left out; `lines` gets each row's line.
struct CsvFile {
  explicit CsvFile(const std::filesystem::path&);

  /// Row r, column c as a number. Throws DataError with file, line and column (`name`, for the message) when it is
  /// none.
  float number(std::size_t r, std::size_t c, const std::string& name) const;

  std::string path;
  std::vector<std::vector<std::string>> rows;
  std::vector<Index> lines;
};

}  // namespace seqtape
