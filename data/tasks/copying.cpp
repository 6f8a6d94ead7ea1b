#include "core/error.h"
#include "data/example_task.h"

namespace seqtape {
namespace {

/// The copying problem (Hochreiter & Schmidhuber 1997; Arjovsky et al. 2016, arXiv 1511.06464, section 5.1): `items`
/// random symbols, blanks, a delimiter, blanks; the answer is blanks, and after the delimiter the symbols in order.
/// Tokens: symbols 0 .. symbols-1, then the blank, then the delimiter. `length` is all of it: the paper's T + 2 items.
class Copying final : public ExampleTask {
 public:
  void own_fields(Fields& f) override {
    f("length", length_, "steps of a sequence; the paper's T is length - 2 items", positive_up_to(1e9));
    f("items", items_, "symbols to copy", positive_up_to(1e6));
    f("symbols", symbols_, "kinds of symbols", positive_up_to(1 << 20));
    f("score_blanks", score_blanks_, "the blanks between are scored too, as in the paper");
  }
  void prepare(std::uint64_t seed) override {
    SyntheticTask::prepare(seed);
    if (length_ < 2 * items_ + 1)
      throw ConfigError(str("task.length: must be > 2 task.items, ", 2 * items_, ", got ", length_));
  }
  TaskShape shape() const override {
    return {{.vocabulary = symbols_ + 2, .outputs = symbols_ + 1}, Objective::label_per_step, length_};
  }

 private:
  void sample(Random& random, Index length, Example& out) const override {
    const auto blank = static_cast<std::int32_t>(symbols_), delimiter = blank + 1;
    out.tokens.assign(static_cast<std::size_t>(length), blank);
    out.targets.assign(static_cast<std::size_t>(length), score_blanks_ ? blank : kIgnore);
    for (Index i = 0; i < items_; ++i) {
      const auto symbol = static_cast<std::int32_t>(random.below(symbols_));
      out.tokens[static_cast<std::size_t>(i)] = symbol;
      out.targets[static_cast<std::size_t>(length - items_ + i)] = symbol;
    }
    out.tokens[static_cast<std::size_t>(length - items_ - 1)] = delimiter;
  }
  Index length_ = 120, items_ = 10, symbols_ = 8;
  bool score_blanks_ = true;
};

/// Selective copying (the Mamba paper, section 4.1.1; S4's copying task with `variable`): `items` tokens at random
/// places among blanks, then as many markers, at which the tokens are to be given back in order. Tokens: the blank is
/// 0, the marker vocab-1, the items are uniform over what is between.
class SelectiveCopying final : public ExampleTask {
 public:
  void own_fields(Fields& f) override {
    f("length", length_, "steps of a sequence, the markers among them", positive_up_to(1e9));
    f("items", items_, "tokens to copy", positive_up_to(1e6));
    f("vocab", vocab_, "tokens, blank and marker among them", between(3, 1 << 20));
  }
  void prepare(std::uint64_t seed) override {
    SyntheticTask::prepare(seed);
    if (length_ < 2 * items_)
      throw ConfigError(str("task.length: must be >= 2 task.items, ", 2 * items_, ", got ", length_));
  }
  TaskShape shape() const override {
    return {{.vocabulary = vocab_, .outputs = vocab_}, Objective::label_per_step, length_};
  }

 private:
  void sample(Random& random, Index length, Example& out) const override {
    const Index context = length - items_;
    out.tokens.assign(static_cast<std::size_t>(length), 0);
    out.targets.assign(static_cast<std::size_t>(length), kIgnore);
    // Each place in turn takes one of the items still to come with the chance that makes all choices alike (Knuth's
    // selection sampling).
    Index item = 0;
    for (Index t = 0; t < context && item < items_; ++t) {
      if (random.below(context - t) >= items_ - item) continue;
      const auto token = static_cast<std::int32_t>(1 + random.below(vocab_ - 2));
      out.tokens[static_cast<std::size_t>(t)] = token;
      out.tokens[static_cast<std::size_t>(context + item)] = static_cast<std::int32_t>(vocab_ - 1);
      out.targets[static_cast<std::size_t>(context + item)] = token;
      ++item;
    }
  }
  Index length_ = 272, items_ = 16, vocab_ = 16;
};

}  // namespace

std::unique_ptr<Task> make_copying() { return std::make_unique<Copying>(); }
std::unique_ptr<Task> make_selective_copying() { return std::make_unique<SelectiveCopying>(); }

}  // namespace seqtape
