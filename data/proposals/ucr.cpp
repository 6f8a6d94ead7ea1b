#include "core/error.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"
#include "data/readers/csv.h"

namespace seqtape {

/// The archive's pairs, NAME_TRAIN.tsv and NAME_TEST.tsv, or one file.
Proposal propose_ucr(const Paths& paths) {
  if (paths.size() > 2)
    throw ConfigError(str("new ucr: takes a file to train on and one to test, got ", paths.size(), " paths"));
  const CsvFile file(paths[0], true);
  Proposal proposal;
  proposal.task = {{"name", "series_classes"}, {"path", paths[0].string()}, {"validation_fraction", 0.2}};
  ClassCounts counts;
  for (const auto& row : file.rows) {
    std::size_t end = row.size();
    while (end > 1 && is_missing(row[end - 1])) --end;  // fills up shorter series
    counts.add(row[0], static_cast<Index>(end) - 1);
  }
  counts.propose(proposal, paths[0], "series", "values", 1 << 16);
  proposal.task["normalise"] = true;
  if (paths.size() == 2) {
    proposal.task["test_path"] = paths[1].string();
    proposal.seen.push_back(counted(static_cast<Index>(CsvFile(paths[1], true).rows.size()), "series") + " to test");
  } else {
    proposal.task["test_fraction"] = 0.2;
  }
  return proposal;
}

}  // namespace seqtape
