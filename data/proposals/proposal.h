#pragma once
// A start from one's own files: what they hold, and a task that reads them as they are.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/io/json.h"
#include "core/real.h"

namespace seqtape {

using Paths = std::vector<std::filesystem::path>;

struct Proposal {
  Json task = Json::object();       ///< a config's "task", whose paths are absolute
  std::vector<std::string> seen{};  ///< what the files hold, in lines for the user
};

/// A kind of data, by the name that `seqtape new` knows it by.
struct DataKind {
  std::string name, doc;
  /// Reads the files. Throws DataError or ConfigError for those that are not of the kind, or too few.
  Proposal (*propose)(const Paths&);
};

/// The table of kinds (proposal.cpp): one line each.
const std::vector<DataKind>& data_kinds();

/// The only path of a kind that takes one. Throws ConfigError.
std::filesystem::path only_path(const Paths&, const char* kind, const char* what);

/// Writes where the data lie: `path`, or train_path, validation_path and test_path for a folder that holds folders of
/// those names. Returns what is trained on.
std::filesystem::path set_data_path(Json& task, const std::filesystem::path&);

/// The value below which `share` of the values lie. `values`: not empty.
Index quantile(std::vector<Index> values, double share);

/// What sequences with a class share: counts them, and proposes `length`, the splits and the weights of the classes.
class ClassCounts {
 public:
  void add(const std::string& label, Index length) {
    ++counts_[label];
    lengths_.push_back(length);
  }
  /// Counts a sequence with another answer than a class.
  void add(Index length) { lengths_.push_back(length); }
  /// `from`: the file or folder, for messages; `item`: "text"; `unit`: "bytes"; `most`: the greatest length to propose.
  /// Throws DataError for fewer than two classes.
  void propose(Proposal&, const std::filesystem::path& from, const char* item, const char* unit, Index most) const;
  /// The same without classes.
  void propose_length(Proposal&, const char* item, const char* unit, Index most) const;
  /// "200 texts of 3 classes to test"
  std::string to_test(const char* item) const;

 private:
  void propose_reach(Proposal&, const char* unit, Index most) const;
  std::map<std::string, Index> counts_;
  std::vector<Index> lengths_;
};

}  // namespace seqtape
