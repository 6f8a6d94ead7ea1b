#include <algorithm>
#include <cmath>

#include "apps/trainer/answers.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// Rankings are of at most so many numbers, 64 MiB; a confusion matrix is written for at most so many classes, and a
/// resampling goes through at most so many cells.
constexpr Index kMostRanked = 1 << 24, kMostInMatrix = 100, kMostCells = 1 << 22;

/// What is counted of one sequence: how often it got a true class answered by another.
struct Cell {
  std::int32_t truth, answer, count;
};

/// Classes, one answer a sequence or many.
class ClassAnswers final : public Answers {
 public:
  ClassAnswers(const Task& task, AnswerFile* file)
      : task_(task), file_(file), shape_(task.shape()), names_(class_names(task)), support_(names_.size()) {
    if (!file_) return;
    std::vector<std::string> header{"sequence"};
    if (!shape_.pooled) header.push_back("step");
    header.insert(header.end(), {"truth", "prediction"});
    header.insert(header.end(), names_.begin(), names_.end());
    file_->row(header);
  }

  void count(const Batch& batch) override {
    for (const std::int32_t target : batch.targets)
      if (target != kIgnore) ++support_[static_cast<std::size_t>(target)], ++answers_;
  }

  void add(const Variable& logits, const Batch& batch) override {
    count(batch);
    if (batch.first || shape_.pooled) {
      open_.assign(static_cast<std::size_t>(batch.batch), {});
      begin_ = 0;
    }
    const auto rows = static_cast<Index>(batch.targets.size());
    for (Index r = 0; r < rows; ++r)
      if (batch.targets[static_cast<std::size_t>(r)] != kIgnore)
        add(logits.data() + r * shape_.outputs, batch.targets[static_cast<std::size_t>(r)], r * batch.batch / rows,
            begin_ + r % batch.length);
    begin_ += batch.length;
    if (batch.last) close(batch.batch);
  }

  Json baselines() const override;
  void report(Json& document) const override;

 private:
  void add(const float* row, std::int32_t truth, Index b, Index step);
  /// The sequences of a batch have ended.
  void close(Index sequences);
  Confusion all() const;
  void report_intervals(Json& document) const;
  void report_rankings(Json& document, Json& by_class, std::vector<std::string>& remarks) const;
  void report_confusions(Json& document) const;
  const std::string& name(std::int32_t c) const { return names_[static_cast<std::size_t>(c)]; }

  const Task& task_;
  AnswerFile* file_;
  TaskShape shape_;
  std::vector<std::string> names_;
  std::vector<Index> support_;  // how many true answers each class has
  Index sequence_ = 0, begin_ = 0, answers_ = 0;
  std::vector<std::map<std::pair<std::int32_t, std::int32_t>, std::int32_t>> open_;  // of the batch's sequences
  std::vector<Cell> cells_;
  std::vector<std::size_t> ends_;     // of each sequence's cells
  std::vector<std::int32_t> truths_;  // of what is ranked
  std::vector<float> odds_;           // [answers, classes]
  bool ranked_ = true;
};

void ClassAnswers::add(const float* row, std::int32_t truth, Index b, Index step) {
  const auto answer = static_cast<std::int32_t>(std::max_element(row, row + shape_.outputs) - row);
  ++open_[static_cast<std::size_t>(b)][{truth, answer}];
  if (ranked_ && answers_ * shape_.outputs > kMostRanked) {
    ranked_ = false;
    std::vector<float>().swap(odds_);
    std::vector<std::int32_t>().swap(truths_);
  }
  if (!ranked_ && !file_) return;
  std::vector<float> odds(static_cast<std::size_t>(shape_.outputs));
  log_odds(row, shape_.outputs, odds.data());
  if (ranked_) {
    truths_.push_back(truth);
    odds_.insert(odds_.end(), odds.begin(), odds.end());
  }
  if (!file_) return;
  std::vector<std::string> cells{std::to_string(sequence_ + b)};
  if (!shape_.pooled) cells.push_back(std::to_string(step));
  cells.insert(cells.end(), {name(truth), name(answer)});
  for (const float one : odds) cells.push_back(format("%.7g", probability_of(one)));
  file_->row(cells);
}

void ClassAnswers::close(Index sequences) {
  for (const auto& sequence : open_) {
    for (const auto& [pair, count] : sequence) cells_.push_back({pair.first, pair.second, count});
    ends_.push_back(cells_.size());
  }
  sequence_ += sequences;
}

Confusion ClassAnswers::all() const {
  Confusion all;
  for (const Cell& cell : cells_) all[{cell.truth, cell.answer}] += cell.count;
  return all;
}

void ClassAnswers::report_intervals(Json& document) const {
  const double hits = std::round(document.at("accuracy").get<double>() * static_cast<double>(answers_));
  const auto of = [&](const char* key, const Interval& interval, const char* method) {
    document["intervals"][key] = {{"low", json_number(interval.low)},
                                  {"high", json_number(interval.high)},
                                  {"method", method},
                                  {"sequences", sequence_}};
  };
  document["intervals"] = Json::object();
  const char *wilson = "wilson", *bootstrap = "bootstrap over sequences";
  // An answer a sequence: they are independent.
  const bool each_answered = std::adjacent_find(ends_.begin(), ends_.end(), std::greater_equal<>()) == ends_.end() &&
                             !ends_.empty() && ends_.front() > 0;
  const bool single = each_answered && answers_ == sequence_;
  if (single) of("accuracy", wilson_interval(hits, static_cast<double>(answers_)), wilson);
  if (static_cast<Index>(cells_.size()) > kMostCells) return;
  const auto statistics = [&](const std::vector<Index>& drawn) {
    std::vector<ClassCounts> counts(names_.size());
    double right = 0, n = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < ends_.size(); ++i)
      for (; at < ends_[i]; ++at) {
        const Cell& cell = cells_[at];
        const Index count = drawn[i] * cell.count;
        counts[static_cast<std::size_t>(cell.truth)].support += count;
        counts[static_cast<std::size_t>(cell.answer)].answered += count;
        n += static_cast<double>(count);
        if (cell.truth != cell.answer) continue;
        counts[static_cast<std::size_t>(cell.truth)].hits += count;
        right += static_cast<double>(count);
      }
    return std::vector<double>{right / n, balanced_accuracy(counts), macro_f1(counts)};
  };
  const std::vector<Interval> intervals = bootstrap_intervals(static_cast<Index>(ends_.size()), statistics);
  if (intervals.empty()) return;
  // Sequences that are all equally right leave resampling nothing to vary. Of shares with this mean those that are 0 or
  // 1 vary most, so that theirs is an interval for any.
  if (!single && intervals[0].low == intervals[0].high)
    of("accuracy",
       wilson_interval(hits / static_cast<double>(answers_) * static_cast<double>(sequence_),
                       static_cast<double>(sequence_)),
       wilson);
  else if (!single)
    of("accuracy", intervals[0], bootstrap);
  // Without a width they would say that nothing is uncertain.
  if (intervals[1].low < intervals[1].high) of("balanced_accuracy", intervals[1], bootstrap);
  if (intervals[2].low < intervals[2].high) of("macro_f1", intervals[2], bootstrap);
}

void ClassAnswers::report_rankings(Json& document, Json& by_class, std::vector<std::string>& remarks) const {
  if (!ranked_) {
    remarks.push_back(str("AUROC and average precision are left out: ", answers_, " answers of ", names_.size(),
                          " classes are more than ", kMostRanked, " numbers"));
    return;
  }
  double areas = 0, precisions = 0, count = 0;
  std::vector<std::string> without;
  std::vector<float> scores(truths_.size());
  std::vector<bool> positive(truths_.size());
  for (std::size_t c = 0; c < names_.size(); ++c) {
    for (std::size_t i = 0; i < truths_.size(); ++i) {
      scores[i] = odds_[i * names_.size() + c];
      positive[i] = truths_[i] == static_cast<std::int32_t>(c);
    }
    const double area = auroc(scores, positive), precision = average_precision(scores, positive);
    for (Json& one : by_class)
      if (one["class"] == names_[c]) {
        one["auroc"] = std::isnan(area) ? Json() : Json(area);
        one["average_precision"] = std::isnan(precision) ? Json() : Json(precision);
      }
    if (std::isnan(area)) {
      without.push_back(names_[c]);
      continue;
    }
    areas += area;
    precisions += precision;
    ++count;
  }
  document["auroc"] = count > 0 ? Json(areas / count) : Json();
  document["average_precision"] = count > 0 ? Json(precisions / count) : Json();
  if (without.empty()) return;
  const std::size_t all = without.size();
  if (all > 8) without.resize(8);
  remarks.push_back(str("no AUROC and average precision of ", join(without, ", "),
                        all > 8 ? str(" and ", all - 8, " more") : "",
                        ": none of the answers, or all, are of the class"));
}

void ClassAnswers::report_confusions(Json& document) const {
  const Confusion all = this->all();
  if (static_cast<Index>(names_.size()) <= kMostInMatrix) {
    Json rows = Json::array();
    for (std::size_t t = 0; t < names_.size(); ++t) rows.push_back(std::vector<Index>(names_.size()));
    for (const auto& [pair, count] : all)
      rows[static_cast<std::size_t>(pair.first)][static_cast<std::size_t>(pair.second)] = count;
    document["confusion"] = {{"classes", names_}, {"answers_of_truth", rows}};
  }
  std::vector<std::pair<Index, std::pair<std::int32_t, std::int32_t>>> wrong;
  for (const auto& [pair, count] : all)
    if (pair.first != pair.second) wrong.push_back({count, pair});
  std::stable_sort(wrong.begin(), wrong.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (wrong.size() > 10) wrong.resize(10);
  Json& largest = document["largest_confusions"] = Json::array();
  for (const auto& [count, pair] : wrong)
    largest.push_back({{"truth", name(pair.first)}, {"prediction", name(pair.second)}, {"count", count}});
}

Json ClassAnswers::baselines() const {
  std::vector<Index> trained = task_.training_counts();
  const bool drawn = trained.empty();
  if (drawn && task_.has(Split::train)) {
    trained.resize(names_.size());
    sample_training(task_, [&](const Batch& batch) {
      for (const std::int32_t target : batch.targets)
        if (target != kIgnore) ++trained[static_cast<std::size_t>(target)];
    });
  }
  Index total = 0;
  for (const Index count : trained) total += count;
  const double chance = 1 / static_cast<double>(names_.size());
  Json baselines = {{"chance", {{"accuracy", chance}, {"balanced_accuracy", chance}}}};
  // Of a ranking by chance, or of one score for all.
  double shares = 0, ranked = 0;
  for (const Index support : support_)
    if (support > 0 && support < answers_)
      shares += static_cast<double>(support) / static_cast<double>(answers_), ++ranked;
  if (answers_ * shape_.outputs <= kMostRanked && ranked > 0)
    baselines["chance"].update({{"auroc", 0.5}, {"average_precision", shares / ranked}});
  if (drawn && total < 100) return baselines;  // too few to tell which is the most frequent
  const auto most = static_cast<std::size_t>(std::max_element(trained.begin(), trained.end()) - trained.begin());
  std::vector<ClassCounts> constant(names_.size());
  for (std::size_t c = 0; c < names_.size(); ++c) constant[c].support = support_[c];
  constant[most].answered = answers_;
  constant[most].hits = constant[most].support;
  baselines["most_frequent"] = {
      {"class", names_[most]},
      {"of_training_answers", static_cast<double>(trained[most]) / static_cast<double>(std::max<Index>(total, 1))},
      {"accuracy", static_cast<double>(support_[most]) / static_cast<double>(answers_)},
      {"balanced_accuracy", balanced_accuracy(constant)},
      {"macro_f1", macro_f1(constant)}};
  return baselines;
}

void ClassAnswers::report(Json& document) const {
  if (!document.at("loss").is_number() || answers_ == 0) return;
  const std::vector<ClassCounts> classes = class_counts(all(), static_cast<Index>(names_.size()));
  std::vector<std::string> remarks;
  document["balanced_accuracy"] = json_number(balanced_accuracy(classes));
  document["macro_f1"] = json_number(macro_f1(classes));
  Json by_class = Json::array();
  const auto number = [](double value) { return std::isnan(value) ? Json() : Json(value); };
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const ClassCounts& one = classes[c];
    // Of many classes those that occur.
    if (static_cast<Index>(classes.size()) > kMostInMatrix && one.support == 0 && one.answered == 0) continue;
    by_class.push_back({{"class", names_[c]},
                        {"support", one.support},
                        {"precision", number(one.precision())},
                        {"recall", number(one.recall())},
                        {"f1", number(one.f1())}});
  }
  report_rankings(document, by_class, remarks);
  report_intervals(document);
  document["baselines"] = baselines();
  document["by_class"] = std::move(by_class);
  report_confusions(document);
  if (!remarks.empty()) document["remarks"] = remarks;
}

}  // namespace

std::unique_ptr<Answers> class_answers(const Task& task, AnswerFile* file) {
  return std::make_unique<ClassAnswers>(task, file);
}

}  // namespace seqtape
