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

/// Calls record(tokens) for each record, in order. Letters that are no base are read as N and counted. Throws DataError
/// when the file has no records.
void read_fasta(const std::filesystem::path&, Index& unknown, const std::function<void(std::string tokens)>& record);

/// For `Task::notes`.
std::vector<std::string> unknown_bases_note(Index unknown);

}  // namespace seqtape
