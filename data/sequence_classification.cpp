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

/// Batches of sequences, each batch's longest first, in chunks.
class ClassificationEvaluation final : public Evaluation {
 public:
  ClassificationEvaluation(const SequenceClassification& task, std::vector<Index> order,
                           const EvaluationOptions& options)
      : task_(task), order_(std::move(order)), options_(options) {}

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
  paths_.fields(f, path_doc());
  f("length", length_, "longest sequence, in steps", positive_up_to(1e9));
  f("longer", longer_, "what becomes of longer ones", one_of({"cut", "refuse"}));
  targets_.fields(f);
  f("validation_fraction", validation_fraction_, "share of the sequences kept for validation", between(0, 1));
  f("test_fraction", test_fraction_, "share of the sequences kept for test", between(0, 1));
  f("split", split_,
    "how they are divided: by a fixed draw, or so that each class gives its share to each split, and of a small one "
    "first train, then validation, then test get a sequence",
    one_of({"random", "stratified"}));
}

void SequenceClassification::group_field(Fields& f) {
  f("group", group_pattern_,
    "regular expression (PCRE2) on a file's path within the data, with /, whose first parentheses, or all of it, name "
    "what must stay in one split: \"/([a-z]+)_\", the speaker of digits/anna_7.wav; \"\": nothing");
}

void SequenceClassification::evaluate_on(const std::filesystem::path& data) {
  if (!targets_.known())
    throw DataError("--data: the run does not have the names of its classes; it is of an earlier version");
  paths_.evaluate_on(data);
}

double SequenceClassification::fraction(Split split) const {
  return paths_.own(split) ? 0 : split == Split::validation ? validation_fraction_ : test_fraction_;
}

Index SequenceClassification::kept(std::size_t steps, const std::string& where) {
  const auto all = static_cast<Index>(steps);
  if (all <= length_) return all;
  if (longer_ == "refuse")
    throw DataError(str(where, ": has ", steps, " steps, more than task.length, ", length_,
                        "; raise it, or set task.longer to \"cut\""));
  ++cut_;
  longest_ = std::max(longest_, all);
  return length_;
}

bool SequenceClassification::add(Index steps, const Target& target, std::string_view content,
                                 const std::string& where) {
  if (steps == 0) return ++empty_, false;
  targets_.add(target, steps, where);
  known_.push_back({steps, source_.split, group_, std::hash<std::string_view>()(content), place_of(where)});
  return true;
}

std::string SequenceClassification::place_of(const std::string& where) const {
  const std::string& all = path();
  if (where.compare(0, all.size(), all) != 0) return printable(where);
  const std::string rest = where.substr(all.size());
  return printable(rest.starts_with('/') ? rest.substr(1)
                                         : std::filesystem::path(all).filename().string() + rest);  // "x.tsv" and ":12"
}

std::vector<Index> SequenceClassification::evaluated(Split split) const {
  std::vector<Index> order = part(split);
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return size_of(a) > size_of(b); });
  return order;
}

std::string SequenceClassification::place(Split split, Index sequence) const {
  const Index i = evaluated(split).at(static_cast<std::size_t>(sequence));
  const Sequence& one = known_[static_cast<std::size_t>(i)];
  return one.place.empty() ? str("number ", grouped(i + 1), " of the data") : one.place;
}

std::pair<Index, std::string> SequenceClassification::shortest() const {
  const auto least =
      std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) { return a.size < b.size; });
  return least == known_.end() ? std::pair(length_, std::string()) : std::pair(least->size, least->place);
}

void SequenceClassification::count_source(const Target& target, std::string_view bytes) {
  if (bytes.empty()) return;
  ++sources_;
  crc_ = crc32_of(join(target.names, "\n"), crc32_of(bytes, crc_));
  if (!target.numbers.empty())
    crc_ =
        crc32_of({reinterpret_cast<const char*>(target.numbers.data()), target.numbers.size() * sizeof(double)}, crc_);
}

void SequenceClassification::each_file(
    const std::function<void(const std::filesystem::path& file, const std::string& label)>& read) {
  std::optional<GroupPattern> pattern;
  if (grouped_by_file() && !evaluates()) pattern.emplace(group_pattern_);
  for (const auto& [file, label] : class_files(path(), left_out_, key().c_str())) {
    if (pattern) in_group(pattern->group_of(file.lexically_relative(path()).generic_string(), file.string()));
    read(file, label);
  }
}

void TokenClassification::add(std::string tokens, const Target& target, const std::string& where) {
  count_source(target, tokens);
  tokens.resize(static_cast<std::size_t>(kept(tokens.size(), where)));
  add_kept(std::move(tokens), target, where);
}

void TokenClassification::add(std::string tokens, const Target& target) { add_kept(std::move(tokens), target, ""); }

void TokenClassification::add_kept(std::string tokens, const Target& target, const std::string& where) {
  if (SequenceClassification::add(static_cast<Index>(tokens.size()), target, tokens, where))
    sequences_.push_back(std::move(tokens));
}

void TokenClassification::copy(Index i, Index begin, Index count, Batch& out, Index b) const {
  const char* from = sequences_[static_cast<std::size_t>(i)].data() + begin;
  std::transform(from, from + count, out.tokens.begin() + b * out.length,
                 [](char token) { return static_cast<unsigned char>(token); });
}

void SequenceClassification::prepare(std::uint64_t seed) {
  seed_ = seed;
  epochs_.forget();
  known_.clear(), targets_.forget();
  groups_ = {{"", 0}}, group_ = 0;
  crc_ = 0, sources_ = 0, empty_ = 0, cut_ = 0, longest_ = 0, left_out_ = {};
  forget();
  for (auto& source : paths_.sources()) {
    source_ = std::move(source);
    group_ = 0;
    // Data that validate are others than the same to train on.
    if (source_.split && !evaluates()) crc_ = crc32_of(split_name(*source_.split), crc_);
    const std::size_t before = known_.size();
    load();
    if (known_.size() == before) throw DataError(str(key(), "the data hold no sequences, or empty ones only"));
  }
  targets_.number(key() + path());
  refuse_other_classes();
  split();
  if (!evaluates()) targets_.learn(train());
  loaded();
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
  }
  targets_.fill(which, begin, out);
}

std::vector<std::int32_t> SequenceClassification::epoch(Index number, Index rows) const {
  const auto count = static_cast<Index>(train().size());
  Random random(seed_, "train", static_cast<std::uint64_t>(number));
  std::vector<std::int32_t> shuffled;
  for (const std::int32_t i : random.permutation(count))
    shuffled.push_back(static_cast<std::int32_t>(train()[static_cast<std::size_t>(i)]));
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
  const auto count = static_cast<Index>(train().size());
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
  for (Index b = 0; b < rows; ++b) {
    const Index i = which[static_cast<std::size_t>(b)], epoch = (step * rows + b) / count;
    const auto key = static_cast<std::uint64_t>(epoch * static_cast<Index>(known_.size()) + i);
    vary(Random(seed_, "augmentation", key), i, out, b);
  }
  targets_.weigh(out);
}

std::unique_ptr<Evaluation> SequenceClassification::evaluation(Split split, const EvaluationOptions& options) const {
  if (!has(split)) throw ConfigError(str("task: there is no ", split_name(split), " split"));
  return std::make_unique<ClassificationEvaluation>(*this, evaluated(split), options);
}

std::string SequenceClassification::fingerprint() const {
  return format("%08x of %lld sequences", crc_, static_cast<long long>(sources_));
}

Json SequenceClassification::learned() const {
  Json learned = targets_.learned();
  if (const auto counts = training_counts(); !counts.empty()) learned["training_counts"] = counts;
  return learned;
}

void SequenceClassification::use(const Json& learned) {
  targets_.use(learned);
  learned_counts_ = learned.value("training_counts", std::vector<Index>());
}

NewInputs SequenceClassification::new_inputs() {
  if (!targets_.known())
    throw DataError("task: the run does not have the names of its classes; it is of an earlier version");
  NewInputs inputs{.longer = longer_ == "cut" ? NewInputs::Longer::cut : NewInputs::Longer::refuse};
  targets_.describe(inputs);
  return inputs;
}

Signature SequenceClassification::signature() const {
  Signature all = Task::signature();
  targets_.describe(all);
  all.reads = longer_ == "cut" ? Signature::Reads::first : Signature::Reads::at_most;
  return all;
}

std::vector<std::string> SequenceClassification::contents() const {
  std::vector<Index> sizes;
  for (const Sequence& one : known_) sizes.push_back(one.size);
  std::sort(sizes.begin(), sizes.end());
  if (sizes.empty()) return {};
  BySplit<std::vector<Index>> counts;
  for (const Split split : kSplits)
    of(counts, split) = targets_.one_class() ? targets_.counts(part(split))
                                             : std::vector<Index>{static_cast<Index>(part(split).size())};
  std::vector<std::string> all{
      describe_splits("sequence", targets_.one_class() ? targets_.names() : std::vector<std::string>(), counts),
      str("of ", grouped(sizes.front()), " to ", grouped(sizes.back()), " steps, median ",
          grouped(sizes[sizes.size() / 2]))};
  for (std::string& line : targets_.contents(train())) all.push_back(std::move(line));
  if (cut_)
    all.push_back(str(grouped(cut_), " of ", grouped(static_cast<Index>(sizes.size())),
                      " sequences were longer than task.length, ", grouped(length_), ", and cut; the longest has ",
                      grouped(longest_)));
  BySplit<std::vector<std::size_t>> contents;
  for (const Split split : kSplits)
    for (const Index i : part(split)) of(contents, split).push_back(known_[static_cast<std::size_t>(i)].content);
  for (std::string& note : shared_notes("sequences", contents)) all.push_back(std::move(note));
  return all;
}

std::vector<std::string> SequenceClassification::notes() const {
  std::vector<std::string> all = left_out_.notes();
  if (empty_) all.push_back(counted(empty_, "empty sequence") + (empty_ == 1 ? " was left out" : " were left out"));
  if (evaluates()) return all;
  const auto alone =
      std::count_if(known_.begin(), known_.end(), [](const Sequence& one) { return one.group == 0 && !one.split; });
  if (has_groups() && alone > 0)
    all.push_back(counted(alone, "sequence") + " without a group: each is divided by itself");
  for (std::string& note : targets_.notes(train())) all.push_back(std::move(note));
  return all;
}

}  // namespace seqtape
