// Tasks that ask for the state after each of a row of random moves.
#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "data/example_task.h"

namespace seqtape {
namespace {

/// State 0, moved by a uniformly random symbol at each step; the answer is the state so far, at every step or at the
/// last. A training sequence has `shortest` to `length` steps, each number as often; one of an evaluation has `length`.
class StateTracking : public ExampleTask {
 public:
  void own_fields(Fields& f) override {
    f("length", length_, "steps of a sequence", positive_up_to(1e9));
    f("every_step", every_step_, "the answer is asked at every step instead of at the last alone");
    f("shortest", shortest_, "training sequences have this many steps to `length`; 0: all have `length`",
      between(0, 1e9));
    f("grow_steps", grow_steps_,
      "training steps in which the longest of the training sequences grows from `shortest` to `length`; 0: no growth",
      between(0, 1e9));
  }
  void prepare(std::uint64_t seed) override {
    SyntheticTask::prepare(seed);
    if (shortest_ > length_)
      throw ConfigError(str("task.shortest: must be at most task.length, ", length_, ", got ", shortest_));
    if (grow_steps_ && !shortest_)
      throw ConfigError("task.grow_steps: needs task.shortest, from which the sequences grow");
  }
  TaskShape shape() const final {
    return {{.vocabulary = symbols(), .outputs = states()}, Objective::label_per_step, length_};
  }

 protected:
  virtual Index symbols() const = 0;
  virtual Index states() const = 0;
  virtual std::int32_t move(std::int32_t state, std::int32_t symbol) const = 0;

 private:
  bool varies() const final { return shortest_ != 0; }
  Index training_length(Index step) const final {
    return step < grow_steps_ ? shortest_ + (length_ - shortest_) * step / grow_steps_ : length_;
  }
  Index sequence_length(Split split, Random& random, Index length) const final {
    return varies() && split == Split::train ? shortest_ + random.below(length - shortest_ + 1) : length;
  }
  void sample(Random& random, Index length, Example& out) const final {
    std::int32_t state = 0;
    for (Index t = 0; t < length; ++t) {
      out.tokens.push_back(static_cast<std::int32_t>(random.below(symbols())));
      state = move(state, out.tokens.back());
      out.targets.push_back(every_step_ || t == length - 1 ? state : kIgnore);
    }
  }
  Index length_ = 64, shortest_ = 0, grow_steps_ = 0;
  bool every_step_ = true;
};

/// Parity: whether the number of ones read is odd, for random bits.
class Parity final : public StateTracking {
  Index symbols() const override { return 2; }
  Index states() const override { return 2; }
  std::int32_t move(std::int32_t state, std::int32_t symbol) const override { return state ^ symbol; }
};

/// A finite group whose elements are pairs of a permutation and a number modulo `cycle`, numbered with the permutations
/// in lexicographic order and the number running faster: element 0 is the identity.
struct FiniteGroup {
  /// `points`: of the permutations. `even`: only even ones. `generators_`: names of elements.
  FiniteGroup(std::string name_, Index points, bool even, Index cycle, const std::vector<std::string>& generators_);

  std::int32_t product(std::int32_t g, std::int32_t h) const {
    return products[static_cast<std::size_t>(g * order + h)];
  }

  std::string name;
  Index order;
  std::vector<std::string> names;        ///< "(12)(34)", "7", "(123),4"; in a product of groups the identity is "e,0"
  std::vector<std::int32_t> products;    ///< [order, order]: g h is g, then h
  std::vector<std::int32_t> generators;  ///< the identity, then a set that generates the group
};

using Permutation = std::vector<std::int32_t>;

/// Cycle notation on the points 1, 2, ...; "e" is the identity.
std::string cycles(const Permutation& permutation) {
  std::string text;
  std::vector<bool> seen(permutation.size(), false);
  for (std::size_t first = 0; first < permutation.size(); ++first) {
    if (seen[first] || permutation[first] == static_cast<std::int32_t>(first)) continue;
    text += '(';
    for (std::size_t i = first; !seen[i]; i = static_cast<std::size_t>(permutation[i])) {
      seen[i] = true;
      text += std::to_string(i + 1);
    }
    text += ')';
  }
  return text.empty() ? "e" : text;
}

bool is_even(const Permutation& permutation) {
  Index inversions = 0;
  for (std::size_t i = 0; i < permutation.size(); ++i)
    inversions += std::count_if(permutation.begin() + static_cast<std::ptrdiff_t>(i), permutation.end(),
                                [&](std::int32_t later) { return later < permutation[i]; });
  return inversions % 2 == 0;
}

FiniteGroup::FiniteGroup(std::string name_, Index points, bool even, Index cycle,
                         const std::vector<std::string>& generators_)
    : name(std::move(name_)) {
  std::vector<Permutation> permutations;
  Permutation one(static_cast<std::size_t>(points));
  std::iota(one.begin(), one.end(), 0);
  do {
    if (!even || is_even(one)) permutations.push_back(one);
  } while (std::next_permutation(one.begin(), one.end()));
  order = static_cast<Index>(permutations.size()) * cycle;
  for (const Permutation& permutation : permutations)
    for (Index number = 0; number < cycle; ++number)
      names.push_back(cycle == 1    ? cycles(permutation)
                      : points == 1 ? std::to_string(number)
                                    : str(cycles(permutation), ",", number));
  for (const Permutation& g : permutations)
    for (Index a = 0; a < cycle; ++a)
      for (const Permutation& h : permutations) {
        Permutation both;
        for (const std::int32_t point : g) both.push_back(h[static_cast<std::size_t>(point)]);
        const Index at = std::lower_bound(permutations.begin(), permutations.end(), both) - permutations.begin();
        for (Index b = 0; b < cycle; ++b) products.push_back(static_cast<std::int32_t>(at * cycle + (a + b) % cycle));
      }
  generators.push_back(0);
  for (const std::string& generator : generators_)
    generators.push_back(static_cast<std::int32_t>(std::find(names.begin(), names.end(), generator) - names.begin()));
}

const std::vector<FiniteGroup>& finite_groups() {
  static const std::vector<FiniteGroup> all{
      {"S3", 3, false, 1, {"(12)", "(123)"}},
      {"A4", 4, true, 1, {"(123)", "(12)(34)"}},
      {"S5", 5, false, 1, {"(12)", "(12345)"}},
      {"A5", 5, true, 1, {"(123)", "(12345)"}},
      {"Z60", 1, false, 60, {"1"}},
      {"A4xZ5", 4, true, 5, {"(123),0", "(12)(34),0", "e,1"}},
  };
  return all;
}

/// The word problem of a finite group (Merrill, Petty & Sabharwal 2024, arXiv 2404.08819; Liu et al. 2023, arXiv
/// 2210.10749): random elements, and the product of those so far, read from left to right: (12) (23) is (132), since 1
/// goes to 2 and on to 3. `elements` "all": any element; "generators": the identity or one of a set that generates the
/// group, which is a random walk from the identity whose first answers are not uniform.
/// Deviations: no token stands before the first element; training sequences are fresh instead of a fixed set.
class GroupWord final : public StateTracking {
 public:
  void own_fields(Fields& f) override {
    std::vector<std::string> known;
    for (const FiniteGroup& group : finite_groups()) known.push_back(group.name);
    f("group", group_, "whose elements are multiplied: S symmetric, A alternating, Z cyclic", one_of(known));
    f("elements", elements_, "what a sequence is made of: any elements, or generators and the identity",
      one_of({"all", "generators"}));
    StateTracking::own_fields(f);
  }
  std::string symbol(std::int32_t token) const override {
    return group().names[static_cast<std::size_t>(element(token))];
  }
  Signature signature() const override {
    Signature all = StateTracking::signature();
    all.unit = "element";
    all.labels = group().names;
    return all;
  }

 private:
  const FiniteGroup& group() const {
    return *std::find_if(finite_groups().begin(), finite_groups().end(),
                         [this](const FiniteGroup& one) { return one.name == group_; });
  }
  std::int32_t element(std::int32_t token) const {
    return elements_ == "all" ? token : group().generators[static_cast<std::size_t>(token)];
  }
  Index symbols() const override {
    return elements_ == "all" ? group().order : static_cast<Index>(group().generators.size());
  }
  Index states() const override { return group().order; }
  std::int32_t move(std::int32_t state, std::int32_t symbol) const override {
    return group().product(state, element(symbol));
  }
  std::string group_ = "S3", elements_ = "all";
};

}  // namespace

std::unique_ptr<Task> make_parity() { return std::make_unique<Parity>(); }
std::unique_ptr<Task> make_group_word() { return std::make_unique<GroupWord>(); }

}  // namespace seqtape
