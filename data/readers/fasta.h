#pragma once
// FASTA files, plain or gz.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

constexpr std::string_view kBases = "ACGTN";  ///< the letters of the tokens
constexpr char kUnknownBase = 4;

/// The token of a letter: A, C, G, T (U, RNA's, is T), and N for the codes of bases that are not known for sure (IUPAC:
/// R, Y, S, W, K, M, B, D, H, V, N, and -). Case is of no account. -1: not a base.
std::int32_t base_token(char letter);

/// Reads files, and counts what had to be passed over in them.
class FastaReader {
 public:
  /// Calls record(tokens) for each record that has bases, in order. Lines may end in LF, CR LF or CR; those that begin
  /// with ";" are remarks. Letters that are no base are read as N. Throws DataError when the file has no records, has
  /// bases in front of the first, or is FASTQ.
  void read(const std::filesystem::path&, const std::function<void(std::string tokens)>& record);
  /// For `Task::notes`.
  std::vector<std::string> notes() const;

 private:
  Index unknown_ = 0, empty_ = 0;
};

}  // namespace seqtape
