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
  std::string decode(const std::vector<std::int32_t>& tokens) const override {
    std::string text;
    for (const std::int32_t token : tokens) text += kBases[static_cast<std::size_t>(token)];
    return text;
  }

 private:
  Index vocabulary() const override { return static_cast<Index>(kBases.size()); }
  const char* unit() const override { return "base"; }
  std::int32_t unknown_token() const override { return kUnknownBase; }
  std::vector<std::int32_t> tokens_of(const std::string& text, const std::string& where) const override {
    return base_tokens(text, where);
  }
  void read(const std::filesystem::path& path, Tokens& tokens) override {
    fasta_.read(path, [&](const std::string& record) {
      if (!tokens.empty()) tokens += static_cast<Tokens::value_type>(kUnknownBase);
      tokens.append(record.begin(), record.end());
    });
  }
  FastaReader fasta_;
};

/// Classification of stretches of DNA. The records of a class, in a fixed random order, are a line of bases whose first
/// part trains, whose second validates and whose third tests: what a base is in does not depend on `length`. Only then
/// each record's stretch within a part is cut into pieces of `length` bases; a shorter rest is a piece as well, unless
/// it is below half of that and not the only one.
class DnaClasses final : public TokenClassification {
 public:
  std::vector<std::string> notes() const override {
    auto all = SequenceClassification::notes();
    for (const std::string& note : fasta_.notes()) all.push_back(note);
    return all;
  }
  std::string token_meaning() const override { return "bases"; }
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

 private:
  const char* path_doc() const override {
    return "folder with a folder of FASTA files (plain or gz) for each class, relative to the config";
  }
  SequenceShape reads() const override { return {.vocabulary = static_cast<Index>(kBases.size())}; }
  void load_tokens() override {
    fasta_ = {};
    parts_.clear();
    std::vector<std::string> records;
    std::string of;
    const auto finish_class = [&] {
      cut(records, of);
      records.clear();
    };
    each_file([&](const std::filesystem::path& file, const std::string& label) {
      if (label != of) finish_class();
      of = label;
      fasta_.read(file, [&](std::string record) {
        count_source(label, record);
        records.push_back(std::move(record));
      });
    });
    finish_class();
  }

  void cut(const std::vector<std::string>& records, const std::string& label) {
    Index bases = 0, before = 0;
    for (const std::string& record : records) bases += static_cast<Index>(record.size());
    const auto [validation, test] = held_back(bases);
    const Index ends[] = {bases - validation - test, bases - test, bases};
    constexpr Split kParts[] = {Split::train, Split::validation, Split::test};
    for (const std::int32_t r : Random(0, "order of records").permutation(static_cast<Index>(records.size()))) {
      const std::string& record = records[static_cast<std::size_t>(r)];
      const Index after = before + static_cast<Index>(record.size());
      for (std::size_t p = 0; p < 3; ++p) {
        const Index begin = std::max(before, p ? ends[p - 1] : 0), end = std::min(after, ends[p]);
        for (Index at = begin; at < end; at += longest()) {
          if (at > begin && 2 * (end - at) < longest()) break;
          add(record.substr(static_cast<std::size_t>(at - before),
                            static_cast<std::size_t>(std::min(longest(), end - at))),
              label);
          parts_.push_back(kParts[p]);
        }
      }
      before = after;
    }
  }

  std::vector<Split> parts() const override { return parts_; }

  FastaReader fasta_;
  std::vector<Split> parts_;
};

}  // namespace

std::unique_ptr<Task> make_dna() { return std::make_unique<Dna>(); }
std::unique_ptr<Task> make_dna_classes() { return std::make_unique<DnaClasses>(); }

}  // namespace seqtape
