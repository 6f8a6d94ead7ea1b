#pragma once
// Reading data files.

#include <filesystem>
#include <string>
#include <vector>

namespace seqtape {

/// A file, unpacked when it is gz. Throws DataError.
std::string read_unpacked(const std::filesystem::path&);

/// Where text begins behind a byte order mark: 0 or 3.
std::size_t after_byte_order_mark(const std::string& text);

/// The file itself, or the files under a folder in a fixed order. Links that lead back up are not followed twice.
/// Throws DataError when there are none.
std::vector<std::filesystem::path> files_under(const std::filesystem::path&);

}  // namespace seqtape
