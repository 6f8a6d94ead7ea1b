#include "data/labelled.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "core/text.h"

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
  f("length", length_, "longest sequence; longer ones are cut", positive_up_to(1e9));
  f("classes", classes_, "how many classes there are", between(2, 1 << 20));
  f("validation_fraction", validation_fraction_, "share of the sequences kept for validation", between(0, 1));
  f("test_fraction", test_fraction_, "share of the sequences kept for test", between(0, 1));
}

void Labelled::add(std::string sequence, const std::string& label) {
  if (sequence.empty()) return;
  sequence.resize(std::min(sequence.size(), static_cast<std::size_t>(length_)));
  sequences_.push_back(std::move(sequence));
  labels_.push_back(label);
}

void Labelled::prepare(std::uint64_t seed) {
  seed_ = seed;
  cached_ = {-1, -1};
  for (auto* list : {&sequences_, &labels_, &names_}) list->clear();
  classes_of_.clear();
  load();
  if (sequences_.empty()) throw DataError("task.path: the data hold no sequences, or empty ones only");
  const std::set<std::string> names(labels_.begin(), labels_.end());
  names_.assign(names.begin(), names.end());
  if (static_cast<Index>(names_.size()) != classes_)
    throw ConfigError(str("task.classes: must be the ", names_.size(), " classes of the data (", join(names_, ", "),
                          "), got ", classes_));
  for (const std::string& label : labels_)
    classes_of_.push_back(
        static_cast<std::int32_t>(std::lower_bound(names_.begin(), names_.end(), label) - names_.begin()));
  const auto count = static_cast<Index>(sequences_.size());
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
}

const std::vector<Index>& Labelled::part(Split split) const {
  return split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
}

void Labelled::fill(const std::vector<Index>& which, Index begin, Index steps, Batch& out) const {
  out = {};
  out.batch = static_cast<Index>(which.size());
  out.length = steps;
  out.tokens.assign(static_cast<std::size_t>(out.batch * steps), 0);
  for (std::size_t b = 0; b < which.size(); ++b) {
    const std::string& sequence = sequences_[static_cast<std::size_t>(which[b])];
    const Index count = std::clamp<Index>(size_of(which[b]) - begin, 0, steps);
    for (Index t = 0; t < count; ++t)
      out.tokens[b * static_cast<std::size_t>(steps) + static_cast<std::size_t>(t)] =
          static_cast<unsigned char>(sequence[static_cast<std::size_t>(begin + t)]);
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
}

std::unique_ptr<Pass> Labelled::pass(Split split, const PassOptions& options) const {
  if (part(split).empty()) throw ConfigError(str("task: there is no ", split_name(split), " split"));
  return std::make_unique<LabelledPass>(*this, part(split), options);
}

std::string Labelled::fingerprint() const {
  std::uint32_t crc = 0;
  for (std::size_t i = 0; i < sequences_.size(); ++i) crc = crc32_of(labels_[i], crc32_of(sequences_[i], crc));
  return format("%08x of %zu sequences", crc, sequences_.size());
}

}  // namespace seqtape
