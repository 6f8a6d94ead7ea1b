#include "data/sequence_classification.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/random.h"
#include "core/strings.h"

namespace seqtape {

/// Batches of a split, longest sequences first, in chunks.
class ClassificationEvaluation final : public Evaluation {
 public:
  ClassificationEvaluation(const SequenceClassification& task, std::vector<Index> order,
                           const EvaluationOptions& options)
      : task_(task), order_(std::move(order)), options_(options) {
    std::stable_sort(order_.begin(), order_.end(),
                     [&](Index a, Index b) { return task_.size_of(a) > task_.size_of(b); });
  }

  bool next(Batch& chunk) override {
    if (next_ >= order_.size()) return false;
    const std::size_t count = std::min(static_cast<std::size_t>(options_.batch), order_.size() - next_);
    const std::vector<Index> which(order_.begin() + static_cast<std::ptrdiff_t>(next_),
                                   order_.begin() + static_cast<std::ptrdiff_t>(next_ + count));
    const Index longest = task_.size_of(which.front()), steps = std::min(options_.chunk, longest - begin_);
    task_.fill(which, begin_, steps, chunk);
    chunk.first = begin_ == 0;
    chunk.last = begin_ + steps == longest;
    begin_ = chunk.last ? 0 : begin_ + steps;
    if (chunk.last) next_ += count;
    return true;
  }

 private:
  const SequenceClassification& task_;
  std::vector<Index> order_;
  EvaluationOptions options_;
  std::size_t next_ = 0;
  Index begin_ = 0;
};

void SequenceClassification::fields(Fields& f) {
  f("path", path_, path_doc(), same_data(required()));
  f("length", length_, "longest sequence, in steps", positive_up_to(1e9));
  f("longer", longer_, "what becomes of longer ones", one_of({"cut", "refuse"}));
  f("classes", classes_, "how many classes there are", between(2, 1 << 20));
  f("validation_fraction", validation_fraction_, "share of the sequences kept for validation", between(0, 1));
  f("test_fraction", test_fraction_, "share of the sequences kept for test", between(0, 1));
  f("class_weights", class_weights_,
    "of an answer in the training's loss: none, or balanced: the rarer its class, the greater",
    one_of({"none", "balanced"}));
}

void SequenceClassification::resolve_paths(const std::filesystem::path& base) {
  if (path_.empty()) throw ConfigError("task.path: must name a file or folder, got \"\"");
  path_ = std::filesystem::absolute(base / path_).lexically_normal().string();
}

Index SequenceClassification::kept(std::size_t steps, const std::string& where) const {
  if (static_cast<Index>(steps) > length_ && longer_ == "refuse")
    throw DataError(str(where, ": has ", steps, " steps, more than task.length, ", length_,
                        "; raise it, or set task.longer to \"cut\""));
  return std::min(static_cast<Index>(steps), length_);
}

bool SequenceClassification::add(Index steps, const std::string& label) {
  if (steps == 0) return ++empty_, false;
  sizes_.push_back(steps);
  labels_.push_back(label);
  return true;
}

void SequenceClassification::count_source(const std::string& label, std::string_view bytes) {
  if (bytes.empty()) return;
  ++sources_;
  crc_ = crc32_of(label, crc32_of(bytes, crc_));
}

void SequenceClassification::each_file(
    const std::function<void(const std::filesystem::path& file, const std::string& label)>& read) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path_)) throw DataError(str("task.path: ", path_, " is not a folder, or does not exist"));
  std::vector<fs::path> classes;
  for (const auto& entry : fs::directory_iterator(path_)) {
    if (const char* what = no_data(entry))
      left_out_.add(what, entry.path());
    else if (entry.is_directory())
      classes.push_back(entry.path());
    else
      left_out_.add("files beside the folders of the classes", entry.path());
  }
  std::sort(classes.begin(), classes.end());
  if (classes.empty()) throw DataError(str("task.path: ", path_, " holds no folders, one is needed for each class"));
  for (const fs::path& folder : classes)
    for (const fs::path& file : files_under(folder, left_out_)) read(file, folder.filename().string());
}

void TokenClassification::add(std::string tokens, const std::string& label, const std::string& where) {
  count_source(label, tokens);
  tokens.resize(static_cast<std::size_t>(kept(tokens.size(), where)));
  add(std::move(tokens), label);
}

void TokenClassification::add(std::string tokens, const std::string& label) {
  if (SequenceClassification::add(static_cast<Index>(tokens.size()), label)) sequences_.push_back(std::move(tokens));
}

void TokenClassification::copy(Index i, Index begin, Index count, Batch& out, Index b) const {
  const char* from = sequences_[static_cast<std::size_t>(i)].data() + begin;
  std::transform(from, from + count, out.tokens.begin() + b * out.length,
                 [](char token) { return static_cast<unsigned char>(token); });
}

void ValueClassification::add(std::vector<float> values, const std::string& label, const std::string& where,
                              std::string_view source) {
  if (!values.empty()) count_source(label, source);
  values.resize(static_cast<std::size_t>(kept(values.size(), where)));
  if (SequenceClassification::add(static_cast<Index>(values.size()), label)) sequences_.push_back(std::move(values));
}

void ValueClassification::copy(Index i, Index begin, Index count, Batch& out, Index b) const {
  const float* from = sequences_[static_cast<std::size_t>(i)].data() + begin;
  std::copy_n(from, count, out.values.begin() + b * out.length);
}

void SequenceClassification::prepare(std::uint64_t seed) {
  seed_ = seed;
  epochs_.forget();
  sizes_.clear(), labels_.clear(), classes_of_.clear(), weights_.clear();
  crc_ = 0, sources_ = 0, empty_ = 0, left_out_ = {};
  load();
  if (sizes_.empty()) throw DataError("task.path: the data hold no sequences, or empty ones only");
  name_classes();
  split();
  loaded();
  if (class_weights_ == "balanced") {  // the mean weight of an answer is 1
    for (const Index count : training_counts()) weights_.push_back(static_cast<float>(count));
    for (float& weight : weights_)
      if (weight > 0) weight = static_cast<float>(train_.size()) / (static_cast<float>(classes_) * weight);
  }
}

void SequenceClassification::name_classes() {
  // Made printable: a folder's name may be any bytes.
  for (std::string& label : labels_) label = printable(label);
  const std::set<std::string> found(labels_.begin(), labels_.end());
  names_ = learned_names_.empty() ? std::vector<std::string>(found.begin(), found.end()) : learned_names_;
  for (const std::string& name : found)
    if (std::find(names_.begin(), names_.end(), name) == names_.end())
      throw DataError(str("task.path: the class \"", name, "\" of ", path_,
                          " is none that the model was trained on: ", join(names_, ", ")));
  if (static_cast<Index>(names_.size()) != classes_)
    throw ConfigError(str("task.classes: must be the ", names_.size(), " classes of the data (", join(names_, ", "),
                          "), got ", classes_));
  std::map<std::string, std::int32_t> number;
  for (const std::string& name : names_) number.emplace(name, static_cast<std::int32_t>(number.size()));
  for (const std::string& label : labels_) classes_of_.push_back(number.at(label));
}

void SequenceClassification::split() {
  const auto count = static_cast<Index>(sizes_.size());
  std::vector<Split> parts = this->parts();
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  if (parts.empty()) {
    order = Random(0, "split of labelled sequences").permutation(count);
    const auto [validation, test] = held_back(count);
    parts.assign(static_cast<std::size_t>(count), Split::train);
    for (Index i = 0; i < std::min(count, validation + test); ++i)
      parts[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] =
          i < validation ? Split::validation : Split::test;
  }
  train_.clear(), validation_.clear(), test_.clear();
  for (const std::int32_t i : order) {
    const Split split = parts[static_cast<std::size_t>(i)];
    (split == Split::train ? train_ : split == Split::validation ? validation_ : test_).push_back(i);
  }
  if (train_.empty() || validation_.empty())
    throw ConfigError(str("task.validation_fraction: of ", count, " sequences ", validation_.size(),
                          " would validate, ", test_.size(), " test, and ", train_.size(),
                          " train; each but test needs one"));
}

const std::vector<Index>& SequenceClassification::part(Split split) const {
  return split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
}

void SequenceClassification::fill(const std::vector<Index>& which, Index begin, Index steps, Batch& out) const {
  out = {};
  out.batch = static_cast<Index>(which.size());
  out.length = steps;
  const SequenceShape shape = reads();
  const auto size = static_cast<std::size_t>(out.batch * steps);
  if (shape.vocabulary)
    out.tokens.assign(size, 0);
  else
    out.values.assign(size * static_cast<std::size_t>(shape.features), 0);
  for (std::size_t b = 0; b < which.size(); ++b) {
    const Index count = std::clamp<Index>(size_of(which[b]) - begin, 0, steps);
    if (count > 0) copy(which[b], begin, count, out, static_cast<Index>(b));
    out.lengths.push_back(static_cast<std::int32_t>(count));
    out.targets.push_back(class_of(which[b]));
  }
}

std::vector<std::int32_t> SequenceClassification::epoch(Index number, Index rows) const {
  const auto count = static_cast<Index>(train_.size());
  Random random(seed_, "train", static_cast<std::uint64_t>(number));
  std::vector<std::int32_t> shuffled;
  for (const std::int32_t i : random.permutation(count))
    shuffled.push_back(static_cast<std::int32_t>(train_[static_cast<std::size_t>(i)]));
  // The first ones complete the last batch of the epoch before; the last ones begin a batch that the next completes.
  const Index head = std::min(count, (rows - number * count % rows) % rows), batches = (count - head) / rows;
  const auto begin = shuffled.begin() + head, end = begin + batches * rows;
  // The others are grouped by length within 16 batches' worth, and these batches are put in random order.
  for (auto group = begin; group < end; group += std::min<std::ptrdiff_t>(16 * rows, end - group))
    std::stable_sort(group, group + std::min<std::ptrdiff_t>(16 * rows, end - group),
                     [&](Index a, Index b) { return size_of(a) > size_of(b); });
  std::vector<std::int32_t> order(shuffled.begin(), begin);
  for (const std::int32_t i : random.permutation(batches))
    order.insert(order.end(), begin + i * rows, begin + (i + 1) * rows);
  order.insert(order.end(), end, shuffled.end());
  return order;
}

void SequenceClassification::training_batch(Index step, Index batch, Batch& out) const {
  const auto count = static_cast<Index>(train_.size());
  const Index rows = std::min(batch, count);
  std::vector<Index> which;
  Index longest = 0;
  for (Index i = step * rows; i < (step + 1) * rows; ++i) {
    const auto& order = epochs_.order(
        i / count, [&] { return epoch(i / count, rows); }, rows);
    which.push_back(order[static_cast<std::size_t>(i % count)]);
    longest = std::max(longest, size_of(which.back()));
  }
  fill(which, 0, longest, out);
  if (!weights_.empty())
    for (const std::int32_t target : out.targets) out.weights.push_back(weights_[static_cast<std::size_t>(target)]);
}

std::unique_ptr<Evaluation> SequenceClassification::evaluation(Split split, const EvaluationOptions& options) const {
  if (!has(split)) throw ConfigError(str("task: there is no ", split_name(split), " split"));
  return std::make_unique<ClassificationEvaluation>(*this, part(split), options);
}

std::vector<Index> SequenceClassification::training_counts() const {
  std::vector<Index> counts(static_cast<std::size_t>(classes_));
  for (const Index i : train_) ++counts[static_cast<std::size_t>(class_of(i))];
  return counts;
}

std::string SequenceClassification::fingerprint() const {
  return format("%08x of %lld sequences", crc_, static_cast<long long>(sources_));
}

Json SequenceClassification::learned() const { return {{"classes", names_}}; }

void SequenceClassification::use(const Json& learned) {
  learned_names_ = learned.value("classes", std::vector<std::string>());
}

NewInputs SequenceClassification::new_inputs() {
  if (learned_names_.empty())
    throw DataError("task: the run does not have the names of its classes; it is of an earlier version");
  return {.longer = longer_ == "cut" ? NewInputs::Longer::cut : NewInputs::Longer::refuse, .answers = learned_names_};
}

std::vector<std::string> SequenceClassification::notes() const {
  std::vector<std::string> all = left_out_.notes();
  if (empty_) all.push_back(str(empty_, " empty sequences were left out"));
  const std::vector<Index> trained = training_counts();
  for (std::size_t c = 0; c < names_.size(); ++c)
    if (trained[c] == 0)
      all.push_back(str("class \"", names_[c], "\" has no training sequence: all are kept for validation and test"));
  return all;
}

}  // namespace seqtape
