#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/example_task.h"

namespace seqtape {
namespace {

/// `count` different numbers below n, in random order. O(count) memory where count is far below n.
std::vector<Index> choose(Random& random, Index n, Index count) {
  std::vector<Index> chosen;
  if (4 * count > n) {
    const auto all = random.permutation(n);
    return {all.begin(), all.begin() + count};
  }
  while (static_cast<Index>(chosen.size()) < count) {
    const Index one = random.below(n);
    if (std::find(chosen.begin(), chosen.end(), one) == chosen.end()) chosen.push_back(one);
  }
  return chosen;
}

/// Multi-query associative recall (Arora et al. 2023, arXiv 2312.04927, "Zoology"; its data/associative_recall.py):
/// `pairs` different keys, each followed by its value; then each key once more, at a gap drawn from a power law, and
/// the answer to it is its value. Keys are below vocab/2 and above 0, values are from vocab/2 on. All other steps are
/// 0, or random tokens.
class Mqar final : public ExampleTask {
 public:
  void own_fields(Fields& f) override {
    f("length", length_, "steps of a sequence", positive_up_to(1e7));
    f("pairs", pairs_, "keys with values", positive_up_to(1e6));
    f("vocab", vocab_, "tokens: half of them keys, half values", between(4, 1 << 20));
    f("power", power_, "exponent of the gaps' power law, Zoology's power_a: small ones keep queries near", positive());
    f("random_fill", random_fill_, "steps that are neither pairs nor queries hold random tokens instead of 0");
  }
  void prepare(std::uint64_t seed) override {
    SyntheticTask::prepare(seed);
    if (length_ < 4 * pairs_)
      throw ConfigError(str("task.length: must be >= 4 task.pairs, ", 4 * pairs_, ", got ", length_));
    if (vocab_ / 2 - 1 < pairs_)
      throw ConfigError(str("task.vocab: its ", vocab_ / 2 - 1, " keys are too few for task.pairs, ", pairs_));
  }
  TaskShape shape() const override {
    return {{.vocabulary = vocab_, .outputs = vocab_}, Objective::label_per_step, length_};
  }

 private:
  void sample(Random& random, Index length, Example& out) const override {
    const Index context = 2 * pairs_, space = (length - context) / 2;
    const auto keys = choose(random, vocab_ / 2 - 1, pairs_), values = choose(random, vocab_ - vocab_ / 2, pairs_);
    out.tokens.assign(static_cast<std::size_t>(length), 0);
    out.targets.assign(static_cast<std::size_t>(length), kIgnore);
    // Sampling without replacement with weights w: the smallest of E/w, E exponential (Efraimidis & Spirakis 2006).
    std::vector<std::pair<double, Index>> order;
    for (Index gap = 0; gap < space; ++gap) {
      const double weight = std::pow(static_cast<double>(gap + 1), power_ - 1);
      order.emplace_back(-std::log(1 - random.uniform()) / weight, gap);
    }
    std::partial_sort(order.begin(), order.begin() + pairs_, order.end());
    std::vector<bool> used(static_cast<std::size_t>(length), false);
    for (Index i = 0; i < pairs_; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto key = static_cast<std::int32_t>(1 + keys[at]),
                 value = static_cast<std::int32_t>(vocab_ / 2 + values[at]);
      const auto query = static_cast<std::size_t>(context + 2 * order[at].second);
      out.tokens[2 * at] = key;
      out.tokens[2 * at + 1] = value;
      out.tokens[query] = key;
      out.targets[query] = value;
      used[query] = true;
    }
    if (!random_fill_) return;
    for (std::size_t t = static_cast<std::size_t>(context); t < used.size(); ++t)
      if (!used[t]) out.tokens[t] = static_cast<std::int32_t>(random.below(vocab_));
  }
  Index length_ = 64, pairs_ = 4, vocab_ = 8192;
  double power_ = 0.01;
  bool random_fill_ = true;
};

/// Associative retrieval (Ba et al. 2016, arXiv 1610.06258, section 4.1): different letters, each followed by a digit;
/// two question marks; one of the letters; the answer is its digit. "c9k8j3f1??c" -> 9.
/// Tokens: letters, then digits, then the question mark.
class AssociativeRecall final : public ExampleTask {
 public:
  void own_fields(Fields& f) override {
    f("length", length_, "steps of a sequence: two for each pair, and three", {.least = 5, .most = 1e7});
    f("keys", keys_, "kinds of keys; at least as many as pairs", positive_up_to(1 << 20));
    f("values", values_, "kinds of values", positive_up_to(1 << 20));
  }
  void prepare(std::uint64_t seed) override {
    SyntheticTask::prepare(seed);
    if (length_ % 2 == 0)
      throw ConfigError(str("task.length: must be odd, two for each pair and three, got ", length_));
    if (keys_ < (length_ - 3) / 2)
      throw ConfigError(
          str("task.keys: must be at least the ", (length_ - 3) / 2, " pairs of a sequence, got ", keys_));
  }
  TaskShape shape() const override {
    return {{.vocabulary = keys_ + values_ + 1, .outputs = values_}, Objective::label_per_step, length_};
  }
  /// Keys are letters and values digits, where there are enough of them. A target counts the values alone.
  std::string symbol(std::int32_t token) const override {
    if (keys_ > 26 || values_ > 10) return std::to_string(token);
    if (token == keys_ + values_) return "?";
    return std::string(1, static_cast<char>(token < keys_ ? 'a' + token : '0' + (token - keys_)));
  }

 private:
  void sample(Random& random, Index length, Example& out) const override {
    const Index pairs = (length - 3) / 2;
    const auto keys = choose(random, keys_, pairs);
    out.targets.assign(static_cast<std::size_t>(length), kIgnore);
    std::vector<std::int32_t> answers;
    for (Index i = 0; i < pairs; ++i) {
      answers.push_back(static_cast<std::int32_t>(random.below(values_)));
      out.tokens.push_back(static_cast<std::int32_t>(keys[static_cast<std::size_t>(i)]));
      out.tokens.push_back(static_cast<std::int32_t>(keys_) + answers.back());
    }
    const auto asked = static_cast<std::size_t>(random.below(pairs));
    const auto question = static_cast<std::int32_t>(keys_ + values_);
    out.tokens.insert(out.tokens.end(), {question, question, static_cast<std::int32_t>(keys[asked])});
    out.targets.back() = answers[asked];
  }
  Index length_ = 19, keys_ = 26, values_ = 10;
};

}  // namespace

std::unique_ptr<Task> make_mqar() { return std::make_unique<Mqar>(); }
std::unique_ptr<Task> make_associative_recall() { return std::make_unique<AssociativeRecall>(); }

}  // namespace seqtape
