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
          {"smape", number(errors.smape())}};
}

/// Numbers: of forecasts every step and every target, in the data's units, beside naive forecasts.
class NumberAnswers final : public Answers {
 public:
  NumberAnswers(const Task& task, AnswerFile* file) : task_(task), file_(file), known_(task.forecasting()) {
    const Index outputs = task.shape().outputs;
    if (known_) {
      targets_ = known_->forecast_targets();
      add_rival("last_value", 1);
      if (known_->season() > 1) add_rival("last_season", known_->season());
    } else {
      for (Index o = 0; o < outputs; ++o) targets_.push_back({outputs == 1 ? "answer" : std::to_string(o)});
      means_.assign(targets_.size(), 0);
      Index count = 0;
      std::vector<double> sums(targets_.size());
      sample_training(task, [&](const Batch& batch) {
        for (std::size_t i = 0; i < batch.target_values.size(); ++i)
          sums[i % sums.size()] += static_cast<double>(batch.target_values[i]);
        count += batch.batch;
      });
      for (std::size_t o = 0; o < sums.size(); ++o)
        means_[o] = static_cast<float>(sums[o] / static_cast<double>(count));
      add_rival("training_mean", 0);
    }
    model_.resize(static_cast<std::size_t>(outputs));
    for (Rival& rival : rivals_) rival.errors.resize(model_.size());
    if (!file_) return;
    std::vector<std::string> header{"sequence"};
    if (known_) header.push_back("step");
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
    for (Index b = 0; b < batch.batch; ++b, ++window_) {
      const float* truths = batch.target_values.data() + b * static_cast<Index>(size);
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
    const std::size_t size = model_.size();
    for (Index b = 0; b < batch.batch; ++b, ++sequence_) {
      const float* truths = batch.target_values.data() + b * static_cast<Index>(size);
      const float* given = outputs.data() + b * static_cast<Index>(size);
      for (std::size_t o = 0; o < size; ++o)
        if (!std::isnan(truths[o])) judge(model_[o], o, truths[o], given[o]);
      for (std::size_t o = 0; file_ && o < size; ++o) write(o, truths[o], given[o]);
    }
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
  void add_rival(const char* name, Index season) { rivals_.push_back({name, season}); }
  const Forecasting::Target& target(std::size_t output) const { return targets_[output % targets_.size()]; }
  void judge(ForecastErrors& errors, std::size_t output, float truth, float answer) const {
    const auto& of = target(output);
    errors.add(of.value(static_cast<double>(truth)), of.value(static_cast<double>(answer)));
  }
  void write(std::size_t output, float truth, float answer) const {
    const auto& of = target(output);
    std::vector<std::string> cells{std::to_string(sequence_)};
    if (known_) cells.push_back(std::to_string(output / targets_.size() + 1));
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
  std::vector<Forecasting::Target> targets_;
  std::vector<float> means_;  // of the training answers, without forecasts
  std::vector<ForecastErrors> model_;
  std::vector<Rival> rivals_;
  Split split_ = Split::validation;
  Index window_ = 0, sequence_ = 0;
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
    one["smape"] = mean_of("smape", rival.errors);
  }
  return baselines;
}

void NumberAnswers::report(Json& document) const {
  if (!document.at("loss").is_number()) return;
  document["rmse"] = std::sqrt(document.at("mse").get<double>());
  if (known_) document["mase"] = mean_of("mase", model_);
  document["smape"] = mean_of("smape", model_);
  document["baselines"] = baselines();
  if (known_) document["season"] = known_->season();
  std::vector<std::string> remarks;
  Json& targets = document["targets"] = Json::array();
  for (std::size_t k = 0; k < targets_.size(); ++k) {
    Json one = {{"target", targets_[k].name}, {"model", errors_json(all_steps(model_, k), targets_[k].seasonal)}};
    for (const Rival& rival : rivals_) one[rival.name] = errors_json(all_steps(rival.errors, k), targets_[k].seasonal);
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
