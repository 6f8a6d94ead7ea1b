#include "data/proposals/proposal.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {

namespace fs = std::filesystem;

Proposal propose_series(const Paths&);
Proposal propose_text(const Paths&);
Proposal propose_documents(const Paths&);
Proposal propose_audio(const Paths&);
Proposal propose_dna(const Paths&);
Proposal propose_images(const Paths&);
Proposal propose_ucr(const Paths&);
Proposal propose_arrays(const Paths&);
Proposal propose_lines(const Paths&);

const std::vector<DataKind>& data_kinds() {
  static const std::vector<DataKind> kinds{
      {"series", "a CSV file of numbers over time, to be forecast", propose_series},
      {"text", "text files or folders of them, for a language model of bytes", propose_text},
      {"documents", "a folder with a folder of texts for each class, or a file of lines: class, tab, text",
       propose_documents},
      {"audio", "a folder with a folder of recordings for each class", propose_audio},
      {"dna", "FASTA files, for a language model of bases; or a folder with a folder of them for each class",
       propose_dna},
      {"images", "IDX files of images (MNIST and its kin) or CIFAR-10's, or their folder", propose_images},
      {"ucr", "a file of lines, class and values, as in the UCR archive; and one to test, if there is", propose_ucr},
      {"arrays",
       "NumPy's arrays of sequences and their classes (.npz, or .npy and that of y); and those to test, if there are",
       propose_arrays},
      {"lines", "lines of JSON, of texts or of numbers and a label (.jsonl); and those to test, if there are",
       propose_lines}};
  return kinds;
}

fs::path only_path(const Paths& paths, const char* kind, const char* what) {
  if (paths.size() != 1) throw ConfigError(str("new ", kind, ": takes ", what, ", got ", paths.size(), " paths"));
  if (!fs::exists(paths[0])) throw DataError(str(paths[0].string(), ": does not exist"));
  return paths[0];
}

fs::path set_data_path(Json& task, const fs::path& path) {
  const auto below = [&](std::initializer_list<const char*> names) -> fs::path {
    for (const char* name : names)
      if (fs::is_directory(path / name)) return path / name;
    return {};
  };
  const fs::path train = below({"train", "training"});
  const fs::path validation = below({"validation", "valid", "val", "dev"}), test = below({"test", "testing"});
  if (train.empty() || (validation.empty() && test.empty())) {
    task["path"] = path.string();
    return path;
  }
  task["train_path"] = train.string();
  if (!validation.empty()) task["validation_path"] = validation.string();
  if (!test.empty()) task["test_path"] = test.string();
  return train;
}

Index quantile(std::vector<Index> values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

std::string ClassCounts::to_test(const char* item) const {
  return str(counted(static_cast<Index>(lengths_.size()), item),
             counts_.empty() ? "" : " of " + counted(static_cast<Index>(counts_.size()), "class"), " to test");
}

void ClassCounts::propose(Proposal& proposal, const fs::path& from, const char* item, const char* unit,
                          Index most) const {
  if (counts_.size() < 2)
    throw DataError(str(from.string(), ": holds ", counted(static_cast<Index>(lengths_.size()), item), " of ",
                        counted(static_cast<Index>(counts_.size()), "class"), ", two classes are needed"));
  Index least = lengths_.empty() ? 0 : static_cast<Index>(lengths_.size()), largest = 0;
  std::vector<std::string> classes;
  for (const auto& [label, count] : counts_) {
    least = std::min(least, count);
    largest = std::max(largest, count);
    classes.push_back(str(printable(label), " ", grouped(count)));
  }
  const std::size_t named = std::min<std::size_t>(classes.size(), 12), more = classes.size() - named;
  classes.resize(named);
  proposal.seen.push_back(str(counted(static_cast<Index>(lengths_.size()), item), " of ", counts_.size(),
                              " classes: ", join(classes, ", "), more ? str(" and ", more, " more") : ""));
  propose_reach(proposal, unit, most);
  proposal.task["split"] = "stratified";
  if (largest > 3 * least) {
    proposal.task["class_weights"] = "balanced";
    proposal.seen.push_back("the classes differ much in size: task.class_weights is \"balanced\"");
  }
}

void ClassCounts::propose_length(Proposal& proposal, const char* item, const char* unit, Index most) const {
  proposal.seen.push_back(counted(static_cast<Index>(lengths_.size()), item));
  propose_reach(proposal, unit, most);
}

void ClassCounts::propose_reach(Proposal& proposal, const char* unit, Index most) const {
  const Index longest = quantile(lengths_, 1), usual = quantile(lengths_, 0.9);
  proposal.seen.push_back(
      str(grouped(quantile(lengths_, 0)), " to ", grouped(longest), " ", unit, ", nine of ten up to ", grouped(usual)));
  proposal.task["length"] = std::clamp<Index>(2 * usual >= longest ? longest : usual, 1, most);
}

}  // namespace seqtape
