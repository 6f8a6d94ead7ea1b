#pragma once
// Answers as arrays for NumPy.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/io/json.h"

namespace seqtape {

/// Columns of text (`<U`), of whole numbers (`<i8`) and of others (`<f8`), with an element a row.
class AnswerArrays {
 public:
  enum class Kind { text, integer, number };
  /// Throws ConfigError when there is a column of that name.
  void column(const std::string& name, Kind);
  /// A column turns into what its first cell is, where that is not the kind it was said to be. Null: NaN.
  void add(const std::string& name, const Json& cell);
  /// Writes a new .npz. Throws CheckpointError.
  void write(const std::filesystem::path&) const;

 private:
  struct Column {
    std::string name;
    Kind kind;
    std::vector<std::u32string> texts{};
    std::vector<std::int64_t> integers{};
    std::vector<double> numbers{};
  };
  std::vector<Column> columns_;
  std::map<std::string, std::size_t> places_;
};

}  // namespace seqtape
