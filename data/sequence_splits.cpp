// The splits of sequences with classes: by a draw, by class, by group.
#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "core/strings.h"
#include "data/sequence_classification.h"

namespace seqtape {

void SequenceClassification::refuse_other_classes() const {
  if (evaluates() || of_numbers(target())) return;
  BySplit<std::vector<Index>> sequences;
  for (std::size_t i = 0; i < known_.size(); ++i)
    of(sequences, known_[i].split.value_or(Split::train)).push_back(static_cast<Index>(i));
  const std::vector<Index> trained = targets_.counts(of(sequences, Split::train));
  const auto first_of = [&](const std::vector<Index>& counts) {
    return std::find_if(counts.begin(), counts.end(), [](Index count) { return count > 0; }) - counts.begin();
  };
  for (const auto& source : paths_.sources()) {
    if (!source.split) continue;
    const std::vector<Index> here = targets_.counts(of(sequences, *source.split));
    Index shared = 0;
    for (std::size_t c = 0; c < here.size(); ++c) shared += here[c] > 0 && trained[c] > 0;
    const auto classes = std::count_if(here.begin(), here.end(), [](Index count) { return count > 0; });
    if (shared > 0 || classes == 0) continue;
    throw DataError(str(source.key, ": ", source.paths, ": its ", counted(classes, "class"), ", first \"",
                        targets_.names()[static_cast<std::size_t>(first_of(here))],
                        "\", are none of those to train on, first \"",
                        targets_.names()[static_cast<std::size_t>(first_of(trained))], "\""));
  }
}

void SequenceClassification::split() {
  split_into_ = {};
  if (has_groups() && !evaluates()) refuse_parted_groups();
  const std::vector<Split> parts = this->parts();
  std::vector<Index> divided;
  for (Index i = 0; i < static_cast<Index>(known_.size()); ++i) {
    const auto own = parts.empty() ? known_[static_cast<std::size_t>(i)].split : parts[static_cast<std::size_t>(i)];
    if (own)
      of(split_into_, *own).push_back(i);
    else
      divided.push_back(i);
  }
  if (stratified() && !targets_.one_class())
    throw ConfigError("task.split: stratified is of one class a sequence (task.target), random is for all");
  if (stratified() || has_groups()) {
    divide_groups(divided);
  } else {
    const auto count = static_cast<Index>(divided.size());
    const auto [validation, test] = held_back(count);
    Index place = 0;
    for (const std::int32_t i : Random(0, "split of labelled sequences").permutation(count)) {
      const Split split = place < validation          ? Split::validation
                          : place < validation + test ? Split::test
                                                      : Split::train;
      of(split_into_, split).push_back(divided[static_cast<std::size_t>(i)]);
      ++place;
    }
  }
  if (!evaluates() && (train().empty() || part(Split::validation).empty()))
    throw ConfigError(str("task.validation_fraction: of ", counted(static_cast<Index>(known_.size()), "sequence"),
                          has_groups() ? " in " + counted(static_cast<Index>(groups_.size()) - 1, "group") : "", " ",
                          part(Split::validation).size(), " would validate, ", part(Split::test).size(), " test, and ",
                          train().size(), " train; each but test needs one"));
}

void SequenceClassification::divide_groups(const std::vector<Index>& divided) {
  // A sequence without a group is one.
  std::vector<Together> groups(has_groups() ? groups_.size() : 0);
  std::vector<std::size_t> group_of;
  for (const Index i : divided) {
    const Sequence& one = known_[static_cast<std::size_t>(i)];
    group_of.push_back(one.group == 0 ? groups.size() : one.group);
    if (one.group == 0) groups.emplace_back();
    ++groups[group_of.back()][stratified() ? targets_.name_of(i) : ""];
  }
  const auto splits = divide(groups, fraction(Split::validation), fraction(Split::test));
  for (std::size_t i = 0; i < divided.size(); ++i) of(split_into_, splits[group_of[i]]).push_back(divided[i]);
}

void SequenceClassification::refuse_parted_groups() const {
  constexpr int kDivided = -1;
  std::map<std::size_t, int> place;
  for (const Sequence& one : known_) {
    if (one.group == 0) continue;
    const int here = one.split ? static_cast<int>(*one.split) : kDivided;
    if (place.emplace(one.group, here).first->second == here) continue;
    const auto name =
        std::find_if(groups_.begin(), groups_.end(), [&](const auto& g) { return g.second == one.group; });
    throw DataError(str("task.", split_name(*one.split), "_path: the group \"", printable(name->first),
                        "\" is in other data too; a group must be in one split"));
  }
}

}  // namespace seqtape
