#include <algorithm>

#include "apps/trainer/answers.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

Json defined(double value) { return std::isnan(value) ? Json() : Json(value); }

double mean_defined(const std::vector<double>& values) {
  double sum = 0, count = 0;
  for (const double value : values)
    if (!std::isnan(value)) sum += value, ++count;
  return count > 0 ? sum / count : std::nan("");
}

/// Several labels a sequence. One is answered where its probability is above a half, where its logit is above 0.
class LabelAnswers final : public Answers {
 public:
  LabelAnswers(const Task& task, AnswerFile* file)
      : file_(file), names_(class_names(task)), truths_(names_.size()), logits_(names_.size()) {
    if (!file_) return;
    std::vector<std::string> header{"sequence"};
    for (const std::string& name : names_) header.insert(header.end(), {name + " truth", name});
    file_->row(header);
  }

  void count(const Batch& batch) override {
    for (std::size_t i = 0; i < batch.target_values.size(); ++i)
      truths_[i % names_.size()].push_back(batch.target_values[i] != 0);
  }

  void add(const Variable& logits, const Batch& batch) override {
    const std::size_t before = sequences();
    count(batch);
    for (std::size_t i = 0; i < batch.target_values.size(); ++i)
      logits_[i % names_.size()].push_back(static_cast<float>(logits.data()[i]));
    for (std::size_t s = before; file_ && s < sequences(); ++s) {
      std::vector<std::string> cells{std::to_string(s)};
      for (std::size_t k = 0; k < names_.size(); ++k)
        cells.insert(cells.end(), {truths_[k][s] ? "1" : "0", format("%.7g", probability_of(logits_[k][s]))});
      file_->row(cells);
    }
  }

  Json baselines() const override {
    std::vector<ClassCounts> all(names_.size());
    std::vector<double> shares;
    Index support = 0;
    const auto n = static_cast<Index>(sequences());
    for (std::size_t k = 0; k < names_.size(); ++k) {
      const auto positives = static_cast<Index>(std::count(truths_[k].begin(), truths_[k].end(), true));
      all[k] = {positives, n, positives};
      support += positives;
      if (positives > 0 && positives < n) shares.push_back(static_cast<double>(positives) / static_cast<double>(n));
    }
    const double every = static_cast<double>(support) / static_cast<double>(n * static_cast<Index>(names_.size()));
    Json baselines = {
        {"no_label", {{"accuracy", 1 - every}}},
        {"every_label",
         {{"accuracy", every}, {"macro_f1", defined(macro_f1(all))}, {"micro_f1", defined(micro_f1(all))}}}};
    // One score for all ranks by chance.
    if (!shares.empty()) baselines["every_label"].update({{"auroc", 0.5}, {"average_precision", mean_defined(shares)}});
    return baselines;
  }

  void report(Json& document) const override {
    if (!document.at("loss").is_number() || sequences() == 0) return;
    const std::vector<ClassCounts> counts = counted_labels(std::vector<Index>(sequences(), 1));
    document["macro_f1"] = defined(macro_f1(counts));
    document["micro_f1"] = defined(micro_f1(counts));
    std::vector<double> areas, precisions;
    Json by_class = Json::array();
    for (std::size_t k = 0; k < names_.size(); ++k) {
      areas.push_back(auroc(logits_[k], truths_[k]));
      precisions.push_back(average_precision(logits_[k], truths_[k]));
      by_class.push_back({{"class", names_[k]},
                          {"support", counts[k].support},
                          {"precision", defined(counts[k].precision())},
                          {"recall", defined(counts[k].recall())},
                          {"f1", defined(counts[k].f1())},
                          {"auroc", defined(areas.back())},
                          {"average_precision", defined(precisions.back())}});
    }
    document["auroc"] = defined(mean_defined(areas));
    document["average_precision"] = defined(mean_defined(precisions));
    const auto intervals = bootstrap_intervals(static_cast<Index>(sequences()), [&](const std::vector<Index>& drawn) {
      const std::vector<ClassCounts> some = counted_labels(drawn);
      return std::vector<double>{macro_f1(some), micro_f1(some)};
    });
    document["intervals"] = Json::object();
    for (std::size_t i = 0; i < intervals.size(); ++i)
      if (intervals[i].low < intervals[i].high)
        document["intervals"][i == 0 ? "macro_f1" : "micro_f1"] = {{"low", intervals[i].low},
                                                                   {"high", intervals[i].high},
                                                                   {"method", "bootstrap over sequences"},
                                                                   {"sequences", sequences()}};
    document["baselines"] = baselines();
    document["by_class"] = std::move(by_class);
  }

 private:
  std::size_t sequences() const { return truths_.front().size(); }
  /// Each label against its absence, of sequences that are drawn so often.
  std::vector<ClassCounts> counted_labels(const std::vector<Index>& drawn) const {
    std::vector<ClassCounts> all(names_.size());
    for (std::size_t k = 0; k < names_.size(); ++k)
      for (std::size_t s = 0; s < drawn.size(); ++s) {
        const bool truth = truths_[k][s], answer = logits_[k][s] > 0;
        all[k].support += truth ? drawn[s] : 0;
        all[k].answered += answer ? drawn[s] : 0;
        all[k].hits += truth && answer ? drawn[s] : 0;
      }
    return all;
  }

  AnswerFile* file_;
  std::vector<std::string> names_;
  std::vector<std::vector<bool>> truths_;   // [labels][sequences]
  std::vector<std::vector<float>> logits_;  // the same
};

}  // namespace

std::unique_ptr<Answers> label_answers(const Task& task, AnswerFile* file) {
  return std::make_unique<LabelAnswers>(task, file);
}

}  // namespace seqtape
