// Goes to data/tasks/majority.cpp: a task is one file. docs/adding.md explains the parts that are marked with brackets.
#include <algorithm>

#include "data/example_task.h"

namespace seqtape {
namespace {

// [fields]
/// Majority: of random symbols, which one occurs most often? Of those that occur equally often, the smallest. One
/// answer a sequence. The question is Boyer & Moore's (1981, "MJRTY"), without the promise that more than half agree.
class Majority final : public ExampleTask {
 public:
  void own_fields(Fields& f) override {
    f("length", length_, "symbols of a sequence", positive_up_to(1e9));
    f("symbols", symbols_, "kinds of symbols", between(2, 1 << 20));
  }
  TaskShape shape() const override {
    return {{.vocabulary = symbols_, .outputs = symbols_}, Objective::label, length_};
  }

  // [sample]
 private:
  void sample(Random& random, Index length, Example& out) const override {
    std::vector<Index> counts(static_cast<std::size_t>(symbols_), 0);
    for (Index t = 0; t < length; ++t) {
      out.tokens.push_back(static_cast<std::int32_t>(random.below(symbols_)));
      ++counts[static_cast<std::size_t>(out.tokens.back())];
    }
    const auto most = std::max_element(counts.begin(), counts.end());  // the first of equals
    out.targets = {static_cast<std::int32_t>(most - counts.begin())};
  }
  Index length_ = 63, symbols_ = 4;
};

}  // namespace

std::unique_ptr<Task> make_majority() { return std::make_unique<Majority>(); }
// [rest]

}  // namespace seqtape
