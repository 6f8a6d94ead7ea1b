#include <cctype>

#include "core/error.h"
#include "core/text.h"
#include "data/windows.h"

namespace seqtape {
namespace {

constexpr std::string_view kBases = "ACGTN";

/// The next base of FASTA files, plain or gz. Tokens: A, C, G, T, and N for the codes of bases that are not known for
/// sure (IUPAC: R, Y, S, W, K, M, B, D, H, V, N, and -). Case is of no account. The records of a file follow each other
/// with an N between.
class Dna final : public Windows {
 public:
  std::vector<std::int32_t> encode(const std::string& text) const override {
    std::vector<std::int32_t> tokens;
    for (const char c : text) {
      tokens.push_back(token_of(c));
      if (tokens.back() < 0) throw ConfigError(str("--prompt: ", not_a_base(c)));
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

  /// -1: not a base.
  static std::int32_t token_of(char base) {
    const char letter = static_cast<char>(std::toupper(static_cast<unsigned char>(base)));
    if (const std::size_t at = kBases.find(letter); at != std::string_view::npos) return static_cast<std::int32_t>(at);
    if (letter == 'U') return 3;  // RNA's U stands where DNA has T
    return std::string_view("RYSWKMBDHV-").find(letter) != std::string_view::npos ? 4 : -1;
  }
  static std::string not_a_base(char c) {
    return str("\"", c, "\" is not a base; known: A, C, G, T, U and IUPAC's codes");
  }

  void read(const std::filesystem::path& path, std::string& tokens) const override {
    const std::string text = read_unpacked(path);
    if (text.find('>') == std::string::npos)
      throw DataError(str(path.string(), ": is not a FASTA file: no line starts with \">\""));
    Index line = 1;
    for (std::size_t begin = 0; begin < text.size(); ++line) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      if (text[begin] == '>' || text[begin] == ';') {
        if (!tokens.empty() && text[begin] == '>') tokens += static_cast<char>(4);
      } else {
        for (std::size_t i = begin; i < end; ++i) {
          if (std::isspace(static_cast<unsigned char>(text[i]))) continue;
          const std::int32_t token = token_of(text[i]);
          if (token < 0) throw DataError(str(path.string(), ":", line, ": ", not_a_base(text[i])));
          tokens += static_cast<char>(token);
        }
      }
      begin = end + 1;
    }
  }
};

}  // namespace

std::unique_ptr<Task> make_dna() { return std::make_unique<Dna>(); }

}  // namespace seqtape
