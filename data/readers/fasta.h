#pragma once
// FASTA files, plain or gz.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

constexpr std::string_view kBases = "ACGTN";  ///< the letters of tokens 0 to 4
constexpr char kUnknownBase = 4;

/// The token of a letter, in either case: A, C, G, T (RNA's U is T), and N for IUPAC's ambiguity codes (R, Y, S, W, K,
/// M, B, D, H, V, N, and -). -1: not a base.
std::int32_t base_token(char letter);

/// Reads files, and counts the letters that are not bases and the empty records.
class FastaReader {
 public:
  /// Calls record(tokens) for each record that has bases, in order. Lines may end in LF, CR LF or CR; those that begin
  /// with ";" are comments. Letters that are not bases are read as N. Throws DataError when the file has no records,
  /// has bases before the first, or is FASTQ.
  void read(const std::filesystem::path&, const std::function<void(std::string tokens)>& record);
  /// The letters read so far that are no bases.
  Index unknown() const { return unknown_; }
  /// For `Task::notes`.
  std::vector<std::string> notes() const;

 private:
  Index unknown_ = 0, empty_ = 0;
};

}  // namespace seqtape
