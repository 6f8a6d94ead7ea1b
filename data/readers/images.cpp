#include "data/readers/images.h"

#include <cmath>

#include "core/error.h"
#include "data/readers/files.h"

namespace seqtape {
namespace {

std::uint32_t big_endian(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Checks an IDX header of unsigned bytes with `rank` extents and returns them; data follows at 4 + 4 rank.
/// Source: the description of the format on the MNIST page (LeCun et al.).
std::vector<Index> idx_extents(const std::string& path, const std::string& bytes, std::size_t rank) {
  const std::size_t header = 4 + 4 * rank;
  if (bytes.size() < header) throw DataError(str(path, ": is too short for an IDX file: ", bytes.size(), " bytes"));
  const std::uint32_t magic = big_endian(bytes, 0), wanted = 0x0800 + static_cast<std::uint32_t>(rank);
  if (magic != wanted)
    throw DataError(str(path, ": is not an IDX file of ", rank == 3 ? "images" : "labels", ": its magic number is ",
                        magic, ", must be ", wanted));
  std::vector<Index> extents;
  double size = 1;
  for (std::size_t i = 0; i < rank; ++i) {
    extents.push_back(static_cast<Index>(big_endian(bytes, 4 + 4 * i)));
    size *= static_cast<double>(extents.back());
  }
  if (size != static_cast<double>(bytes.size() - header))
    throw DataError(str(path, ": its header promises ", size, " bytes of data, it has ", bytes.size() - header));
  return extents;
}

}  // namespace

void ImageSet::refuse_labels_from(Index classes) const {
  auto file = files.begin();
  for (Index i = 0; i < count; ++i) {
    while (file + 1 != files.end() && (file + 1)->first <= i) ++file;
    if (const std::int32_t label = labels[static_cast<std::size_t>(i)]; label >= classes)
      throw DataError(
          str(file->second, ": label ", label, " of image ", i - file->first, " is not below task.classes, ", classes));
  }
}

ImageSet read_idx_images(const std::string& images, Index side) {
  ImageSet set;
  set.bytes = read_unpacked(images);
  const std::vector<Index> extents = idx_extents(images, set.bytes, 3);
  if (extents[1] != side || extents[2] != side)
    throw DataError(str(images, ": images are ", extents[1], " x ", extents[2], ", task.side is ", side));
  set.count = extents[0];
  set.pixels = side * side;
  set.bytes.erase(0, 16);
  return set;
}

ImageSet read_idx(const std::string& images, const std::string& labels, Index side) {
  ImageSet set = read_idx_images(images, side);
  const std::string answers = read_unpacked(labels);
  const std::vector<Index> count = idx_extents(labels, answers, 1);
  if (set.count != count[0])
    throw DataError(str(labels, ": has ", count[0], " labels for the ", set.count, " images of ", images));
  set.files.emplace_back(0, labels);
  for (std::size_t i = 8; i < answers.size(); ++i) set.labels.push_back(static_cast<unsigned char>(answers[i]));
  return set;
}

/// Source: the description of the binary version on the CIFAR page (Krizhevsky).
ImageSet read_cifar10(const std::vector<std::string>& files, bool rgb) {
  constexpr Index kPixels = 32 * 32, kRecord = 1 + 3 * kPixels;
  ImageSet set;
  set.pixels = kPixels;
  set.channels = rgb ? 3 : 1;
  for (const std::string& path : files) {
    const std::string bytes = read_unpacked(path);
    if (bytes.empty() || bytes.size() % kRecord != 0)
      throw DataError(str(path, ": is not a file of CIFAR-10's binary version: its ", bytes.size(),
                          " bytes are no multiple of ", kRecord));
    set.files.emplace_back(static_cast<Index>(set.labels.size()), path);
    for (std::size_t at = 0; at < bytes.size(); at += kRecord) {
      set.labels.push_back(static_cast<unsigned char>(bytes[at]));
      for (std::size_t i = 0; i < kPixels; ++i) {
        const auto plane = [&](std::size_t c) {
          return static_cast<double>(static_cast<unsigned char>(bytes[at + 1 + c * kPixels + i]));
        };
        if (rgb)
          for (std::size_t c = 0; c < 3; ++c) set.bytes += bytes[at + 1 + c * kPixels + i];
        else  // luma, ITU-R BT.601
          set.bytes += static_cast<char>(std::lround(0.299 * plane(0) + 0.587 * plane(1) + 0.114 * plane(2)));
      }
    }
  }
  set.count = static_cast<Index>(set.labels.size());
  return set;
}

std::string labels_beside(const std::filesystem::path& images) {
  std::string name = images.filename().string();
  const auto images_at = name.find("images");
  if (images_at == std::string::npos) return "";
  name.replace(images_at, 6, "labels");
  if (const auto at = name.find("idx3"); at != std::string::npos) name.replace(at, 4, "idx1");
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  for (const char* packed : {"", ".gz"})
    if (const auto file = images.parent_path() / (name + packed); std::filesystem::is_regular_file(file))
      return file.string();
  return "";
}

}  // namespace seqtape
