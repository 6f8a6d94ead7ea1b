// Numbers that are no forecasts: answers over the truth, and those that are furthest off.
#include <cmath>

#include "apps/run_report/examples.h"
#include "apps/run_report/inputs.h"
#include "core/strings.h"

namespace seqtape {
namespace {

class NumberExamples final : public Examples {
 public:
  NumberExamples(const Task& task, Split split)
      : task_(task),
        split_(split),
        outputs_(task.shape().outputs),
        each_step_(!task.shape().pooled),
        known_(task.signature().numbers),
        some_(kSome),
        worst_(kWorst) {}

  void add(const Variable& outputs, const Batch& batch) override {
    const auto all = static_cast<Index>(batch.target_values.size()), row = all / batch.batch;
    if (batch.first || !each_step_) begin_ = 0;
    for (Index i = 0; i < all; ++i) {
      const float truth = batch.target_values[static_cast<std::size_t>(i)];
      if (std::isnan(truth)) continue;
      const One one{sequence_ + i / row, begin_ + i % row / outputs_, i % outputs_, in_units(i, truth),
                    in_units(i, outputs.data()[i])};
      some_.offer([&] { return one; });
      worst_.add(std::fabs(static_cast<double>(outputs.data()[i] - truth)), one);
    }
    begin_ += batch.length;
    if (batch.last) sequence_ += batch.batch;
  }

  std::vector<PageSection> sections(const Json&, const TrainedModel&) const override {
    if (some_.kept().empty()) return {};
    Curve answers{"the model's"}, equal{"the truth"};
    for (const One& one : some_.kept()) {
      answers.x.push_back(one.truth);
      answers.y.push_back(one.answer);
    }
    const auto [low, high] = std::minmax_element(answers.x.begin(), answers.x.end());
    for (const double x : {*low, *high}) {
      equal.x.push_back(x);
      equal.y.push_back(x);
    }
    equal.colour = kInk;
    equal.points_only = false;
    answers.points_only = true;
    PageTable table{.title = "Furthest off",
                    .headings = {"input", "truth", "answer", "error"},
                    .words = str("The answers of the ", split_name(split_), " split with the greatest errors.")};
    if (outputs_ > 1) table.headings.insert(table.headings.begin() + 1, "number");
    if (each_step_) table.headings.insert(table.headings.begin() + 1, "step");
    for (const auto& [size, one] : worst_.kept()) {
      auto& row = table.rows.emplace_back(
          std::vector{TableCell{.text = place_text(task_, split_, one.sequence), .heading = true}});
      const double error = std::fabs(one.answer - one.truth);
      if (each_step_) row.push_back({grouped(one.step), one.step});
      if (outputs_ > 1) row.push_back({name_of(one.output), one.output});
      row.insert(row.end(), {{format("%.4g", one.truth), one.truth},
                             {format("%.4g", one.answer), one.answer},
                             {format("%.4g", error), error}});
    }
    const std::string words = str("Of ", grouped(static_cast<std::int64_t>(some_.kept().size())), " answers of the ",
                                  split_name(split_), " split, at equal distances. On the line an answer is right.");
    return {{"answers", "Answers",
             figure_html({equal, answers}, {.title = "Answers over the truth", .x_name = "truth", .y_name = "answer"},
                         words)},
            {"errors", "Furthest off", table_html(table)}};
  }

 private:
  static constexpr std::size_t kSome = 800, kWorst = 15;
  struct One {
    Index sequence, step, output;
    double truth, answer;
  };
  double in_units(Index i, float answer) const {
    const auto value = static_cast<double>(answer);
    if (known_.empty()) return value;
    const Signature::Column& of = known_[static_cast<std::size_t>(i % outputs_)];
    return of.mean + of.scale * value;
  }
  std::string name_of(Index output) const {
    return known_.empty() ? std::to_string(output) : known_[static_cast<std::size_t>(output)].name;
  }
  const Task& task_;
  Split split_;
  Index outputs_, sequence_ = 0, begin_ = 0;
  bool each_step_;
  std::vector<Signature::Column> known_;  // their units
  Spread<One> some_;
  Greatest<One> worst_;
};

}  // namespace

std::unique_ptr<Examples> number_examples(const Task& task, Split split) {
  return std::make_unique<NumberExamples>(task, split);
}

}  // namespace seqtape
