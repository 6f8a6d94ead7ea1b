#pragma once
// The safetensors format: 8 bytes of header length, a JSON header, raw little-endian data.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace seqtape {

/// A safetensors file, validated completely when it is opened: header length and nesting, types, shapes that match
/// their byte ranges, no overflow, no overlap, no hole, nothing after the data, no duplicate name. A tensor of an
/// unknown type is listed, with only its range checked, and cannot be read.
class SafetensorsFile {
 public:
  struct Entry {
    std::string dtype;  ///< as the file has it: F64 F32 F16 BF16 I64 I32 I16 I8 U8 U16 U32 U64 BOOL, F8_E4M3, ...
    Shape shape;
    std::uint64_t begin = 0, end = 0;  ///< bytes from the start of the data
  };

  /// Throws CheckpointError with the file and what is wrong with it.
  explicit SafetensorsFile(const std::filesystem::path&);

  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  bool contains(const std::string& name) const { return entries_.count(name) != 0; }
  /// Throws CheckpointError when there is no such tensor.
  const Entry& entry(const std::string& name) const;

  /// Whether `floats` and `doubles` can read the type: F64, F32, F16 or BF16.
  static bool is_real(const std::string& dtype);
  /// The values of a floating-point tensor, converted. Throws CheckpointError for other types.
  std::vector<float> floats(const std::string& name) const;
  std::vector<double> doubles(const std::string& name) const;
  /// The values of an integer tensor. Throws CheckpointError for other types.
  std::vector<std::int64_t> integers(const std::string& name) const;

 private:
  std::string bytes(const Entry&) const;
  template <class T>
  std::vector<T> real_values(const std::string& name) const;

  std::filesystem::path path_;
  std::uint64_t data_start_ = 0;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, Entry> entries_;
};

/// Writes a safetensors file: tensors in the order in which they were added. It keeps pointers to the values, which
/// must outlive it, so that a save does not copy the model.
class SafetensorsWriter {
 public:
  void add(const std::string& name, const Shape& shape, const float* values);
  void add(const std::string& name, const Shape& shape, const std::int64_t* values);
  void metadata(const std::string& key, const std::string& value) { metadata_[key] = value; }
  /// Writes and flushes the file; returns its CRC-32. Throws CheckpointError.
  std::uint32_t write(const std::filesystem::path&) const;

 private:
  struct Pending {
    std::string name, dtype;
    Shape shape;
    std::string_view data;
  };
  std::vector<Pending> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace seqtape
