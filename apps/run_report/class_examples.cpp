// Classes: the wrong answers that the model was surest of.
#include <algorithm>
#include <set>

#include "apps/run_report/examples.h"
#include "apps/run_report/inputs.h"
#include "apps/trainer/answers.h"
#include "core/strings.h"

namespace seqtape {
namespace {

class ClassExamples final : public Examples {
 public:
  ClassExamples(const Task& task, Split split, Index batch)
      : task_(task), shape_(task.shape()), split_(split), batch_(batch), worst_(kWorst) {}

  void add(const Variable& logits, const Batch& batch) override {
    if (batch.first || shape_.pooled) begin_ = 0;
    const auto rows = static_cast<Index>(batch.targets.size()), classes = shape_.outputs;
    std::vector<float> odds(static_cast<std::size_t>(classes));
    for (Index r = 0; r < rows; ++r) {
      const std::int32_t truth = batch.targets[static_cast<std::size_t>(r)];
      const Real* const row = logits.data() + r * classes;
      const auto answer = static_cast<std::int32_t>(std::max_element(row, row + classes) - row);
      if (truth == kIgnore || answer == truth) continue;
      log_odds(row, classes, odds.data());
      const float sure = odds[static_cast<std::size_t>(answer)];
      worst_.add(static_cast<double>(sure),
                 {sequence_ + r * batch.batch / rows, begin_ + r % batch.length, truth, answer, probability_of(sure),
                  probability_of(odds[static_cast<std::size_t>(truth)])});
    }
    begin_ += batch.length;
    if (batch.last) sequence_ += batch.batch;
  }

  std::vector<PageSection> sections(const Json&, const TrainedModel&) const override {
    if (worst_.kept().empty()) return {};
    const std::vector<std::string> names = class_names(task_);
    const auto name = [&](std::int32_t c) { return names[static_cast<std::size_t>(c)]; };
    std::set<Index> sequences;
    for (const auto& [sure, one] : worst_.kept()) sequences.insert(one.sequence);
    const auto inputs = inputs_html(task_, split_, batch_, {sequences.begin(), sequences.end()});
    PageTable table{.title = "Surest wrong answers",
                    .headings = {"input", "label", "answer", "its probability", "the label's"},
                    .words = str("The wrong answers of the ", split_name(split_),
                                 " split that have the greatest probability, the worst first: errors of the model, or "
                                 "of a label.")};
    if (!shape_.pooled) table.headings.insert(table.headings.begin() + 1, "step");
    for (const auto& [sure, one] : worst_.kept()) {
      auto& row = table.rows.emplace_back();
      row.push_back(input_cell(task_, split_, one.sequence, inputs));
      if (!shape_.pooled) row.push_back({grouped(one.step), one.step});
      row.insert(row.end(), {{name(one.truth)},
                             {name(one.answer)},
                             {format("%.1f %%", 100 * one.probability), one.probability},
                             {format("%.1f %%", 100 * one.of_truth), one.of_truth}});
    }
    return {{"errors", "Surest wrong answers", table_html(table)}};
  }

 private:
  static constexpr std::size_t kWorst = 15;
  struct Wrong {
    Index sequence, step;
    std::int32_t truth, answer;
    double probability, of_truth;
  };
  const Task& task_;
  TaskShape shape_;
  Split split_;
  Index batch_, sequence_ = 0, begin_ = 0;
  Greatest<Wrong> worst_;  // by the log-odds of the answer
};

}  // namespace

std::unique_ptr<Examples> class_examples(const Task& task, Split split, Index batch) {
  return std::make_unique<ClassExamples>(task, split, batch);
}

std::unique_ptr<Examples> examples_of(const Task& task, Split split, Index batch) {
  const TaskShape shape = task.shape();
  return shape.next_token()    ? text_examples(task)
         : task.forecasting()  ? forecast_examples(task, split)
         : shape.regression()  ? number_examples(task, split)
         : shape.multi_label() ? label_examples(task, split, batch)
                               : class_examples(task, split, batch);
}

}  // namespace seqtape
