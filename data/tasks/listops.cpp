#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "data/example_task.h"

namespace seqtape {
namespace {

/// ListOps (Nangia & Bowman 2018, arXiv 1804.06028) as Long Range Arena makes it (Tay et al. 2020, arXiv 2011.04006;
/// its listops.py): a nested expression of MIN, MAX, MED and SM (sum modulo 10) over digits, to be worked out. A node
/// is an operator with chance 1/4 and a digit otherwise, and always a digit at the greatest depth; an operator has 2 to
/// `arguments` arguments. Expressions whose length is not between the bounds are drawn again.
/// Tokens: digits 0 to 9, then [MIN, [MAX, [MED, [SM, then ]. The median of an even number is the mean of the middle
/// two, cut to a whole number.
/// Deviation: the original's text has brackets around every application too, which its reader drops; here there are
/// none.
class ListOps final : public ExampleTask {
 public:
  void own_fields(Fields& f) override {
    f("length", length_, "longest expression, in tokens", {.least = 4, .most = 1e6});
    f("shortest", shortest_, "shortest expression, in tokens", positive_up_to(1e6));
    f("depth", depth_, "greatest depth", between(2, 100));
    f("arguments", arguments_, "most arguments of an operator", between(2, 100));
  }
  void prepare(std::uint64_t seed) override {
    SyntheticTask::prepare(seed);
    if (shortest_ >= length_)
      throw ConfigError(str("task.shortest: must be below task.length, ", length_, ", got ", shortest_));
    Random random(seed, "listops");
    std::vector<std::int32_t> tokens;
    for (int tries = 0; tries < 200000; ++tries, tokens.clear())
      if (expression(random, 1, length_, tokens) >= 0 && fits(tokens)) return;
    throw ConfigError(
        "task.shortest: expressions of such lengths hardly occur; lower it, or raise task.depth or "
        "task.arguments");
  }
  TaskShape shape() const override { return {{.vocabulary = 15, .outputs = 10}, Objective::label, length_}; }

 private:
  bool varies() const override { return true; }
  bool fits(const std::vector<std::int32_t>& tokens) const {
    return static_cast<Index>(tokens.size()) > shortest_ && static_cast<Index>(tokens.size()) <= length_;
  }

  static std::int32_t apply(std::int32_t operation, std::vector<std::int32_t>& values) {
    const std::size_t middle = values.size() / 2;
    switch (operation) {
      case 0:
        return *std::min_element(values.begin(), values.end());
      case 1:
        return *std::max_element(values.begin(), values.end());
      case 2:
        std::sort(values.begin(), values.end());
        return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
      default:
        return std::accumulate(values.begin(), values.end(), 0) % 10;
    }
  }

  /// Appends an expression and returns its value, or -1 when it grew beyond `most`.
  std::int32_t expression(Random& random, Index depth, Index most, std::vector<std::int32_t>& out) const {
    if (static_cast<Index>(out.size()) >= most) return -1;
    if (depth >= depth_ || random.uniform() > 0.25) {
      out.push_back(static_cast<std::int32_t>(random.below(10)));
      return out.back();
    }
    const Index arguments = 2 + random.below(arguments_ - 1);
    const auto operation = static_cast<std::int32_t>(random.below(4));
    out.push_back(10 + operation);
    std::vector<std::int32_t> values;
    for (Index i = 0; i < arguments; ++i) {
      values.push_back(expression(random, depth + 1, most, out));
      if (values.back() < 0) return -1;
    }
    out.push_back(14);
    return apply(operation, values);
  }

  void sample(Random& random, Index length, Example& out) const override {
    std::int32_t value;
    do {
      out.tokens.clear();
      value = expression(random, 1, length, out.tokens);
    } while (value < 0 || !fits(out.tokens));
    out.targets = {value};
  }
  Index length_ = 2000, shortest_ = 500, depth_ = 10, arguments_ = 10;
};

}  // namespace

std::unique_ptr<Task> make_listops() { return std::make_unique<ListOps>(); }

}  // namespace seqtape
