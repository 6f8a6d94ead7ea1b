#include <cmath>

#include "apps/trainer/answers.h"
#include "core/strings.h"
#include "data/forecasting.h"

namespace seqtape {
namespace {

Json number(double value) { return std::isnan(value) ? Json() : Json(value); }

Json errors_json(const ForecastErrors& errors, double seasonal) {
  return {{"mae", number(errors.mae())},
          {"rmse", number(errors.rmse())},
          {"mase", number(errors.mase(seasonal))},
          {"r2", number(errors.r2())},
          {"smape", number(errors.smape())}};
}

/// Numbers in the data's units, of a sequence or of each step: of forecasts every step and every target, beside naive
/// forecasts; of others beside the training's mean.
class NumberAnswers final : public Answers {
 public:
  NumberAnswers(const Task& task, AnswerFile* file)
      : task_(task), file_(file), known_(task.forecasting()), each_step_(!task.shape().pooled) {
    const Index outputs = task.shape().outputs;
    if (known_) {
      targets_ = known_->forecast_targets();
      add_rival("last_value", 1);
      if (known_->season() > 1) add_rival("last_season", known_->season());
    } else {
      for (const Signature::Column& one : task.signature().numbers) targets_.push_back({one.name, one.mean, one.scale});
      // With units they are answered in deviations from the training's mean.
      means_.assign(static_cast<std::size_t>(outputs), 0);
      if (targets_.empty()) sample_means();
      add_rival("training_mean", 0);
    }
    model_.resize(static_cast<std::size_t>(outputs));
    for (Rival& rival : rivals_) rival.errors.resize(model_.size());
    if (!file_) return;
    std::vector<std::string> header{"sequence"};
    if (known_ || each_step_) header.push_back("step");
    header.insert(header.end(), {"target", "truth", "prediction"});
    file_->row(header);
  }

  void begin(Split split) override {
    split_ = split;
    window_ = 0;
  }

  void count(const Batch& batch) override {
    const std::size_t size = model_.size();
    std::vector<float> answers;
    for (std::size_t row = 0; row < batch.target_values.size() / size; ++row, ++window_) {
      const float* truths = batch.target_values.data() + row * size;
      for (Rival& rival : rivals_) {
        if (known_ && !known_->naive_forecast(split_, window_, rival.season, answers)) continue;
        for (std::size_t o = 0; o < size; ++o) {
          const float answer = known_ ? answers[o] : means_[o];
          if (std::isnan(truths[o]) || std::isnan(answer)) continue;
          judge(rival.errors[o], o, truths[o], answer);
          rival.scaled.add(static_cast<double>(truths[o]), static_cast<double>(answer));
        }
      }
    }
  }

  void add(const Variable& outputs, const Batch& batch) override {
    count(batch);
    const std::size_t size = model_.size(), rows = batch.target_values.size() / size,
                      steps = each_step_ ? static_cast<std::size_t>(batch.length) : 1;
    if (batch.first || !each_step_) begin_ = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      const float* truths = batch.target_values.data() + row * size;
      const float* given = outputs.data() + row * size;
      bool any = false;
      for (std::size_t o = 0; o < size; ++o) {
        if (std::isnan(truths[o])) continue;
        any = true;
        judge(model_[o], o, truths[o], given[o]);
      }
      if (!file_ || (each_step_ && !any)) continue;  // padding
      for (std::size_t o = 0; o < size; ++o)
        write(sequence_ + static_cast<Index>(row / steps), begin_ + static_cast<Index>(row % steps), o, truths[o],
              given[o]);
    }
    begin_ += batch.length;
    if (batch.last) sequence_ += batch.batch;
  }

  Json baselines() const override;
  void report(Json& document) const override;

 private:
  struct Rival {
    std::string name;
    Index season;
    std::vector<ForecastErrors> errors{};  // of each output, in the data's units
    ForecastErrors scaled{};               // of all, in the task's
  };
  /// Of a task that names no numbers: its training's means, by a sample.
  void sample_means() {
    const std::size_t outputs = means_.size();
    for (std::size_t o = 0; o < outputs; ++o) targets_.push_back({outputs == 1 ? "answer" : std::to_string(o)});
    std::vector<double> sums(outputs);
    Index count = 0;
    sample_training(task_, [&](const Batch& batch) {
      for (std::size_t i = 0; i < batch.target_values.size(); ++i)
        sums[i % outputs] += static_cast<double>(batch.target_values[i]);
      count += batch.batch;
    });
    for (std::size_t o = 0; o < outputs; ++o) means_[o] = static_cast<float>(sums[o] / static_cast<double>(count));
  }
  void add_rival(const char* name, Index season) { rivals_.push_back({name, season}); }
  const Forecasting::Target& target(std::size_t output) const { return targets_[output % targets_.size()]; }
  void judge(ForecastErrors& errors, std::size_t output, float truth, float answer) const {
    const auto& of = target(output);
    errors.add(of.value(static_cast<double>(truth)), of.value(static_cast<double>(answer)));
  }
  void write(Index sequence, Index step, std::size_t output, float truth, float answer) const {
    const auto& of = target(output);
    std::vector<std::string> cells{std::to_string(sequence)};
    if (known_) cells.push_back(std::to_string(output / targets_.size() + 1));
    if (each_step_) cells.push_back(std::to_string(step));
    cells.insert(cells.end(), {of.name, std::isnan(truth) ? "" : format("%.9g", of.value(static_cast<double>(truth))),
                               format("%.9g", of.value(static_cast<double>(answer)))});
    file_->row(cells);
  }
  /// The errors of one target, over all its steps.
  ForecastErrors all_steps(const std::vector<ForecastErrors>& errors, std::size_t target) const {
    ForecastErrors all;
    for (std::size_t o = target; o < errors.size(); o += targets_.size()) all.add(errors[o]);
    return all;
  }
  /// The mean over the targets of `key` of all steps: for figures without a unit. Null when a target has none.
  Json mean_of(const char* key, const std::vector<ForecastErrors>& errors) const {
    double sum = 0;
    for (std::size_t k = 0; k < targets_.size(); ++k) {
      const Json value = errors_json(all_steps(errors, k), targets_[k].seasonal)[key];
      if (value.is_null()) return {};
      sum += value.get<double>();
    }
    return sum / static_cast<double>(targets_.size());
  }

  const Task& task_;
  AnswerFile* file_;
  const Forecasting* known_;
  bool each_step_;
  std::vector<Forecasting::Target> targets_;
  std::vector<float> means_;  // of the training answers, without forecasts
  std::vector<ForecastErrors> model_;
  std::vector<Rival> rivals_;
  Split split_ = Split::validation;
  Index window_ = 0, sequence_ = 0, begin_ = 0;
};

Json NumberAnswers::baselines() const {
  Json baselines = Json::object();
  for (const Rival& rival : rivals_) {
    Json& one = baselines[rival.name] = Json::object();
    if (rival.season > 1) one["season"] = rival.season;
    one.update({{"mse", number(std::pow(rival.scaled.rmse(), 2))},
                {"mae", number(rival.scaled.mae())},
                {"rmse", number(rival.scaled.rmse())}});
    if (known_) one["mase"] = mean_of("mase", rival.errors);
    if (!known_) one["r2"] = mean_of("r2", rival.errors);
    one["smape"] = mean_of("smape", rival.errors);
  }
  return baselines;
}

void NumberAnswers::report(Json& document) const {
  if (!document.at("loss").is_number()) return;
  document["rmse"] = std::sqrt(document.at("mse").get<double>());
  if (known_) document["mase"] = mean_of("mase", model_);
  if (!known_) document["r2"] = mean_of("r2", model_);
  document["smape"] = mean_of("smape", model_);
  document["baselines"] = baselines();
  if (known_) document["season"] = known_->season();
  std::vector<std::string> remarks;
  Json& targets = document["targets"] = Json::array();
  for (std::size_t k = 0; k < targets_.size(); ++k) {
    Json one = {{"target", targets_[k].name},
                {"deviation", targets_[k].scale},
                {"model", errors_json(all_steps(model_, k), targets_[k].seasonal)}};
    for (const Rival& rival : rivals_) one[rival.name] = errors_json(all_steps(rival.errors, k), targets_[k].seasonal);
    if (!known_ && task_.signature().numbers.empty()) one.erase("deviation");
    if (known_) {
      one["seasonal_error_in_training"] = number(targets_[k].seasonal);
      if (!(targets_[k].seasonal > 0))
        remarks.push_back(str("no MASE of ", targets_[k].name,
                              std::isnan(targets_[k].seasonal)
                                  ? str(": it is relative to the naive error of the training part, which the run has "
                                        "not kept for task.season ",
                                        known_->season())
                                  : ": the naive forecast makes no error in the training part"));
      Json& steps = one["steps"] = Json::array();
      for (std::size_t o = k; o < model_.size(); o += targets_.size()) {
        Json step = {{"step", o / targets_.size() + 1}, {"model", errors_json(model_[o], targets_[k].seasonal)}};
        for (const Rival& rival : rivals_) step[rival.name] = errors_json(rival.errors[o], targets_[k].seasonal);
        steps.push_back(std::move(step));
      }
    }
    targets.push_back(std::move(one));
  }
  if (!remarks.empty()) document["remarks"] = remarks;
}

}  // namespace

std::unique_ptr<Answers> number_answers(const Task& task, AnswerFile* file) {
  return std::make_unique<NumberAnswers>(task, file);
}

}  // namespace seqtape
