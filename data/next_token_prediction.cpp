#include "data/next_token_prediction.h"

#include <algorithm>

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
  paths_.fields(f, "file or folder, or a list of them, relative to the config");
  f("length", length_, "steps of a window", positive_up_to(1e12));
  f("carry", carry_, "training goes on where the last batch ended, with the model's state, instead of drawing windows");
  f("train_fraction", train_fraction_, "share of the data, from the start, to train on", between(0, 1));
  f("test_fraction", test_fraction_, "share of the data, at the end, kept for test", between(0, 1));
}

void NextTokenPrediction::prepare(std::uint64_t seed) {
  seed_ = seed;
  epochs_.forget();
  left_out_ = {}, twice_.clear(), files_.clear(), contents_.clear();
  tokens_.clear();
  parts_ = {};
  if (train_fraction_ + test_fraction_ > 1)
    throw ConfigError(
        str("task.test_fraction: train_fraction + test_fraction must be <= 1, got ", train_fraction_ + test_fraction_));
  for (const auto& source : paths_.sources()) read(source);
  for (const Split split : kSplits) refuse_short(split);
}

void NextTokenPrediction::read(const DataSource<std::vector<std::string>>& source) {
  Tokens tokens;
  for (const std::string& path : source.paths)
    for (const auto& file : files_under(path, left_out_, str(source.key, ": ").c_str())) {
      const std::size_t before = tokens.size();
      read(file, tokens);
      const auto added = std::u16string_view(tokens).substr(before);
      const bool again = !files_.insert(std::filesystem::weakly_canonical(file)).second;
      const bool known = !added.empty() && !contents_.insert(std::hash<std::u16string_view>()(added)).second;
      if (again || known) twice_.push_back(printable(file.filename().string()));
    }
  if (tokens.empty())
    throw DataError(str(source.key, ": ", join(source.paths, ", "), ": no ", unit(), "s to read; the files are empty"));
  const std::size_t begin = tokens_.size(), end = begin + tokens.size();
  if (tokens_.empty())
    tokens_ = std::move(tokens);
  else
    tokens_ += tokens;
  if (source.split) {
    of(parts_, *source.split) = {begin, end};
    return;
  }
  // A split with data of its own takes nothing; what validates is what remains.
  const auto size = static_cast<Index>(end);
  const std::size_t test =
      paths_.own(Split::test) ? end : end - static_cast<std::size_t>(share_of(size, test_fraction_));
  const std::size_t train =
      paths_.own(Split::validation) ? test : static_cast<std::size_t>(share_of(size, train_fraction_));
  parts_ = {{{0, train}, {train, test}, {test, end}}};
}

void NextTokenPrediction::refuse_short(Split split) const {
  const auto size = static_cast<Index>(part(split).size());
  if (evaluates()) {
    if (split == Split::test && size < 2)
      throw DataError(str("--data: has one ", unit(), "; an answer takes two, of which the first is given"));
    return;
  }
  if (size >= length_ + 1 || (split == Split::test && test_fraction_ == 0 && !paths_.own(split))) return;
  throw DataError(str("task.length: the ", split_name(split), " split has ", size, " ", unit(), "s, a window needs ",
                      length_ + 1, "; lower task.length, or ",
                      paths_.own(split) ? str("give more of them in task.", split_name(split), "_path")
                                        : str("change task.train_fraction (", train_fraction_, ")")));
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
  constexpr std::size_t kNamed = 3;
  if (!twice_.empty()) {
    const std::vector<std::string> named(twice_.begin(), twice_.begin() + std::min(twice_.size(), kNamed));
    all.push_back(str("read twice: ", join(named, ", "),
                      twice_.size() > kNamed ? str(" and ", twice_.size() - kNamed, " more") : "",
                      "; what validates may have been trained on"));
  }
  return all;
}

std::vector<std::string> NextTokenPrediction::contents() const {
  BySplit<std::vector<Index>> counts;
  for (const Split split : kSplits) of(counts, split) = {static_cast<Index>(part(split).size())};
  return {describe_splits(unit(), {}, counts)};
}

Json NextTokenPrediction::learned() const {
  const auto counts = training_counts();
  return counts.empty() ? Json::object() : Json{{"training_counts", counts}};
}

void NextTokenPrediction::use(const Json& learned) {
  learned_counts_ = learned.value("training_counts", std::vector<Index>());
}

std::vector<Index> NextTokenPrediction::training_counts() const {
  if (evaluates()) return learned_counts_;
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

Signature NextTokenPrediction::signature() const {
  Signature all = Task::signature();
  all.reads = Signature::Reads::windows;
  return all;
}

std::string NextTokenPrediction::fingerprint() const {
  const std::string_view bytes(reinterpret_cast<const char*>(tokens_.data()), tokens_.size() * sizeof tokens_[0]);
  std::string all = format("%08x of %zu %ss", crc32_of(bytes), tokens_.size(), unit());
  for (const Split split : {Split::validation, Split::test})
    if (paths_.own(split)) all += str(", ", part(split).size(), " of their own for ", split_name(split));
  return all;
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
