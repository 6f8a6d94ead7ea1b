#include "data/fasta.h"

#include <cctype>

#include "core/error.h"
#include "data/files.h"

namespace seqtape {

std::int32_t base_token(char letter) {
  const char base = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (const std::size_t at = kBases.find(base); at != std::string_view::npos) return static_cast<std::int32_t>(at);
  if (base == 'U') return 3;
  return std::string_view("RYSWKMBDHV-").find(base) != std::string_view::npos ? kUnknownBase : -1;
}

void read_fasta(const std::filesystem::path& path, Index& unknown,
                const std::function<void(std::string tokens)>& record) {
  const std::string text = read_unpacked(path);
  std::string tokens;
  bool open = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (text[begin] == '>') {
      if (open) record(std::move(tokens));
      tokens.clear();
      open = true;
    } else if (text[begin] != ';' && open) {
      for (std::size_t i = begin; i < end; ++i) {
        if (std::isspace(static_cast<unsigned char>(text[i]))) continue;
        const std::int32_t token = base_token(text[i]);
        unknown += token < 0;
        tokens += token < 0 ? kUnknownBase : static_cast<char>(token);
      }
    }
    begin = end + 1;
  }
  if (!open) throw DataError(str(path.string(), ": is not a FASTA file: no line starts with \">\""));
  record(std::move(tokens));
}

std::vector<std::string> unknown_bases_note(Index unknown) {
  if (unknown == 0) return {};
  return {str(unknown, " letters that are no base (A, C, G, T, U and IUPAC's codes) were read as N")};
}

}  // namespace seqtape
