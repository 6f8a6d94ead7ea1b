#include "data/readers/fasta.h"

#include <cctype>

#include "core/error.h"
#include "core/strings.h"
#include "data/readers/files.h"

namespace seqtape {

std::int32_t base_token(char letter) {
  const char base = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (const std::size_t at = kBases.find(base); at != std::string_view::npos) return static_cast<std::int32_t>(at);
  if (base == 'U') return 3;
  return std::string_view("RYSWKMBDHV-").find(base) != std::string_view::npos ? kUnknownBase : -1;
}

void FastaReader::read(const std::filesystem::path& path, const std::function<void(std::string tokens)>& record) {
  const std::string text = read_text(path);
  std::string tokens;
  bool open = false;
  const auto close = [&] {
    if (open && tokens.empty()) ++empty_;
    if (!tokens.empty()) record(std::move(tokens));
    tokens.clear();
  };
  Index line = 1;
  for (std::size_t begin = 0, next = 0; begin < text.size(); begin = next, ++line) {
    const std::size_t end = line_end(text, begin, next);
    const auto refuse = [&](const char* why) {
      throw DataError(str(path.string(), ":", line, ": ", why, ": \"",
                          printable(std::string_view(text).substr(begin, end - begin), 40), "\""));
    };
    begin = std::min(text.find_first_not_of(" \t\v\f", begin), end);
    if (begin == end || text[begin] == ';') continue;
    if (text[begin] == '>') {
      close();
      open = true;
      continue;
    }
    if (text[begin] == '@' || (open && text[begin] == '+')) refuse("is FASTQ, not FASTA; seqtk seq -A converts it");
    if (!open) refuse("is not a FASTA file: there is text in front of the first line with \">\"");
    for (std::size_t i = begin; i < end; ++i) {
      if (std::isspace(static_cast<unsigned char>(text[i]))) continue;
      if (text[i] == '>') refuse("\">\" within a line of bases; a line break is missing in front of it");
      const std::int32_t token = base_token(text[i]);
      unknown_ += token < 0;
      tokens += token < 0 ? kUnknownBase : static_cast<char>(token);
    }
  }
  if (!open) throw DataError(str(path.string(), ": is not a FASTA file: no line starts with \">\""));
  close();
}

std::vector<std::string> FastaReader::notes() const {
  std::vector<std::string> all;
  if (unknown_)
    all.push_back(str(unknown_, " letters that are no base (A, C, G, T, U and IUPAC's codes) were read as N"));
  if (empty_) all.push_back(str(empty_, " records without bases were left out"));
  return all;
}

}  // namespace seqtape
