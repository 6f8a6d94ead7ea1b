#include "data/splits.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void make_absolute(std::string& path, const std::filesystem::path& base) {
  if (!path.empty()) path = std::filesystem::absolute(base / path).lexically_normal().string();
}
void make_absolute(std::vector<std::string>& paths, const std::filesystem::path& base) {
  for (std::string& path : paths) {
    if (path.empty()) throw ConfigError("task.path: must name a file or folder, got \"\"");
    make_absolute(path, base);
  }
}

/// What `divide` has given away.
class Shares {
 public:
  Shares(const std::vector<Together>& groups, double validation, double test)
      : groups_(groups), wanted_{1 - validation - test, validation, test}, splits_(groups.size()) {
    for (const Together& group : groups_)
      for (const auto& [label, count] : group) all_[label] += count;
  }

  void give(std::size_t g, Split split) {
    splits_[g] = split;
    for (const auto& [label, count] : groups_[g]) add(split, label, count, 1);
  }

  /// How much nearer to its shares the split comes by a group, in squares of shares of the classes.
  double gain(std::size_t g, Split split) const {
    double gain = 0;
    for (const auto& [label, count] : groups_[g]) {
      const double more = static_cast<double>(count) / static_cast<double>(all_.at(label));
      const double lacks = wanted(split) - static_cast<double>(has(split, label)) / static_cast<double>(all_.at(label));
      gain += more * (2 * lacks - more);  // lacks^2 - (lacks - more)^2
    }
    return gain;
  }

  /// Sends the smallest group with the class to a split without it.
  void fill(Split split, const std::string& label) {
    if (has(split, label) > 0 || wanted(split) <= 0) return;
    std::optional<std::size_t> smallest;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (!groups_[g].count(label) || !can_go(g)) continue;
      if (!smallest || size(g) < size(*smallest)) smallest = g;
    }
    if (!smallest) return;
    for (const auto& [other, count] : groups_[*smallest]) add(splits_[*smallest], other, count, -1);
    give(*smallest, split);
  }

  Index size(std::size_t g) const {
    return std::accumulate(groups_[g].begin(), groups_[g].end(), Index{0},
                           [](Index sum, const auto& one) { return sum + one.second; });
  }
  double wanted(Split split) const { return of(wanted_, split); }
  const Together& classes() const { return all_; }
  std::vector<Split> take() { return std::move(splits_); }

 private:
  Index has(Split split, const std::string& label) const {
    const auto found = of(has_, split).find(label);
    return found == of(has_, split).end() ? 0 : found->second.first;
  }
  void add(Split split, const std::string& label, Index count, int groups) {
    auto& [amount, number] = of(has_, split)[label];
    amount += groups * count;
    number += groups;
  }
  /// None of the group's classes would be missing where it is.
  bool can_go(std::size_t g) const {
    return std::all_of(groups_[g].begin(), groups_[g].end(),
                       [&](const auto& one) { return of(has_, splits_[g]).at(one.first).second > 1; });
  }

  const std::vector<Together>& groups_;
  BySplit<double> wanted_;
  Together all_;
  BySplit<std::map<std::string, std::pair<Index, Index>>> has_;  // of each class: how much, in how many groups
  std::vector<Split> splits_;
};

}  // namespace

template <class Paths>
void DataPaths<Paths>::fields(Fields& f, const char* path_doc) {
  f("path", path_, path_doc, same_data());
  f("train_path", train_, "the same under another name, beside data of their own for validation and test", same_data());
  f("validation_path", validation_, "data that are the validation split, all of them; `path` then gives it nothing",
    same_data());
  f("test_path", test_, "data that are the test split, all of them; `path` then gives it nothing", same_data());
}

template <class Paths>
void DataPaths<Paths>::resolve(const std::filesystem::path& base) {
  sources();
  for (Paths* paths : {&path_, &train_, &validation_, &test_}) make_absolute(*paths, base);
}

template <class Paths>
void DataPaths<Paths>::evaluate_on(const std::filesystem::path& data) {
  evaluated_ = Paths{data.string()};
}

template <class Paths>
std::vector<DataSource<Paths>> DataPaths<Paths>::sources() const {
  if (evaluated_) return {{"--data", *evaluated_, Split::test}};
  if (path_.empty() && train_.empty())
    throw ConfigError("task.path: is required: where the data are; or task.train_path, beside task.validation_path");
  if (!path_.empty() && !train_.empty())
    throw ConfigError("task.train_path: is another name of task.path; one of them can be given");
  std::vector<DataSource<Paths>> all{{path_.empty() ? "task.train_path" : "task.path", divided()}};
  if (!validation_.empty()) all.push_back({"task.validation_path", validation_, Split::validation});
  if (!test_.empty()) all.push_back({"task.test_path", test_, Split::test});
  return all;
}

template <class Paths>
bool DataPaths<Paths>::own(Split split) const {
  return !evaluated_ &&
         ((split == Split::validation && !validation_.empty()) || (split == Split::test && !test_.empty()));
}

template class DataPaths<std::string>;
template class DataPaths<std::vector<std::string>>;

std::vector<Split> divide(const std::vector<Together>& groups, double validation, double test) {
  Shares shares(groups, validation, test);
  std::vector<std::int32_t> order = Random(0, "split of groups").permutation(static_cast<Index>(groups.size()));
  const auto size = [&](std::int32_t g) { return shares.size(static_cast<std::size_t>(g)); };
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return size(a) > size(b); });
  for (const std::int32_t i : order) {
    const auto g = static_cast<std::size_t>(i);
    Split best = Split::train;
    double most = shares.gain(g, best);
    for (const Split split : {Split::validation, Split::test}) {
      // A difference in the last bits must not decide: 1 - 0.1 - 0.1 is not 0.8.
      if (shares.wanted(split) <= 0 || shares.gain(g, split) <= most + 1e-12) continue;
      most = shares.gain(g, split);
      best = split;
    }
    shares.give(g, best);
  }
  for (const Split split : kSplits)
    for (const auto& [label, count] : shares.classes()) shares.fill(split, label);
  return shares.take();
}

std::string describe_splits(const std::string& item, const std::vector<std::string>& names,
                            const BySplit<std::vector<Index>>& counts) {
  constexpr std::size_t kNamed = 6;
  std::vector<std::string> parts;
  for (const Split split : kSplits) {
    const std::vector<Index>& in = of(counts, split);
    const Index all = std::accumulate(in.begin(), in.end(), Index{0});
    const std::string no = parts.empty() ? "no " + item + "s" : "none",
                      some = parts.empty() ? counted(all, item) : grouped(all);
    std::string part = str(split_name(split), " ", all == 0 ? no : some);
    std::vector<std::string> classes;
    for (std::size_t c = 0; c < names.size(); ++c)
      if (in[c] > 0) classes.push_back(str(names[c], " ", grouped(in[c])));
    if (classes.size() > kNamed) {
      const std::size_t more = classes.size() - kNamed + 1;
      classes.resize(kNamed - 1);
      classes.push_back(str("and ", more, " more"));
    }
    if (!classes.empty()) part += " (" + join(classes, ", ") + ")";
    parts.push_back(part);
  }
  return join(parts, ", ");
}

std::vector<std::string> shared_notes(const char* items, const BySplit<std::vector<std::size_t>>& contents) {
  std::vector<std::string> notes;
  std::set<std::size_t> seen;
  std::string before;
  for (const Split split : kSplits) {
    const auto& in = of(contents, split);
    const auto shared = std::count_if(in.begin(), in.end(), [&](std::size_t one) { return seen.count(one) > 0; });
    if (shared > 0)
      notes.push_back(str(grouped(shared), " of the ", grouped(static_cast<Index>(in.size())), " ", split_name(split),
                          " ", items, " have the same content as one of ", before));
    seen.insert(in.begin(), in.end());
    before += str(before.empty() ? "" : " or ", split_name(split));
  }
  return notes;
}

}  // namespace seqtape
