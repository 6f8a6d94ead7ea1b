#pragma once
// NumPy's .npz: an uncompressed zip file with an .npy for each array.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/real.h"

namespace seqtape {

struct NpzArray {
  std::string name;           ///< of two arrays, not the same
  std::string type;           ///< as NumPy writes it: "<f4", "<f8", "<i8", "<U12"
  std::vector<Index> shape;   ///< the last extent varies fastest
  std::string_view elements;  ///< their bytes, of the type
};

/// Writes a new file; the same arrays give the same bytes. Throws CheckpointError.
void write_npz(const std::filesystem::path&, const std::vector<NpzArray>&);

}  // namespace seqtape
