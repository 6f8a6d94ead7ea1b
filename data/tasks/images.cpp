#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/io/file.h"
#include "core/random.h"
#include "core/strings.h"
#include "data/epochs.h"
#include "data/readers/files.h"
#include "data/task.h"

namespace seqtape {
namespace {

/// Classification of images as sequences of pixels, from IDX files (MNIST and its kin) or CIFAR-10's binary files, gz
/// or plain. The last `validation` training images validate. Training reads all others in a new order each epoch.
class Images final : public Task {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override;
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override;
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  bool has(Split split) const override { return split != Split::test || test_.count > 0; }
  Index training_sequences() const override { return train_.count - validation_; }
  std::vector<Index> training_counts() const override;
  std::string fingerprint() const override;
  std::vector<std::string> notes() const override;
  NewInputs new_inputs() override;

 private:
  friend class ImagesEvaluation;
  struct Set {
    Index count = 0, pixels = 0, channels = 1;
    std::string bytes;  ///< [count, pixels, channels]
    std::vector<std::int32_t> labels;
  };
  Set read(const std::vector<std::string>& images, const std::string& labels) const;
  Set read_idx(const std::string& images, const std::string& labels) const;
  /// The images of an IDX file alone.
  Set read_pixels(const std::string& images) const;
  std::vector<std::int32_t> places(Index pixels) const;
  Set read_cifar(const std::vector<std::string>& files) const;
  void require_label(std::int32_t label, Index image, const std::string& path) const;
  /// Images `indices` of a set, pixels [begin, begin + steps) of each in the task's order.
  void fill(const Set&, const std::vector<Index>& indices, Index begin, Index steps, Batch& out) const;

  std::vector<std::string> images_, test_images_;
  std::string format_ = "idx", labels_, test_labels_, order_ = "raster", color_ = "grey";
  Index side_ = 28, validation_ = 5000, classes_ = 10;
  bool tokens_ = false;
  std::uint64_t seed_ = 0;
  Set train_, test_;
  std::vector<std::int32_t> place_;  // of the t-th pixel read
  mutable Epochs epochs_;
};

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

/// Images in order, in chunks.
class ImagesEvaluation final : public Evaluation {
 public:
  ImagesEvaluation(const Images& task, const Images::Set& set, Index first, Index last,
                   const EvaluationOptions& options)
      : task_(task), set_(set), next_(first), last_(last), options_(options) {}

  bool next(Batch& chunk) override {
    if (begin_ == set_.pixels) {
      begin_ = 0;
      next_ += options_.batch;
    }
    if (next_ >= last_) return false;
    std::vector<Index> indices(static_cast<std::size_t>(std::min(options_.batch, last_ - next_)));
    std::iota(indices.begin(), indices.end(), next_);
    const Index steps = std::min(options_.chunk, set_.pixels - begin_);
    task_.fill(set_, indices, begin_, steps, chunk);
    begin_ += steps;
    return true;
  }

 private:
  const Images& task_;
  const Images::Set& set_;
  Index next_, last_;
  EvaluationOptions options_;
  Index begin_ = 0;
};

}  // namespace

void Images::fields(Fields& f) {
  f("format", format_, "of the files: IDX, or CIFAR-10's binary version", one_of({"idx", "cifar10"}));
  f("images", images_, "file of training images, or a list of them (cifar10), relative to the config; may be gz",
    same_data(required()));
  f("labels", labels_, "IDX file of their labels; cifar10 has them in the same files", same_data());
  f("test_images", test_images_, "test images likewise; none: no test split", same_data());
  f("test_labels", test_labels_, "IDX file of their labels", same_data());
  f("side", side_, "width and height of an image", positive_up_to(4096));
  f("classes", classes_, "labels are below this", between(2, 256));
  f("validation", validation_, "training images, at the end, kept for validation", positive_up_to(1e9));
  f("order", order_, "of the pixels: by rows, in a fixed random order, or by bit reversal of the row-wise index",
    one_of({"raster", "permuted", "bit_reversed"}));
  f("color", color_, "cifar10: a pixel is its brightness, or three values", one_of({"grey", "rgb"}));
  f("tokens", tokens_, "pixels are 256 tokens; otherwise real values in [0, 1]");
}

void Images::resolve_paths(const std::filesystem::path& base) {
  const auto resolve = [&](std::string& path) {
    if (!path.empty()) path = std::filesystem::absolute(base / path).lexically_normal().string();
  };
  for (auto* paths : {&images_, &test_images_}) {
    std::erase(*paths, "");
    std::for_each(paths->begin(), paths->end(), resolve);
  }
  resolve(labels_);
  resolve(test_labels_);
}

void Images::require_label(std::int32_t label, Index image, const std::string& path) const {
  if (label >= classes_)
    throw DataError(str(path, ": label ", label, " of image ", image, " is not below task.classes, ", classes_));
}

Images::Set Images::read(const std::vector<std::string>& images, const std::string& labels) const {
  std::vector<std::string> files = images;
  if (format_ == "idx") files.push_back(labels);
  for (const std::string& path : files)
    if (!std::filesystem::is_regular_file(path))
      throw DataError(str("task.images: ", path, " does not exist or is not a file"));
  return format_ == "idx" ? read_idx(images.front(), labels) : read_cifar(images);
}

/// A record is a label and three planes of 32 x 32 bytes: red, green, blue.
/// Source: the description of the binary version on the CIFAR page (Krizhevsky).
Images::Set Images::read_cifar(const std::vector<std::string>& files) const {
  constexpr Index kPixels = 32 * 32, kRecord = 1 + 3 * kPixels;
  if (side_ != 32) throw ConfigError(str("task.side: must be 32 for cifar10, got ", side_));
  Set set;
  set.pixels = kPixels;
  set.channels = color_ == "rgb" ? 3 : 1;
  for (const std::string& path : files) {
    const std::string bytes = read_unpacked(path);
    if (bytes.empty() || bytes.size() % kRecord != 0)
      throw DataError(str(path, ": is not a file of CIFAR-10's binary version: its ", bytes.size(),
                          " bytes are no multiple of ", kRecord));
    for (std::size_t at = 0; at < bytes.size(); at += kRecord) {
      set.labels.push_back(static_cast<unsigned char>(bytes[at]));
      require_label(set.labels.back(), static_cast<Index>(at) / kRecord, path);
      for (std::size_t i = 0; i < kPixels; ++i) {
        const auto plane = [&](std::size_t c) {
          return static_cast<double>(static_cast<unsigned char>(bytes[at + 1 + c * kPixels + i]));
        };
        if (set.channels == 3)
          for (std::size_t c = 0; c < 3; ++c) set.bytes += bytes[at + 1 + c * kPixels + i];
        else  // luma, ITU-R BT.601
          set.bytes += static_cast<char>(std::lround(0.299 * plane(0) + 0.587 * plane(1) + 0.114 * plane(2)));
      }
    }
  }
  set.count = static_cast<Index>(set.labels.size());
  return set;
}

Images::Set Images::read_pixels(const std::string& images) const {
  Set set;
  set.bytes = read_unpacked(images);
  const std::vector<Index> extents = idx_extents(images, set.bytes, 3);
  if (extents[1] != side_ || extents[2] != side_)
    throw DataError(str(images, ": images are ", extents[1], " x ", extents[2], ", task.side is ", side_));
  set.count = extents[0];
  set.pixels = side_ * side_;
  set.bytes.erase(0, 16);
  return set;
}

Images::Set Images::read_idx(const std::string& images, const std::string& labels) const {
  Set set = read_pixels(images);
  const std::string answers = read_unpacked(labels);
  const std::vector<Index> count = idx_extents(labels, answers, 1);
  if (set.count != count[0])
    throw DataError(str(labels, ": has ", count[0], " labels for the ", set.count, " images of ", images));
  for (Index i = 0; i < set.count; ++i) {
    const auto label = static_cast<std::int32_t>(static_cast<unsigned char>(answers[8 + static_cast<std::size_t>(i)]));
    require_label(label, i, labels);
    set.labels.push_back(label);
  }
  return set;
}

void Images::prepare(std::uint64_t seed) {
  seed_ = seed;
  epochs_.forget();
  const bool idx = format_ == "idx";
  if (images_.empty()) throw ConfigError("task.images: must name a file, got none");
  if (idx && (images_.size() > 1 || test_images_.size() > 1))
    throw ConfigError("task.images: of IDX files there is one, and one of labels");
  if (idx && labels_.empty()) throw ConfigError("task.labels: is required with IDX files");
  if (idx && test_images_.empty() != test_labels_.empty())
    throw ConfigError("task.test_images: test_images and test_labels go together");
  if (color_ == "rgb" && (idx || tokens_)) throw ConfigError("task.color: rgb is for cifar10, with task.tokens false");
  train_ = read(images_, labels_);
  if (!test_images_.empty()) test_ = read(test_images_, test_labels_);
  if (train_.count <= validation_)
    throw DataError(str("task.validation: must be < the ", train_.count, " training images, got ", validation_));
  place_ = places(train_.pixels);
}

std::vector<std::int32_t> Images::places(Index pixels) const {
  // One permutation for everybody: results with different seeds must be of the same task.
  if (order_ == "permuted") return Random(0, "pixel order").permutation(pixels);
  std::vector<std::int32_t> places(static_cast<std::size_t>(pixels));
  std::iota(places.begin(), places.end(), 0);
  if (order_ == "bit_reversed") {
    int bits = 0;
    while ((Index{1} << bits) < pixels) ++bits;
    places.clear();
    for (Index i = 0; i < Index{1} << bits; ++i) {
      Index reversed = 0;
      for (int b = 0; b < bits; ++b) reversed |= (i >> b & 1) << (bits - 1 - b);
      if (reversed < pixels) places.push_back(static_cast<std::int32_t>(reversed));
    }
  }
  return places;
}

/// Images alone, or CIFAR-10's records, whose labels are not read.
NewInputs Images::new_inputs() {
  place_ = places(side_ * side_);
  return {.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
    Set set = format_ == "idx" ? read_pixels(path.string()) : read_cifar({path.string()});
    set.labels.resize(static_cast<std::size_t>(set.count));
    for (Index i = 0; i < set.count; ++i) {
      Batch image;
      fill(set, {i}, 0, set.pixels, image);
      add(NewInput::of({.tokens = std::move(image.tokens), .values = std::move(image.values)}, std::to_string(i)));
    }
  }};
}

TaskShape Images::shape() const {
  const SequenceShape reads{.vocabulary = tokens_ ? 256 : 0,
                            .features = tokens_           ? 0
                                        : color_ == "rgb" ? 3
                                                          : 1,
                            .outputs = classes_};
  TaskShape shape(reads, Objective::label, side_ * side_);
  shape.image_width = order_ == "raster" && color_ == "grey" ? side_ : 0;
  return shape;
}

void Images::fill(const Set& set, const std::vector<Index>& indices, Index begin, Index steps, Batch& out) const {
  out = {};
  out.batch = static_cast<Index>(indices.size());
  out.length = steps;
  out.first = begin == 0;
  out.last = begin + steps == set.pixels;
  for (const Index image : indices) {
    for (Index t = begin; t < begin + steps; ++t) {
      const Index at = image * set.pixels + place_[static_cast<std::size_t>(t)];
      for (Index c = 0; c < set.channels; ++c) {
        const auto value = static_cast<unsigned char>(set.bytes[static_cast<std::size_t>(at * set.channels + c)]);
        if (tokens_)
          out.tokens.push_back(value);
        else
          out.values.push_back(static_cast<float>(value) / 255.0f);
      }
    }
    out.targets.push_back(set.labels[static_cast<std::size_t>(image)]);
  }
}

void Images::training_batch(Index step, Index batch, Batch& out) const {
  const Index count = training_sequences();
  std::vector<Index> indices;
  for (Index i = step * batch; i < (step + 1) * batch; ++i) indices.push_back(epochs_.shuffled(seed_, i, count));
  fill(train_, indices, 0, train_.pixels, out);
}

std::unique_ptr<Evaluation> Images::evaluation(Split split, const EvaluationOptions& options) const {
  if (!has(split)) throw ConfigError("task.test_images: there is no test split; name its files");
  if (split == Split::test) return std::make_unique<ImagesEvaluation>(*this, test_, 0, test_.count, options);
  const Index trained = training_sequences();
  if (split == Split::train) return std::make_unique<ImagesEvaluation>(*this, train_, 0, trained, options);
  return std::make_unique<ImagesEvaluation>(*this, train_, trained, train_.count, options);
}

std::vector<Index> Images::training_counts() const {
  std::vector<Index> counts(static_cast<std::size_t>(classes_));
  for (Index i = 0; i < training_sequences(); ++i)
    ++counts[static_cast<std::size_t>(train_.labels[static_cast<std::size_t>(i)])];
  return counts;
}

std::string Images::fingerprint() const {
  const auto of = [](const Set& set) {
    const std::string_view labels(reinterpret_cast<const char*>(set.labels.data()),
                                  set.labels.size() * sizeof(std::int32_t));
    return format("%08x of %lld", crc32_of(labels, crc32_of(set.bytes)), static_cast<long long>(set.count));
  };
  return of(train_) + " images" + (test_.count ? ", " + of(test_) + " to test" : "");
}

std::vector<std::string> Images::notes() const {
  const std::vector<Index> trained = training_counts();
  std::vector<std::string> all;
  for (std::size_t label = 0; label < trained.size(); ++label)
    if (trained[label] == 0) all.push_back(str("class ", label, " has no training image"));
  if (all.size() > 4) all = {str(all.size(), " of ", classes_, " classes have no training image: lower task.classes?")};
  return all;
}

std::unique_ptr<Task> make_images() { return std::make_unique<Images>(); }

}  // namespace seqtape
