#include "core/error.h"
#include "core/text.h"
#include "data/fasta.h"
#include "data/labelled.h"
#include "data/windows.h"

namespace seqtape {
namespace {

/// The next base of FASTA files. Their records follow each other with an N between.
class Dna final : public Windows {
 public:
  void prepare(std::uint64_t seed) override {
    unknown_ = 0;
    Windows::prepare(seed);
  }
  std::vector<std::string> notes() const override { return unknown_bases_note(unknown_); }
  std::string token_meaning() const override { return "bases"; }
  std::vector<std::int32_t> encode(const std::string& text) const override {
    std::vector<std::int32_t> tokens;
    for (const char c : text) {
      tokens.push_back(base_token(c));
      if (tokens.back() < 0)
        throw ConfigError(str("--prompt: \"", c, "\" is not a base; known: A, C, G, T, U and IUPAC's codes"));
    }
    return tokens;
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
  void read(const std::filesystem::path& path, Tokens& tokens) override {
    read_fasta(path, unknown_, [&](const std::string& record) {
      if (!tokens.empty()) tokens += static_cast<Tokens::value_type>(kUnknownBase);
      tokens.append(record.begin(), record.end());
    });
  }
  Index unknown_ = 0;
};

/// Classification of stretches of DNA: each record of the FASTA files is cut into pieces of `length` bases; a shorter
/// rest is a piece as well, unless it is below half of that and not the record's only one.
class DnaClasses final : public LabelledTokens {
 public:
  std::vector<std::string> notes() const override {
    auto all = Labelled::notes();
    for (const std::string& note : unknown_bases_note(unknown_)) all.push_back(note);
    return all;
  }
  std::string token_meaning() const override { return "bases"; }

 private:
  const char* path_doc() const override {
    return "folder with a folder of FASTA files (plain or gz) for each class, relative to the config";
  }
  TaskShape reads() const override { return {.vocabulary = static_cast<Index>(kBases.size())}; }
  void load_tokens() override {
    unknown_ = 0;
    each_file([&](const std::filesystem::path& file, const std::string& label) {
      read_fasta(file, unknown_, [&](const std::string& record) {
        const auto piece = static_cast<std::size_t>(longest());
        for (std::size_t begin = 0; begin < std::max<std::size_t>(1, record.size()); begin += piece)
          if (begin == 0 || 2 * (record.size() - begin) >= piece)
            add(record.substr(begin, piece), label, file.string());
      });
    });
  }
  Index unknown_ = 0;
};

}  // namespace

std::unique_ptr<Task> make_dna() { return std::make_unique<Dna>(); }
std::unique_ptr<Task> make_dna_classes() { return std::make_unique<DnaClasses>(); }

}  // namespace seqtape
