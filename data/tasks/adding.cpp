#include <algorithm>

#include "core/error.h"
#include "data/example_task.h"

namespace seqtape {
namespace {

/// The adding problem: a number in [0, 1) at each step, two of them marked; the answer is their sum. Predicting 1
/// always gives a squared error of 1/6.
/// Markers "halves" (Le et al. 2015; Arjovsky et al. 2016): one in each half, uniform. "first_ten" (Hochreiter &
/// Schmidhuber 1997, experiment 4): the first among the first ten steps, the second in the first half, elsewhere. Their
/// numbers lie in [-1, 1] and their answer is scaled to [0, 1]; here both have the later papers' numbers.
class Adding final : public ExampleTask {
 public:
  void own_fields(Fields& f) override {
    f("length", length_, "steps of a sequence", {.least = 4, .most = 1e9});
    f("markers", markers_, "where the two numbers are", one_of({"halves", "first_ten"}));
  }
  TaskShape shape() const override { return {{.features = 2, .outputs = 1}, Objective::numbers, length_}; }

 private:
  void sample(Random& random, Index length, Example& out) const override {
    const Index half = length / 2;
    Index first = random.below(markers_ == "halves" ? half : std::min<Index>(10, half)), second;
    if (markers_ == "halves") {
      second = half + random.below(length - half);
    } else {
      second = random.below(half - 1);
      if (second >= first) ++second;
    }
    out.values.assign(static_cast<std::size_t>(2 * length), 0);
    for (Index t = 0; t < length; ++t) {
      const auto value = static_cast<float>(random.uniform());
      out.values[static_cast<std::size_t>(2 * t)] = value;
      if (t != first && t != second) continue;
      out.values[static_cast<std::size_t>(2 * t + 1)] = 1;
      out.target_value += value;
    }
  }
  Index length_ = 200;
  std::string markers_ = "halves";
};

}  // namespace

std::unique_ptr<Task> make_adding() { return std::make_unique<Adding>(); }

}  // namespace seqtape
