#include "apps/predict/arrays.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/io/npz.h"
#include "core/strings.h"

namespace seqtape {
namespace {

template <class T>
void append_bytes(std::string& bytes, const T* from, std::size_t count) {
  bytes.append(reinterpret_cast<const char*>(from), count * sizeof(T));
}

/// Of one width, filled up with zeros: NumPy's text.
std::string same_width(const std::vector<std::u32string>& texts, std::size_t width) {
  std::string bytes;
  for (std::u32string text : texts) {
    text.resize(width);
    append_bytes(bytes, text.data(), width);
  }
  return bytes;
}

}  // namespace

void AnswerArrays::column(const std::string& name, Kind kind) {
  if (!places_.emplace(name, columns_.size()).second)
    throw ConfigError(str("--out: two columns of the answers are called \"", printable(name),
                          "\", and an .npz has one array of a name; write .csv"));
  columns_.push_back({name, kind});
}

void AnswerArrays::add(const std::string& name, const Json& cell) {
  Column& column = columns_[places_.at(name)];
  if (column.texts.empty() && column.integers.empty() && column.numbers.empty())
    column.kind = cell.is_string() ? Kind::text : cell.is_number_integer() ? Kind::integer : Kind::number;
  if (column.kind == Kind::number)
    column.numbers.push_back(cell.is_null() ? std::nan("") : cell.get<double>());
  else if (column.kind == Kind::integer)
    column.integers.push_back(cell.get<std::int64_t>());
  else {
    std::size_t wrong = 0;
    column.texts.push_back(from_utf8(cell.get<std::string>(), wrong).value_or(U""));
  }
}

void AnswerArrays::write(const std::filesystem::path& path) const {
  std::vector<std::string> bytes(columns_.size());
  std::vector<NpzArray> arrays;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    const std::size_t rows = column.texts.size() + column.integers.size() + column.numbers.size();
    std::string type = column.kind == Kind::number ? "<f8" : "<i8";
    append_bytes(bytes[c], column.integers.data(), column.integers.size());
    append_bytes(bytes[c], column.numbers.data(), column.numbers.size());
    if (column.kind == Kind::text) {
      std::size_t width = 1;
      for (const std::u32string& text : column.texts) width = std::max(width, text.size());
      bytes[c] = same_width(column.texts, width);
      type = "<U" + std::to_string(width);
    }
    arrays.push_back({column.name, type, {static_cast<Index>(rows)}, bytes[c]});
  }
  write_npz(path, arrays);
}

}  // namespace seqtape
