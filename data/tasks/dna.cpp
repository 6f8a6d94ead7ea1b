#include <algorithm>

#include "core/error.h"
#include "core/random.h"
#include "core/strings.h"
#include "data/next_token_prediction.h"
#include "data/readers/fasta.h"
#include "data/sequence_classification.h"

namespace seqtape {
namespace {

/// The records of a new file. Throws DataError for one that is hardly DNA.
std::vector<std::string> new_records(FastaReader& fasta, const std::filesystem::path& path) {
  std::vector<std::string> records;
  Index bases = 0, before = fasta.unknown();
  fasta.read(path, [&](std::string record) {
    bases += static_cast<Index>(record.size());
    records.push_back(std::move(record));
  });
  refuse_unknown(fasta.unknown() - before, bases, path.string(), "letters", "bases (A, C, G, T, U, IUPAC's codes)");
  return records;
}

/// The tokens of bases without a header, which messages call `where`.
std::vector<std::int32_t> base_tokens(const std::string& text, const std::string& where) {
  std::vector<std::int32_t> tokens;
  for (const char c : text) {
    tokens.push_back(base_token(c));
    if (tokens.back() < 0)
      throw ConfigError(
          str(where, ": \"", printable({&c, 1}), "\" is not a base; known: A, C, G, T, U and IUPAC's codes"));
  }
  return tokens;
}

std::string bases_of(const std::vector<std::int32_t>& tokens) {
  std::string text;
  for (const std::int32_t token : tokens) text += kBases[static_cast<std::size_t>(token)];
  return text;
}

/// Says that bases are read, as `base_tokens` reads them.
void read_bases(Signature& signature) {
  signature.steps = Signature::Steps::characters;
  signature.unit = "base";
  signature.skips_blanks = true;
  for (int c = 0; c < 128; ++c)
    if (const std::int32_t token = base_token(static_cast<char>(c)); token >= 0)
      signature.characters.push_back({static_cast<char32_t>(c), token});
  for (const char base : kBases) signature.texts.emplace_back(1, base);
}

/// The next base of FASTA files. Their records follow each other with an N between.
class Dna final : public NextTokenPrediction {
 public:
  void prepare(std::uint64_t seed) override {
    fasta_ = {};
    NextTokenPrediction::prepare(seed);
  }
  std::vector<std::string> notes() const override {
    auto all = NextTokenPrediction::notes();
    for (const std::string& note : fasta_.notes()) all.push_back(note);
    return all;
  }
  std::string token_meaning() const override { return "bases"; }
  NewInputs new_inputs() override {
    NewInputs inputs = NextTokenPrediction::new_inputs();
    inputs.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
      Steps steps;
      for (const std::string& record : new_records(fasta_, path)) {
        if (!steps.tokens.empty()) steps.tokens.push_back(kUnknownBase);
        steps.tokens.insert(steps.tokens.end(), record.begin(), record.end());
      }
      add(NewInput::of(std::move(steps)));
    };
    return inputs;
  }
  Signature signature() const override {
    Signature all = NextTokenPrediction::signature();
    read_bases(all);
    return all;
  }
  std::string decode(const std::vector<std::int32_t>& tokens) const override { return bases_of(tokens); }

 private:
  Index vocabulary() const override { return static_cast<Index>(kBases.size()); }
  const char* unit() const override { return "base"; }
  std::int32_t unknown_token() const override { return kUnknownBase; }
  std::vector<std::int32_t> tokens_of(const std::string& text, const std::string& where) const override {
    return base_tokens(text, where);
  }
  void read(const std::filesystem::path& path, Tokens& tokens) override {
    const auto add = [&](const std::string& record) {
      if (!tokens.empty()) tokens += static_cast<Tokens::value_type>(kUnknownBase);
      tokens.append(record.begin(), record.end());
    };
    if (!evaluates()) return fasta_.read(path, add);
    for (const std::string& record : new_records(fasta_, path)) add(record);
  }
  FastaReader fasta_;
};

/// Classification of stretches of DNA. The records of a class, in a fixed random order, are a line of bases whose first
/// part trains, whose second validates and whose third tests: what a base is in does not depend on `length`. Only then
/// each record's stretch within a part is cut into pieces of `length` bases; a shorter rest is a piece as well, unless
/// it is below half of that and not the only one. With groups, and in data of their own for a split, a record stays
/// whole until then.
class DnaClasses final : public TokenClassification {
 public:
  void fields(Fields& f) override {
    SequenceClassification::fields(f);
    group_field(f);
  }
  std::vector<std::string> contents() const override {
    auto all = SequenceClassification::contents();
    if (rests_)
      all.push_back(str(grouped(rests_), " bases at the ends of stretches, below half of task.length, are left out"));
    return all;
  }
  std::vector<std::string> notes() const override {
    auto all = SequenceClassification::notes();
    for (const std::string& note : fasta_.notes()) all.push_back(note);
    return all;
  }
  std::string token_meaning() const override { return "bases"; }
  std::string decode(const std::vector<std::int32_t>& tokens) const override { return bases_of(tokens); }
  NewInputs new_inputs() override {
    NewInputs inputs = SequenceClassification::new_inputs();
    inputs.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
      Index number = 0;
      for (const std::string& record : new_records(fasta_, path))
        add(NewInput::of({.tokens = {record.begin(), record.end()}}, std::to_string(++number)));
    };
    inputs.line = [](const std::string& line, const std::string& where) -> Steps {
      return {.tokens = base_tokens(line, where)};
    };
    return inputs;
  }
  Signature signature() const override {
    Signature all = SequenceClassification::signature();
    read_bases(all);
    return all;
  }

 private:
  const char* path_doc() const override {
    return "folder with a folder of FASTA files (plain or gz) for each class, relative to the config";
  }
  SequenceShape reads() const override { return {.vocabulary = static_cast<Index>(kBases.size())}; }
  void forget() override {
    TokenClassification::forget();
    fasta_ = {};
    parts_.clear(), group_of_.clear(), groups_.clear();
    rests_ = 0;
  }

  void load() override {
    if (stratified() && !grouped_by_file())
      throw ConfigError(
          "task.split: the bases of each class are divided by their place, so that each class gives its share to each "
          "split; stratified is for task.group");
    std::vector<std::string> records;
    std::string of;
    const auto finish_class = [&] {
      if (own_split())
        for (const std::string& record : records) add_pieces(record, of, *own_split());
      else
        cut(records, of);
      records.clear();
    };
    each_file([&](const std::filesystem::path& file, const std::string& label) {
      if (label != of) finish_class();
      of = label;
      const bool together = grouped_by_file() && !own_split();
      const auto take = [&](std::string record) {
        count_source(label, record);
        if (together)
          add_together(record, label);
        else
          records.push_back(std::move(record));
      };
      if (!evaluates()) return fasta_.read(file, take);
      for (std::string& record : new_records(fasta_, file)) take(std::move(record));
    });
    finish_class();
  }

  /// Adds the pieces of a stretch.
  void add_pieces(std::string_view stretch, const std::string& label, Split split) {
    for (std::size_t at = 0; at < stretch.size(); at += static_cast<std::size_t>(longest())) {
      const std::string_view piece = stretch.substr(at, static_cast<std::size_t>(longest()));
      if (at > 0 && 2 * static_cast<Index>(piece.size()) < longest()) {
        rests_ += static_cast<Index>(piece.size());
        break;
      }
      add(std::string(piece), label);
      parts_.push_back(split);
    }
  }

  /// Adds the pieces of a record that goes where its group goes: by the groups' bases, which `length` does not change.
  void add_together(const std::string& record, const std::string& label) {
    groups_.resize(std::max(groups_.size(), group() + 1));
    groups_[group()][stratified() ? label : ""] += static_cast<Index>(record.size());
    group_of_.resize(parts_.size());
    add_pieces(record, label, Split::train);
    group_of_.resize(parts_.size(), group());
  }

  void cut(const std::vector<std::string>& records, const std::string& label) {
    Index bases = 0, before = 0;
    for (const std::string& record : records) bases += static_cast<Index>(record.size());
    const auto [validation, test] = held_back(bases);
    const Index ends[] = {bases - validation - test, bases - test, bases};
    for (const std::int32_t r : Random(0, "order of records").permutation(static_cast<Index>(records.size()))) {
      const std::string& record = records[static_cast<std::size_t>(r)];
      const Index after = before + static_cast<Index>(record.size());
      for (std::size_t p = 0; p < 3; ++p) {
        const Index begin = std::max(before, p ? ends[p - 1] : 0), end = std::min(after, ends[p]);
        if (begin < end)
          add_pieces(std::string_view(record).substr(static_cast<std::size_t>(begin - before),
                                                     static_cast<std::size_t>(end - begin)),
                     label, kSplits[p]);
      }
      before = after;
    }
  }

  std::vector<Split> parts() override {
    const auto splits = divide(groups_, fraction(Split::validation), fraction(Split::test));
    for (std::size_t i = 0; i < group_of_.size(); ++i)
      if (group_of_[i]) parts_[i] = splits[group_of_[i]];
    return parts_;
  }

  FastaReader fasta_;
  std::vector<Split> parts_;           // of the pieces,
  std::vector<std::size_t> group_of_;  // and the groups of those that have one
  std::vector<Together> groups_;
  Index rests_ = 0;
};

}  // namespace

std::unique_ptr<Task> make_dna() { return std::make_unique<Dna>(); }
std::unique_ptr<Task> make_dna_classes() { return std::make_unique<DnaClasses>(); }

}  // namespace seqtape
