#include "data/labelled.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "core/text.h"
#include "data/files.h"

namespace seqtape {

/// Batches of a part, longest sequences first, in pieces.
class LabelledPass final : public Pass {
 public:
  LabelledPass(const Labelled& task, std::vector<Index> order, const PassOptions& options)
      : task_(task), order_(std::move(order)), options_(options) {
    std::stable_sort(order_.begin(), order_.end(),
                     [&](Index a, Index b) { return task_.size_of(a) > task_.size_of(b); });
  }

  bool next(Batch& piece) override {
    if (next_ >= order_.size()) return false;
    const std::size_t count = std::min(static_cast<std::size_t>(options_.batch), order_.size() - next_);
    const std::vector<Index> which(order_.begin() + static_cast<std::ptrdiff_t>(next_),
                                   order_.begin() + static_cast<std::ptrdiff_t>(next_ + count));
    const Index longest = task_.size_of(which.front()), steps = std::min(options_.piece, longest - begin_);
    task_.fill(which, begin_, steps, piece);
    piece.first = begin_ == 0;
    piece.last = begin_ + steps == longest;
    begin_ = piece.last ? 0 : begin_ + steps;
    if (piece.last) next_ += count;
    return true;
  }

 private:
  const Labelled& task_;
  std::vector<Index> order_;
  PassOptions options_;
  std::size_t next_ = 0;
  Index begin_ = 0;
};

void Labelled::fields(Fields& f) {
  f("path", path_, path_doc(), required());
  f("length", length_, "longest sequence, in steps", positive_up_to(1e9));
  f("longer", longer_, "what becomes of longer ones", one_of({"cut", "refuse"}));
  f("classes", classes_, "how many classes there are", between(2, 1 << 20));
  f("validation_fraction", validation_fraction_, "share of the sequences kept for validation", between(0, 1));
  f("test_fraction", test_fraction_, "share of the sequences kept for test", between(0, 1));
  f("class_weights", class_weights_,
    "of an answer in the training's loss: none, or balanced: the rarer its class, the greater",
    one_of({"none", "balanced"}));
}

void Labelled::resolve_paths(const std::filesystem::path& base) {
  if (path_.empty()) throw ConfigError("task.path: must name a file or folder, got \"\"");
  path_ = std::filesystem::absolute(base / path_).lexically_normal().string();
}

Index Labelled::kept(std::size_t steps, const std::string& where) const {
  if (static_cast<Index>(steps) > length_ && longer_ == "refuse")
    throw DataError(str(where, ": has ", steps, " steps, more than task.length, ", length_,
                        "; raise it, or set task.longer to \"cut\""));
  return std::min(static_cast<Index>(steps), length_);
}

bool Labelled::add(Index steps, const std::string& label, std::string_view bytes) {
  if (steps == 0) return ++empty_, false;
  sizes_.push_back(steps);
  labels_.push_back(label);
  crc_ = crc32_of(label, crc32_of(bytes, crc_));
  return true;
}

void Labelled::each_file(
    const std::function<void(const std::filesystem::path& file, const std::string& label)>& read) const {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path_)) throw DataError(str("task.path: ", path_, " is not a folder, or does not exist"));
  std::vector<fs::path> classes;
  for (const auto& entry : fs::directory_iterator(path_))
    if (entry.is_directory()) classes.push_back(entry.path());
  std::sort(classes.begin(), classes.end());
  if (classes.empty()) throw DataError(str("task.path: ", path_, " holds no folders, one is needed for each class"));
  for (const fs::path& folder : classes)
    for (const fs::path& file : files_under(folder)) read(file, folder.filename().string());
}

void LabelledTokens::add(std::string tokens, const std::string& label, const std::string& where) {
  tokens.resize(static_cast<std::size_t>(kept(tokens.size(), where)));
  if (Labelled::add(static_cast<Index>(tokens.size()), label, tokens)) sequences_.push_back(std::move(tokens));
}

void LabelledTokens::copy(Index i, Index begin, Index count, Batch& out, Index b) const {
  const char* from = sequences_[static_cast<std::size_t>(i)].data() + begin;
  std::transform(from, from + count, out.tokens.begin() + b * out.length,
                 [](char token) { return static_cast<unsigned char>(token); });
}

void LabelledValues::add(std::vector<float> values, const std::string& label, const std::string& where) {
  values.resize(static_cast<std::size_t>(kept(values.size(), where)));
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  if (Labelled::add(static_cast<Index>(values.size()), label, bytes)) sequences_.push_back(std::move(values));
}

void LabelledValues::copy(Index i, Index begin, Index count, Batch& out, Index b) const {
  const float* from = sequences_[static_cast<std::size_t>(i)].data() + begin;
  std::copy_n(from, count, out.values.begin() + b * out.length);
}

void Labelled::prepare(std::uint64_t seed) {
  seed_ = seed;
  cached_ = {-1, -1};
  sizes_.clear(), labels_.clear(), classes_of_.clear(), weights_.clear();
  crc_ = 0, empty_ = 0;
  load();
  if (sizes_.empty()) throw DataError("task.path: the data hold no sequences, or empty ones only");
  const std::set<std::string> names(labels_.begin(), labels_.end());
  names_.assign(names.begin(), names.end());
  if (static_cast<Index>(names_.size()) != classes_)
    throw ConfigError(str("task.classes: must be the ", names_.size(), " classes of the data (", join(names_, ", "),
                          "), got ", classes_));
  for (const std::string& label : labels_)
    classes_of_.push_back(
        static_cast<std::int32_t>(std::lower_bound(names_.begin(), names_.end(), label) - names_.begin()));
  const auto count = static_cast<Index>(sizes_.size());
  const auto order = Random(0, "split of labelled sequences").permutation(count);
  const auto held = [&](double fraction) { return static_cast<Index>(fraction * static_cast<double>(count)); };
  const Index validation = held(validation_fraction_), test = held(test_fraction_);
  if (validation < 1 || validation + test >= count)
    throw ConfigError(str("task.validation_fraction: of ", count, " sequences ", validation, " would validate, ", test,
                          " test, and ", std::max<Index>(0, count - validation - test),
                          " train; each but test needs one"));
  validation_.assign(order.begin(), order.begin() + validation);
  test_.assign(order.begin() + validation, order.begin() + validation + test);
  train_.assign(order.begin() + validation + test, order.end());
  if (class_weights_ == "balanced") {  // the mean weight of an answer is 1
    weights_.assign(static_cast<std::size_t>(classes_), 0);
    for (const Index i : train_) ++weights_[static_cast<std::size_t>(classes_of_[static_cast<std::size_t>(i)])];
    for (float& weight : weights_)
      if (weight > 0) weight = static_cast<float>(train_.size()) / (static_cast<float>(classes_) * weight);
  }
}

const std::vector<Index>& Labelled::part(Split split) const {
  return split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
}

void Labelled::fill(const std::vector<Index>& which, Index begin, Index steps, Batch& out) const {
  out = {};
  out.batch = static_cast<Index>(which.size());
  out.length = steps;
  const TaskShape shape = reads();
  const auto size = static_cast<std::size_t>(out.batch * steps);
  if (shape.vocabulary)
    out.tokens.assign(size, 0);
  else
    out.values.assign(size * static_cast<std::size_t>(shape.features), 0);
  for (std::size_t b = 0; b < which.size(); ++b) {
    const Index count = std::clamp<Index>(size_of(which[b]) - begin, 0, steps);
    if (count > 0) copy(which[b], begin, count, out, static_cast<Index>(b));
    out.lengths.push_back(static_cast<std::int32_t>(count));
    out.targets.push_back(classes_of_[static_cast<std::size_t>(which[b])]);
  }
}

void Labelled::training_batch(Index step, Index batch, Batch& out) const {
  const auto count = static_cast<Index>(train_.size());
  const Index rows = std::min(batch, count), an_epoch = count / rows, epoch = step / an_epoch;
  if (cached_ != std::pair(epoch, rows)) {
    Random random(seed_, "train", static_cast<std::uint64_t>(epoch));
    const auto order = random.permutation(count);
    std::vector<Index> shuffled;
    for (const std::int32_t i : order) shuffled.push_back(train_[static_cast<std::size_t>(i)]);
    // Like lengths together, within 16 batches' worth; then the batches in random order.
    for (Index begin = 0; begin < count; begin += 16 * rows)
      std::stable_sort(shuffled.begin() + begin, shuffled.begin() + std::min(count, begin + 16 * rows),
                       [&](Index a, Index b) { return size_of(a) > size_of(b); });
    batches_.clear();
    for (const std::int32_t i : random.permutation(an_epoch))
      batches_.emplace_back(shuffled.begin() + i * rows, shuffled.begin() + (i + 1) * rows);
    cached_ = {epoch, rows};
  }
  const std::vector<Index>& which = batches_[static_cast<std::size_t>(step % an_epoch)];
  Index longest = 0;
  for (const Index i : which) longest = std::max(longest, size_of(i));
  fill(which, 0, longest, out);
  if (!weights_.empty())
    for (const std::int32_t target : out.targets) out.weights.push_back(weights_[static_cast<std::size_t>(target)]);
}

std::unique_ptr<Pass> Labelled::pass(Split split, const PassOptions& options) const {
  if (part(split).empty()) throw ConfigError(str("task: there is no ", split_name(split), " split"));
  return std::make_unique<LabelledPass>(*this, part(split), options);
}

std::string Labelled::fingerprint() const { return format("%08x of %zu sequences", crc_, sizes_.size()); }

std::vector<std::string> Labelled::notes() const {
  if (empty_ == 0) return {};
  return {str(empty_, " empty sequences were left out")};
}

}  // namespace seqtape
