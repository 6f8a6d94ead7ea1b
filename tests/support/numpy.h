#pragma once
// NumPy's files, written from their description.
#include <doctest/doctest.h>
#include <zip.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace seqtape::testing {

/// An .npy; `shape`: "(2, 3)".
inline std::string npy(const std::string& type, const std::string& shape, const std::string& elements,
                       bool fortran = false) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ') += '\n';
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size() & 255) +
         static_cast<char>(header.size() >> 8) + header + elements;
}

/// The bytes of numbers, low byte first as in the machine, or high.
template <class T>
std::string bytes_of(const std::vector<T>& numbers, bool big = false) {
  std::string all;
  for (const T number : numbers) {
    std::string one(reinterpret_cast<const char*>(&number), sizeof number);
    all += big ? std::string(one.rbegin(), one.rend()) : one;
  }
  return all;
}

/// A new zip file of members.
inline void write_zip(const std::filesystem::path& path,
                      const std::vector<std::pair<std::string, std::string>>& members, bool deflated = false) {
  std::filesystem::remove(path);
  zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, nullptr);
  REQUIRE(archive);
  for (const auto& [name, content] : members) {
    zip_source_t* const source = zip_source_buffer(archive, content.data(), content.size(), 0);
    const zip_int64_t at = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    REQUIRE(at >= 0);
    REQUIRE(zip_set_file_compression(archive, static_cast<zip_uint64_t>(at), deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                                     0) == 0);
  }
  REQUIRE(zip_close(archive) == 0);
}

}  // namespace seqtape::testing
