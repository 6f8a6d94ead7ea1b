#include "data/readers/images.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/io/file.h"
#include "core/random.h"
#include "core/strings.h"
#include "data/epochs.h"
#include "data/readers/files.h"
#include "data/splits.h"

namespace seqtape {
namespace {

/// Classification of images as sequences of pixels, from IDX files (MNIST and its kin) or CIFAR-10's binary files, gz
/// or plain. The last `validation` training images validate, or files of their own do. Training reads all others in a
/// new order each epoch.
class Images final : public Task {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override;
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override;
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  bool has(Split split) const override { return part(split).count() > 0; }
  Index training_sequences() const override { return part(Split::train).count(); }
  std::vector<Index> training_counts() const override {
    return evaluated_.empty() ? counts(Split::train) : learned_counts_;
  }
  std::string fingerprint() const override;
  Json learned() const override;
  void use(const Json& learned) override { learned_counts_ = learned.value("training_counts", std::vector<Index>()); }
  void evaluate_on(const std::filesystem::path& data) override { evaluated_ = data; }
  std::vector<std::string> contents() const override;
  std::vector<std::string> notes() const override;
  NewInputs new_inputs() override;
  Signature signature() const override;

 private:
  friend class ImagesEvaluation;
  /// Images [first, last) of a set.
  struct Part {
    const ImageSet* set;
    Index first, last;
    Index count() const { return last - first; }
  };
  Part part(Split) const;
  std::vector<Index> counts(Split) const;
  /// The set of other data: images, and labels beside them.
  ImageSet read_other(const std::filesystem::path&) const;
  ImageSet read(const std::vector<std::string>& images, const std::string& labels) const;
  std::vector<std::int32_t> places(Index pixels) const;
  /// Images `indices` of a set, pixels [begin, begin + steps) of each in the task's order.
  void fill(const ImageSet&, const std::vector<Index>& indices, Index begin, Index steps, Batch& out) const;

  std::vector<std::string> images_, validation_images_, test_images_;
  std::string format_ = "idx", labels_, validation_labels_, test_labels_, order_ = "raster", color_ = "grey";
  Index side_ = 28, validation_ = 5000, classes_ = 10;
  bool tokens_ = false;
  std::uint64_t seed_ = 0;
  ImageSet train_, own_validation_, test_;
  std::filesystem::path evaluated_;
  std::vector<Index> learned_counts_;
  std::vector<std::int32_t> place_;  // of the t-th pixel read
  mutable Epochs epochs_;
};

/// Images in order, in chunks.
class ImagesEvaluation final : public Evaluation {
 public:
  ImagesEvaluation(const Images& task, const ImageSet& set, Index first, Index last, const EvaluationOptions& options)
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
  const ImageSet& set_;
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
  f("validation_images", validation_images_, "validation images likewise; none: some of the training's", same_data());
  f("validation_labels", validation_labels_, "IDX file of their labels", same_data());
  f("test_images", test_images_, "test images likewise; none: no test split", same_data());
  f("test_labels", test_labels_, "IDX file of their labels", same_data());
  f("side", side_, "width and height of an image", positive_up_to(4096));
  f("classes", classes_, "labels are below this; 0: 1 + the largest label of the training images",
    resolves(between(0, 256)));
  f("validation", validation_, "training images, at the end, kept for validation, without validation_images",
    positive_up_to(1e9));
  f("order", order_, "of the pixels: by rows, in a fixed random order, or by bit reversal of the row-wise index",
    one_of({"raster", "permuted", "bit_reversed"}));
  f("color", color_, "cifar10: a pixel is its brightness, or three values", one_of({"grey", "rgb"}));
  f("tokens", tokens_, "pixels are 256 tokens; otherwise real values in [0, 1]");
}

void Images::resolve_paths(const std::filesystem::path& base) {
  const auto resolve = [&](std::string& path) {
    if (!path.empty()) path = std::filesystem::absolute(base / path).lexically_normal().string();
  };
  for (auto* paths : {&images_, &validation_images_, &test_images_}) {
    std::erase(*paths, "");
    std::for_each(paths->begin(), paths->end(), resolve);
  }
  for (std::string* labels : {&labels_, &validation_labels_, &test_labels_}) resolve(*labels);
}

ImageSet Images::read(const std::vector<std::string>& images, const std::string& labels) const {
  std::vector<std::string> files = images;
  if (format_ == "idx") files.push_back(labels);
  for (const std::string& path : files)
    if (!std::filesystem::is_regular_file(path))
      throw DataError(str("task.images: ", path, " does not exist or is not a file"));
  if (format_ == "idx") return read_idx(images.front(), labels, side_);
  if (side_ != 32) throw ConfigError(str("task.side: must be 32 for cifar10, got ", side_));
  return read_cifar10(images, color_ == "rgb");
}

ImageSet Images::read_other(const std::filesystem::path& path) const {
  namespace fs = std::filesystem;
  LeftOut left_out;
  std::vector<std::string> files;
  for (const fs::path& file : files_under(path, left_out, "--data: ")) files.push_back(file.string());
  if (format_ == "cifar10") return read(files, "");
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& file : files)
    if (const std::string labels = labels_beside(file); !labels.empty()) pairs.emplace_back(file, labels);
  if (pairs.size() != 1)
    throw DataError(str("--data: ", path.string(),
                        ": must be an IDX file of images with that of their labels beside "
                        "it, or a folder with one of each, named as MNIST's: NAME-images-idx3-ubyte and "
                        "NAME-labels-idx1-ubyte, plain or gz; it has ",
                        pairs.size(), " such pairs"));
  return read(std::vector{pairs.front().first}, pairs.front().second);
}

void Images::prepare(std::uint64_t seed) {
  seed_ = seed;
  epochs_.forget();
  train_ = own_validation_ = test_ = {};
  const bool idx = format_ == "idx";
  if (color_ == "rgb" && (idx || tokens_)) throw ConfigError("task.color: rgb is for cifar10, with task.tokens false");
  place_ = places(side_ * side_);
  if (!evaluated_.empty()) {
    test_ = read_other(evaluated_);
    return test_.refuse_labels_from(classes_);
  }
  if (images_.empty()) throw ConfigError("task.images: must name a file, got none");
  if (idx && (images_.size() > 1 || validation_images_.size() > 1 || test_images_.size() > 1))
    throw ConfigError("task.images: of IDX files there is one, and one of labels");
  if (idx && labels_.empty()) throw ConfigError("task.labels: is required with IDX files");
  if (idx && validation_images_.empty() != validation_labels_.empty())
    throw ConfigError("task.validation_images: validation_images and validation_labels go together");
  if (idx && test_images_.empty() != test_labels_.empty())
    throw ConfigError("task.test_images: test_images and test_labels go together");
  train_ = read(images_, labels_);
  if (!validation_images_.empty()) own_validation_ = read(validation_images_, validation_labels_);
  if (!test_images_.empty()) test_ = read(test_images_, test_labels_);
  if (classes_ == 0)  // and so the run keeps what was found
    classes_ = std::max(2, 1 + *std::max_element(train_.labels.begin(), train_.labels.end()));
  for (const ImageSet* set : {&train_, &own_validation_, &test_}) set->refuse_labels_from(classes_);
  if (part(Split::train).count() <= 0)
    throw DataError(str("task.validation: must be < the ", train_.count, " training images, got ", validation_));
}

Images::Part Images::part(Split split) const {
  const bool own = own_validation_.count > 0 || !evaluated_.empty();
  const Index trained = train_.count - (own ? 0 : validation_);
  switch (split) {
    case Split::train:
      return {&train_, 0, trained};
    case Split::validation:
      return own ? Part{&own_validation_, 0, own_validation_.count} : Part{&train_, trained, train_.count};
    case Split::test:
      break;
  }
  return {&test_, 0, test_.count};
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
    ImageSet set =
        format_ == "idx" ? read_idx_images(path.string(), side_) : read_cifar10({path.string()}, color_ == "rgb");
    set.labels.resize(static_cast<std::size_t>(set.count));
    for (Index i = 0; i < set.count; ++i) {
      Batch image;
      fill(set, {i}, 0, set.pixels, image);
      add(NewInput::of({.tokens = std::move(image.tokens), .values = std::move(image.values)}, std::to_string(i)));
    }
  }};
}

Signature Images::signature() const {
  Signature all = Task::signature();
  all.unit = "pixel";
  all.note =
      str("from 0 to 255, ", color_ == "rgb" ? "red, green and blue, " : "", "row by row of ", side_, " x ", side_);
  all.reads = Signature::Reads::exactly;
  for (Signature::Column& column : all.columns) column.scale = 255;
  if (order_ != "raster") all.order = places(side_ * side_);
  for (Index label = 0; label < classes_; ++label) all.labels.push_back(std::to_string(label));
  return all;
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

void Images::fill(const ImageSet& set, const std::vector<Index>& indices, Index begin, Index steps, Batch& out) const {
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
  const Part part = this->part(split);
  return std::make_unique<ImagesEvaluation>(*this, *part.set, part.first, part.last, options);
}

std::vector<Index> Images::counts(Split split) const {
  std::vector<Index> counts(static_cast<std::size_t>(classes_));
  const Part part = this->part(split);
  for (Index i = part.first; i < part.last; ++i)
    ++counts[static_cast<std::size_t>(part.set->labels[static_cast<std::size_t>(i)])];
  return counts;
}

Json Images::learned() const {
  const auto counts = training_counts();
  return counts.empty() ? Json::object() : Json{{"training_counts", counts}};
}

std::vector<std::string> Images::contents() const {
  std::vector<std::string> names;
  for (Index label = 0; label < classes_; ++label) names.push_back(std::to_string(label));
  std::vector<std::string> all{
      describe_splits("image", names, {counts(Split::train), counts(Split::validation), counts(Split::test)})};
  BySplit<std::vector<std::size_t>> contents;
  for (const Split split : kSplits) {
    const Part part = this->part(split);
    for (Index i = part.first; i < part.last; ++i)
      of(contents, split).push_back(std::hash<std::string_view>()(part.set->image(i)));
  }
  for (std::string& note : shared_notes("images", contents)) all.push_back(std::move(note));
  return all;
}

std::string Images::fingerprint() const {
  const auto of = [](const ImageSet& set) {
    const std::string_view labels(reinterpret_cast<const char*>(set.labels.data()),
                                  set.labels.size() * sizeof(std::int32_t));
    return format("%08x of %lld", crc32_of(labels, crc32_of(set.bytes)), static_cast<long long>(set.count));
  };
  return of(train_) + " images" + (own_validation_.count ? ", " + of(own_validation_) + " to validate" : "") +
         (test_.count ? ", " + of(test_) + " to test" : "");
}

std::vector<std::string> Images::notes() const {
  if (!evaluated_.empty() || train_.count == 0) return {};
  const std::vector<Index> trained = training_counts();
  std::vector<std::string> all;
  for (std::size_t label = 0; label < trained.size(); ++label)
    if (trained[label] == 0) all.push_back(str("class ", label, " has no training image"));
  if (all.size() > 4) all = {str(all.size(), " of ", classes_, " classes have no training image: lower task.classes?")};
  return all;
}

std::unique_ptr<Task> make_images() { return std::make_unique<Images>(); }

}  // namespace seqtape
