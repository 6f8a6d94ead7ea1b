#include "data/readers/images.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"
#include "data/readers/files.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

enum class Format { idx_images, idx_labels, cifar10, none };

/// By its first bytes, or for CIFAR-10, whose files have no mark, by its size.
Format format_of(const std::string& bytes) {
  if (bytes.size() > 16 && bytes.compare(0, 4, std::string("\0\0\x08\x03", 4)) == 0) return Format::idx_images;
  if (bytes.size() > 8 && bytes.compare(0, 4, std::string("\0\0\x08\x01", 4)) == 0) return Format::idx_labels;
  return !bytes.empty() && bytes.size() % 3073 == 0 ? Format::cifar10 : Format::none;
}

/// Named as those that test: t10k-images-idx3-ubyte, test_batch.bin.
bool tests(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.find("test") != std::string::npos || name.find("t10k") != std::string::npos;
}

Index number_at(const std::string& bytes, std::size_t at) {
  Index value = 0;
  for (std::size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

Proposal propose_images(const Paths& paths) {
  Proposal proposal;
  proposal.task = {{"name", "images"}, {"classes", 0}};
  LeftOut left_out;
  Index count = 0;
  for (const fs::path& path : paths)
    for (const fs::path& file : files_under(path, left_out, "new images: ")) {
      const std::string bytes = read_unpacked(file);
      const Format format = format_of(bytes);
      const bool test = tests(file);
      if (format == Format::idx_images) {
        const Index images = number_at(bytes, 4), height = number_at(bytes, 8), width = number_at(bytes, 12);
        if (height != width)
          throw DataError(str(file.string(), ": its images are ", width, " x ", height, "; square ones are read"));
        proposal.seen.push_back(
            str(file.string(), ": ", grouped(images), " images of ", width, " x ", height, test ? ", to test" : ""));
        const std::string labels = labels_beside(file);
        if (labels.empty())
          throw DataError(str(file.string(), ": its labels are not beside it; they are named as the images, with ",
                              "labels-idx1 for images-idx3"));
        proposal.task[test ? "test_images" : "images"] = {file.string()};
        proposal.task[test ? "test_labels" : "labels"] = labels;
        if (!test) count = images;
        proposal.task["side"] = width;
      } else if (format == Format::cifar10) {
        const Index images = static_cast<Index>(bytes.size()) / 3073;
        proposal.seen.push_back(
            str(file.string(), ": ", grouped(images), " images of 32 x 32", test ? ", to test" : ""));
        proposal.task[test ? "test_images" : "images"].push_back(file.string());
        proposal.task.update({{"format", "cifar10"}, {"side", 32}});
        if (!test) count += images;
      } else if (format == Format::none) {
        throw DataError(str(file.string(), ": is neither an IDX file nor one of CIFAR-10's binary version"));
      }
    }
  if (count < 10) throw DataError(str("new images: ", count, " images to train on, 10 are the least"));
  proposal.task["validation"] = std::min<Index>(5000, std::max<Index>(1, count / 10));
  return proposal;
}

}  // namespace seqtape
