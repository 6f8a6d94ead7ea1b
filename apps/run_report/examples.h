#pragma once
// Answers of an evaluation that are worth a look, gathered while it runs: what its metrics do not show.

#include <memory>
#include <vector>

#include "apps/report/figure.h"
#include "apps/trainer/trained_model.h"

namespace seqtape {

/// A chart of a run that several runs can share.
struct SharedChart {
  ChartOptions options;
  Curve model;                ///< without a name
  std::vector<Curve> others;  ///< of answers without a model
  std::string words;
};

class Examples {
 public:
  virtual ~Examples() = default;
  /// A scored chunk, in the order of the evaluation; of a pooled task the last one of its sequences.
  virtual void add(const Variable& logits, const Batch&) = 0;
  /// The sections of a page on them; `document` is the evaluation's, as Answers::report leaves it. `run` is the one
  /// that was evaluated.
  virtual std::vector<PageSection> sections(const Json& document, const TrainedModel& run) const = 0;
  virtual std::vector<SharedChart> charts(const Json& /*document*/) const { return {}; }
};

/// For the answers that the task asks for, in an evaluation of `split` by batches of `batch`. The task is prepared, and
/// outlives it.
std::unique_ptr<Examples> examples_of(const Task&, Split split, Index batch);

// The kinds, by the task's objective.
std::unique_ptr<Examples> class_examples(const Task&, Split, Index batch);
std::unique_ptr<Examples> label_examples(const Task&, Split, Index batch);
std::unique_ptr<Examples> forecast_examples(const Task&, Split);
std::unique_ptr<Examples> number_examples(const Task&, Split);
std::unique_ptr<Examples> text_examples(const Task&);

/// A few items at equal distances of a stream whose length is not known: at most `most`, and at least half as many once
/// there are so many.
template <class Item>
class Spread {
 public:
  explicit Spread(std::size_t most) : most_(most) {}
  /// Counts an item, and keeps it if it is one of them; `make` is only called then.
  template <class Make>
  void offer(Make make) {
    if (count_++ % stride_) return;
    if (kept_.size() == most_) {
      std::size_t to = 0;
      for (std::size_t from = 0; from < kept_.size(); from += 2, ++to)
        if (to != from) kept_[to] = std::move(kept_[from]);
      kept_.resize(to);
      stride_ *= 2;
      if ((count_ - 1) % stride_) return;
    }
    kept_.push_back(make());
  }
  const std::vector<Item>& kept() const { return kept_; }

 private:
  std::size_t most_;
  Index count_ = 0, stride_ = 1;
  std::vector<Item> kept_;
};

/// The items of the greatest `size`, so many of them at most.
template <class Item>
class Greatest {
 public:
  explicit Greatest(std::size_t most) : most_(most) {}
  bool takes(double size) const { return kept_.size() < most_ || size > kept_.back().first; }
  /// Items of equal size stay in the order in which they came.
  void add(double size, Item item) {
    if (!takes(size)) return;
    const auto at = std::upper_bound(kept_.begin(), kept_.end(), size,
                                     [](double value, const auto& one) { return value > one.first; });
    kept_.insert(at, {size, std::move(item)});
    if (kept_.size() > most_) kept_.pop_back();
  }
  /// The greatest first.
  const std::vector<std::pair<double, Item>>& kept() const { return kept_; }

 private:
  std::size_t most_;
  std::vector<std::pair<double, Item>> kept_;
};

}  // namespace seqtape
