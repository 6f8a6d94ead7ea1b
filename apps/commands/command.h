#pragma once
// Subcommands: one file each, one line in the table of main.cpp.

#define CXXOPTS_VECTOR_DELIMITER '\0'  // a value of --set may hold commas
#include <cxxopts.hpp>
#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

struct Command {
  const char* name;
  const char* arguments;  ///< "CONFIG [--out RUN]", for the usage line
  const char* summary;
  const char* example;  ///< lines of at most 78 columns, continued as a shell does
  /// Adds the options; positional ones by name.
  void (*options)(cxxopts::Options&);
  /// Returns the exit code.
  int (*run)(const cxxopts::ParseResult&);
  /// What the help says between usage and options; null: nothing.
  std::string (*notes)() = nullptr;
};

extern const Command kTrain, kEval, kGenerate, kList, kInspect, kSchema, kShow, kCheck, kBench, kRuns, kPlot, kCompare,
    kExport, kImport, kPredict, kNew, kReport, kBaselines;

/// "seqtape 0.1.0, commit 1a2b3c4".
std::string version();
/// The positional argument `name`. Throws ConfigError when it is missing.
std::string argument(const cxxopts::ParseResult&, const char* name);
/// Adds --set and --threads.
void common_options(cxxopts::Options&);
std::vector<std::string> sets(const cxxopts::ParseResult&);
/// "1,2,3", each at least `least`. Throws ConfigError naming the option.
std::vector<Index> number_list(const std::string& text, const char* option, long long least = 1);

}  // namespace seqtape
