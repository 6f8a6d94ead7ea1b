#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"
#include "data/readers/fasta.h"
#include "data/readers/files.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

struct Bases {
  Index records = 0, bases = 0;
  void read(FastaReader& reader, const fs::path& file) {
    reader.read(file, [this](const std::string& record) {
      ++records;
      bases += static_cast<Index>(record.size());
    });
  }
};

bool holds_folders(const fs::path& path) {
  return fs::is_directory(path) &&
         std::any_of(fs::directory_iterator(path), fs::directory_iterator(),
                     [](const auto& entry) { return entry.is_directory() && !no_data(entry); });
}

/// The least number of bases of which a tenth holds one piece.
constexpr Index kLeast = 640;

}  // namespace

Proposal propose_dna(const Paths& paths) {
  Proposal proposal;
  FastaReader reader;
  LeftOut left_out;
  Index fewest = 0;
  if (paths.size() == 1 && holds_folders(paths[0])) {
    proposal.task = {{"name", "dna_classes"}};
    std::map<std::string, Bases> classes;
    const fs::path data = set_data_path(proposal.task, paths[0]);
    for (const auto& [file, label] : class_files(data, left_out, "new dna: ")) classes[label].read(reader, file);
    if (classes.size() < 2) throw DataError("new dna: the data hold one class, two are needed");
    for (const auto& [label, of] : classes) {
      proposal.seen.push_back(
          str("class ", printable(label), ": ", grouped(of.records), " records, ", grouped(of.bases), " bases"));
      fewest = fewest ? std::min(fewest, of.bases) : of.bases;
    }
  } else {
    proposal.task = {{"name", "dna"}, {"path", Json::array()}, {"train_fraction", 0.9}, {"test_fraction", 0.05}};
    Bases all;
    for (const fs::path& path : paths) {
      proposal.task["path"].push_back(path.string());
      for (const fs::path& file : files_under(path, left_out, "new dna: ")) all.read(reader, file);
    }
    proposal.seen.push_back(str(grouped(all.records), " records, ", grouped(all.bases), " bases"));
    fewest = all.bases / 2;
  }
  for (const std::string& note : reader.notes()) proposal.seen.push_back(note);
  if (fewest < kLeast) throw DataError(str("new dna: ", fewest, " bases are too few, ", kLeast, " are the least"));
  proposal.task["length"] = std::min<Index>(1024, fewest / 10 - 2);
  return proposal;
}

}  // namespace seqtape
