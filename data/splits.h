#pragma once
// How data are divided into a part to train on, one to validate and one to test.

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/task.h"

namespace seqtape {

inline constexpr std::array kSplits{Split::train, Split::validation, Split::test};

/// Something for each split.
template <class T>
using BySplit = std::array<T, 3>;
template <class T>
T& of(BySplit<T>& all, Split split) {
  return all[static_cast<std::size_t>(split)];
}
template <class T>
const T& of(const BySplit<T>& all, Split split) {
  return all[static_cast<std::size_t>(split)];
}

/// Where data lie: the config's key for messages, "task.path", and the split that all of them are; without one, they
/// are divided.
template <class Paths>
struct DataSource {
  const char* key;
  Paths paths;
  std::optional<Split> split{};
};

/// The keys that say where a task's data lie: `path` or `train_path`, which are divided, and `validation_path` and
/// `test_path`, which are wholly that split and of which the others then get nothing. Paths: std::string, or
/// std::vector<std::string> for lists.
template <class Paths>
class DataPaths {
 public:
  void fields(Fields&, const char* path_doc);
  /// Makes the paths absolute. Throws ConfigError unless one of `path` and `train_path` is given.
  void resolve(const std::filesystem::path& base);
  /// From now on the data are these alone, all of them to test.
  void evaluate_on(const std::filesystem::path& data);
  bool evaluates() const { return evaluated_.has_value(); }
  /// What is to be read, in order: what is divided first. Throws ConfigError as `resolve`.
  std::vector<DataSource<Paths>> sources() const;
  /// Whether data of its own are the split, so that it takes nothing from `path`.
  bool own(Split split) const;
  /// What is divided.
  const Paths& divided() const { return path_.empty() ? train_ : path_; }

 private:
  Paths path_, train_, validation_, test_;
  std::optional<Paths> evaluated_;
};

/// Sequences that stay in one split: how many of each class, or how long they are.
using Together = std::map<std::string, Index>;

/// The splits of such groups, so that each split gets its share of every class, as nearly as whole groups can: in a
/// fixed random order, the largest first, each goes where the shares lie furthest below what they should be. Then a
/// class that a split lacks sends its smallest group there, if it has another where that comes from: first to train,
/// then to validate, then to test. Depends on nothing but the arguments.
std::vector<Split> divide(const std::vector<Together>&, double validation, double test);

/// "train 80 sequences (cooking 30, sports 50), validation 10 (cooking 10), test none": `counts` of each class, or one
/// number where there are no names. `item`: "sequence".
std::string describe_splits(const std::string& item, const std::vector<std::string>& names,
                            const BySplit<std::vector<Index>>& counts);

/// A line for each split with data that an earlier one has too: "2 of the 10 validation sequences are in train as
/// well". `contents` are hashes.
std::vector<std::string> shared_notes(const char* items, const BySplit<std::vector<std::size_t>>& contents);

}  // namespace seqtape
