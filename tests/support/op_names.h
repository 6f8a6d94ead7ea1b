#pragma once
// The ops that autograd/ops has files for.

#include <filesystem>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/real.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {

/// The name in every OpSchema written there.
inline std::vector<std::string> names_in_op_files() {
  std::vector<std::string> names;
  const std::string before = "OpSchema schema{";
  for (const auto& entry : std::filesystem::directory_iterator(SEQTAPE_SOURCE_DIR "/autograd/ops")) {
    const std::string text = read_file(entry.path());
    for (std::size_t at = 0; (at = text.find(before, at)) != std::string::npos;) {
      const std::size_t begin = text.find('"', at) + 1;
      at = text.find('"', begin);
      names.push_back(text.substr(begin, at - begin));
    }
  }
  return names;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
