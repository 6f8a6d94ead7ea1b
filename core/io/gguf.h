#pragma once
// GGUF, version 3: llama.cpp's format. A header of keys and tensor descriptions, then the data, each tensor aligned.
// Source: docs/gguf.md of the ggml project.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/shape.h"

namespace seqtape {

/// A key's value: integers of every width are one kind, floating-point numbers another. The elements of a list are of
/// one kind; lists of lists are not supported.
using GgufValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>, std::vector<double>,
                               std::vector<std::string>>;

/// A GGUF file, validated completely when it is opened: counts, string lengths and offsets within the file, known
/// types, alignment, no overflow, no overlap, no duplicate key or name.
class GgufFile {
 public:
  struct Entry {
    std::uint32_t type = 0;   ///< 0 F32, 1 F16, 30 BF16; others cannot be read
    Shape shape;              ///< row-major, as everywhere here; the file stores it reversed
    std::uint64_t begin = 0;  ///< offset of the data in the file, in bytes
  };

  /// Throws CheckpointError with the file and what is wrong with it.
  explicit GgufFile(const std::filesystem::path&);

  const std::map<std::string, GgufValue>& keys() const { return keys_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  /// Throws CheckpointError when the key is missing or of another kind.
  std::int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  std::string text(const std::string& key) const;
  /// The values of an F32, F16 or BF16 tensor. Throws CheckpointError for other types.
  std::vector<double> values(const std::string& name) const;

 private:
  template <class T>
  const T& of_kind(const std::string& key, const char* kind) const;
  std::filesystem::path path_;
  std::map<std::string, GgufValue> keys_;
  std::map<std::string, Entry> entries_;
};

/// Writes a GGUF file: F32 tensors, keys in the order in which they were added.
class GgufWriter {
 public:
  void key(const std::string& name, std::uint32_t value);
  void key(const std::string& name, float value);
  void key(const std::string& name, bool value);
  void key(const std::string& name, const std::string& value);
  void key(const std::string& name, const std::vector<std::string>& values);
  void tensor(const std::string& name, const Shape& shape, std::vector<float> values);
  /// Throws CheckpointError.
  void write(const std::filesystem::path&) const;

 private:
  void begin_key(const std::string& name, std::uint32_t type);
  struct Pending {
    std::string name;
    Shape shape;
    std::vector<float> values;
  };
  std::string keys_;
  std::uint64_t key_count_ = 0;
  std::vector<Pending> tensors_;
};

}  // namespace seqtape
