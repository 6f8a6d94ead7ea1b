#pragma once
// Files of labelled images: IDX (MNIST and its kin) and CIFAR-10's binary version, plain or gz.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/real.h"

namespace seqtape {

struct ImageSet {
  Index count = 0, pixels = 0, channels = 1;
  std::string bytes{};                 ///< [count, pixels, channels]
  std::vector<std::int32_t> labels{};  ///< [count]
  /// The files of the labels, and the image with which each begins.
  std::vector<std::pair<Index, std::string>> files{};

  /// The bytes of image i.
  std::string_view image(Index i) const {
    const auto size = static_cast<std::size_t>(pixels * channels);
    return std::string_view(bytes).substr(static_cast<std::size_t>(i) * size, size);
  }
  /// Throws DataError, which names file and image, for a label that is not below `classes`.
  void refuse_labels_from(Index classes) const;
};

/// The images of an IDX file, which must be `side` x `side`, without labels. Throws DataError.
ImageSet read_idx_images(const std::string& images, Index side);
/// With the labels of another. Throws DataError.
ImageSet read_idx(const std::string& images, const std::string& labels, Index side);
/// Files of records: a label and three planes of 32 x 32 bytes, red, green, blue; `rgb`: a pixel is three values,
/// otherwise its brightness. Throws DataError.
ImageSet read_cifar10(const std::vector<std::string>& files, bool rgb);

/// The file of an IDX file's labels by MNIST's naming, which its kin keep: train-labels-idx1-ubyte.gz beside
/// train-images-idx3-ubyte.gz, either of them packed or not. "" when there is none.
std::string labels_beside(const std::filesystem::path& images);

}  // namespace seqtape
