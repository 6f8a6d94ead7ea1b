// Several labels at once: the wrong answers that the model was surest of.
#include <cmath>
#include <set>

#include "apps/run_report/examples.h"
#include "apps/run_report/inputs.h"
#include "apps/trainer/answers.h"
#include "core/strings.h"

namespace seqtape {
namespace {

class LabelExamples final : public Examples {
 public:
  LabelExamples(const Task& task, Split split, Index batch)
      : task_(task), split_(split), batch_(batch), labels_(task.shape().outputs), worst_(kWorst) {}

  void add(const Variable& logits, const Batch& batch) override {
    for (Index i = 0; i < batch.batch * labels_; ++i) {
      const bool truth = batch.target_values[static_cast<std::size_t>(i)] != 0;
      const auto logit = static_cast<float>(logits.data()[i]);
      if (truth != (logit > 0))
        worst_.add(std::fabs(static_cast<double>(logit)),
                   {sequence_ + i / labels_, i % labels_, truth, probability_of(logit)});
    }
    sequence_ += batch.batch;
  }

  std::vector<PageSection> sections(const Json&, const TrainedModel&) const override {
    if (worst_.kept().empty()) return {};
    const std::vector<std::string> names = class_names(task_);
    std::set<Index> sequences;
    for (const auto& [sure, one] : worst_.kept()) sequences.insert(one.sequence);
    const auto inputs = inputs_html(task_, split_, batch_, {sequences.begin(), sequences.end()});
    PageTable table{
        .title = "Surest wrong answers",
        .headings = {"input", "label", "truth", "its probability"},
        .words = str("The wrong answers of the ", split_name(split_),
                     " split that the model is surest of, the worst first: errors of the model, or of the data.")};
    for (const auto& [sure, one] : worst_.kept()) {
      auto& row = table.rows.emplace_back();
      row.push_back(input_cell(task_, split_, one.sequence, inputs));
      row.insert(row.end(), {{names[static_cast<std::size_t>(one.label)]},
                             {one.truth ? "applies" : "does not"},
                             {format("%.1f %%", 100 * one.probability), one.probability}});
    }
    return {{"errors", "Surest wrong answers", table_html(table)}};
  }

 private:
  static constexpr std::size_t kWorst = 15;
  struct Wrong {
    Index sequence, label;
    bool truth;
    double probability;
  };
  const Task& task_;
  Split split_;
  Index batch_, labels_, sequence_ = 0;
  Greatest<Wrong> worst_;  // by the size of the logit
};

}  // namespace

std::unique_ptr<Examples> label_examples(const Task& task, Split split, Index batch) {
  return std::make_unique<LabelExamples>(task, split, batch);
}

}  // namespace seqtape
