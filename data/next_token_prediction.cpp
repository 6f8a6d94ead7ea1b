#include "data/next_token_prediction.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/random.h"
#include "core/strings.h"

namespace seqtape {
namespace {

using View = std::u16string_view;

/// Windows of `length` inputs side by side, in chunks. The last window may be shorter.
class NextTokenEvaluation final : public Evaluation {
 public:
  NextTokenEvaluation(View tokens, Index length, const EvaluationOptions& options)
      : tokens_(tokens),
        length_(length),
        options_(options),
        targets_(static_cast<Index>(tokens.size()) - 1),
        windows_((targets_ + length - 1) / length) {}

  bool next(Batch& chunk) override {
    if (begin_ >= length_) {
      begin_ = 0;
      window_ += options_.batch;
    }
    if (window_ >= windows_) return false;
    const Index rows = std::min(options_.batch, windows_ - window_);
    // A last window on its own is a shorter batch; beside others it is padded.
    const Index longest = std::min(length_, targets_ - window_ * length_);
    const Index steps = std::min(options_.chunk, longest - begin_);
    chunk = {};
    chunk.batch = rows;
    chunk.length = steps;
    chunk.first = begin_ == 0;
    chunk.last = begin_ + steps == longest;
    chunk.tokens.assign(static_cast<std::size_t>(rows * steps), 0);
    chunk.targets.assign(static_cast<std::size_t>(rows * steps), kIgnore);
    for (Index b = 0; b < rows; ++b) {
      const Index start = (window_ + b) * length_ + begin_;
      const Index count = std::clamp<Index>(targets_ - start, 0, steps);
      for (Index t = 0; t < count; ++t) {
        chunk.tokens[static_cast<std::size_t>(b * steps + t)] = tokens_[static_cast<std::size_t>(start + t)];
        chunk.targets[static_cast<std::size_t>(b * steps + t)] = tokens_[static_cast<std::size_t>(start + t + 1)];
      }
      chunk.lengths.push_back(static_cast<std::int32_t>(count));
    }
    if (std::all_of(chunk.lengths.begin(), chunk.lengths.end(), [&](std::int32_t n) { return n == steps; }))
      chunk.lengths.clear();
    begin_ = chunk.last ? length_ : begin_ + steps;
    return true;
  }

 private:
  View tokens_;
  Index length_;
  EvaluationOptions options_;
  Index targets_, windows_, window_ = 0, begin_ = 0;
};

}  // namespace

void NextTokenPrediction::fields(Fields& f) {
  f("path", paths_, "file or folder, or a list of them, relative to the config", same_data(required()));
  f("length", length_, "steps of a window", positive_up_to(1e12));
  f("carry", carry_, "training goes on where the last batch ended, with the model's state, instead of drawing windows");
  f("train_fraction", train_fraction_, "share of the data, from the start, to train on", between(0, 1));
  f("test_fraction", test_fraction_, "share of the data, at the end, kept for test", between(0, 1));
}

void NextTokenPrediction::resolve_paths(const std::filesystem::path& base) {
  for (std::string& path : paths_) {
    if (path.empty()) throw ConfigError("task.path: must name a file or folder, got \"\"");
    path = std::filesystem::absolute(base / path).lexically_normal().string();
  }
}

void NextTokenPrediction::prepare(std::uint64_t seed) {
  seed_ = seed;
  epochs_.forget();
  left_out_ = {}, twice_.clear();
  std::set<std::filesystem::path> seen;
  if (paths_.empty()) throw ConfigError("task.path: must name a file or folder, got none");
  if (train_fraction_ + test_fraction_ > 1)
    throw ConfigError(
        str("task.test_fraction: train_fraction + test_fraction must be <= 1, got ", train_fraction_ + test_fraction_));
  tokens_.clear();
  for (const std::string& path : paths_)
    for (const auto& file : files_under(path, left_out_)) {
      if (!seen.insert(std::filesystem::weakly_canonical(file)).second)
        twice_.push_back(printable(file.filename().string()));
      read(file, tokens_);
    }
  if (tokens_.empty())
    throw DataError(str("task.path: ", join(paths_, ", "), ": no ", unit(), "s to read; the files are empty"));
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const auto size = static_cast<Index>(part(split).size());
    if (split == Split::test && test_fraction_ == 0) continue;
    if (size < length_ + 1)
      throw DataError(str("task.length: the ", split_name(split), " split has ", size, " ", unit(),
                          "s, a window needs ", length_ + 1, "; lower task.length, or change task.train_fraction (",
                          train_fraction_, ")"));
  }
}

std::u16string_view NextTokenPrediction::part(Split split) const {
  const auto size = static_cast<Index>(tokens_.size());
  const auto train = static_cast<std::size_t>(share_of(size, train_fraction_));
  const auto test = static_cast<std::size_t>(share_of(size, test_fraction_));
  const View all = tokens_;
  switch (split) {
    case Split::train:
      return all.substr(0, train);
    case Split::validation:
      return all.substr(train, all.size() - train - test);
    case Split::test:
      break;
  }
  return all.substr(all.size() - test);
}

Index NextTokenPrediction::training_windows() const {
  return std::max<Index>(1, (static_cast<Index>(part(Split::train).size()) - length_) / length_);
}

Index NextTokenPrediction::window_start(Index number) const {
  const auto size = static_cast<Index>(part(Split::train).size());
  const Index windows = training_windows(), epoch = number / windows;
  Random random(seed_, "train", static_cast<std::uint64_t>(epoch));
  const Index offset = random.below(std::min(length_, size - windows * length_));
  const auto& order = epochs_.order(epoch, [&] { return random.permutation(windows); });
  return offset + order[static_cast<std::size_t>(number % windows)] * length_;
}

Index NextTokenPrediction::track_start(Index step, Index batch, Index b, bool& first) const {
  const auto size = static_cast<Index>(part(Split::train).size());
  const Index track = size / batch, windows = (track - 1) / length_;
  if (windows < 1)
    throw ConfigError(str("train.batch: with task.carry the training split of ", size, " ", unit(), "s gives ", batch,
                          " rows a track of ", track, " each, a window needs ", length_ + 1));
  // Every epoch has its own offset, so that the windows' borders move.
  const Index epoch = step / windows, window = step % windows;
  const Index offset = Random(seed_, "train", static_cast<std::uint64_t>(epoch)).below(track - windows * length_);
  first = window == 0;
  // Tokens that do not fill tracks are left before the first one in one epoch, after the last one in another.
  const Index rest = size - batch * track;
  const Index shift = rest ? Random(seed_, "tracks", static_cast<std::uint64_t>(epoch)).below(rest + 1) : 0;
  return shift + b * track + offset + window * length_;
}

std::vector<std::string> NextTokenPrediction::notes() const {
  auto all = left_out_.notes();
  if (!twice_.empty())
    all.push_back(str("read twice: ", join(twice_, ", "), "; what validates may have been trained on"));
  return all;
}

std::vector<Index> NextTokenPrediction::training_counts() const {
  std::vector<Index> counts(static_cast<std::size_t>(vocabulary()));
  for (const char16_t token : part(Split::train)) ++counts[token];
  return counts;
}

NewInputs NextTokenPrediction::new_inputs() {
  return {.read =
              [this](const std::filesystem::path& path, const NewInputs::Add& add) {
                Tokens tokens;
                read(path, tokens);
                add(NewInput::of({.tokens = {tokens.begin(), tokens.end()}}));
              },
          .line = [this](const std::string& line, const std::string& where) -> Steps {
            return {.tokens = tokens_of(line, where)};
          },
          .longer = NewInputs::Longer::windows};
}

std::string NextTokenPrediction::fingerprint() const {
  const std::string_view bytes(reinterpret_cast<const char*>(tokens_.data()), tokens_.size() * sizeof tokens_[0]);
  return format("%08x of %zu %ss", crc32_of(bytes), tokens_.size(), unit());
}

void NextTokenPrediction::training_batch(Index step, Index batch, Batch& out) const {
  const View tokens = part(Split::train);
  out = {};
  out.batch = batch;
  out.length = length_;
  out.tokens.resize(static_cast<std::size_t>(batch * length_));
  out.targets.resize(out.tokens.size());
  for (Index b = 0; b < batch; ++b) {
    const Index start = carry_ ? track_start(step, batch, b, out.first) : window_start(step * batch + b);
    for (Index t = 0; t < length_; ++t) {
      out.tokens[static_cast<std::size_t>(b * length_ + t)] = tokens[static_cast<std::size_t>(start + t)];
      out.targets[static_cast<std::size_t>(b * length_ + t)] = tokens[static_cast<std::size_t>(start + t + 1)];
    }
  }
}

std::unique_ptr<Evaluation> NextTokenPrediction::evaluation(Split split, const EvaluationOptions& options) const {
  if (!has(split))
    throw ConfigError(
        str("task: there is no ", split_name(split), " split; set task.", split_name(split), "_fraction"));
  return std::make_unique<NextTokenEvaluation>(part(split), length_, options);
}

std::string NextTokenPrediction::symbol(std::int32_t token) const {
  const std::string text = decode({token});
  if (text == "\n") return "\\n";
  return text.size() > 1 || (text[0] >= 32 && text[0] < 127) ? printable(text) : std::to_string(token);
}

}  // namespace seqtape
