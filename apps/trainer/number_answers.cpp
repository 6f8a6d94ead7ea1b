#include <algorithm>
#include <cmath>
#include <map>

#include "apps/trainer/answers.h"
#include "core/strings.h"
#include "data/forecasting.h"

namespace seqtape {
namespace {

Json number(double value) { return std::isnan(value) ? Json() : Json(value); }

Json errors_json(const ForecastErrors& errors) {
  return {{"mae", number(errors.mae())},
          {"rmse", number(errors.rmse())},
          {"mase", number(errors.mase())},
          {"r2", number(errors.r2())},
          {"smape", number(errors.smape())}};
}

/// The mean of each figure over those that have it; null: none has.
Json mean_json(const std::vector<Json>& all) {
  Json means = errors_json({});
  for (auto& [key, mean] : means.items()) {
    double sum = 0, count = 0;
    for (const Json& one : all)
      if (one[key].is_number()) sum += one[key].get<double>(), ++count;
    if (count > 0) mean = sum / count;
  }
  return means;
}

/// Numbers in the data's units, of a sequence or of each step: of forecasts every step and every target, beside naive
/// forecasts; of others beside the training's mean. The figures of a target are means over the entities, which so weigh
/// alike however many windows each has.
class NumberAnswers final : public Answers {
 public:
  NumberAnswers(const Task& task, AnswerFile* file)
      : task_(task), file_(file), known_(task.forecasting()), each_step_(!task.shape().pooled) {
    const Index outputs = task.shape().numbers();
    told_ = task.told();
    if (known_) {
      for (const auto& target : known_->forecast_targets()) {
        names_.push_back(target.name);
        units_.push_back(target.trained);
      }
      add_rival("last_value", 1);
      if (known_->season() > 1) add_rival("last_season", known_->season());
    } else {
      for (const Signature::Column& one : task.signature().numbers) {
        names_.push_back(one.name);
        units_.push_back({one.mean, one.scale});
      }
      // With units they are answered in deviations from the training's mean.
      means_.assign(static_cast<std::size_t>(outputs), 0);
      in_deviations_ = !names_.empty();
      if (!in_deviations_) sample_means();
      add_rival("training_mean", 0);
    }
    model_.steps.resize(static_cast<std::size_t>(outputs));
    for (Rival& rival : rivals_) rival.errors.steps.resize(model_.steps.size());
    for (const Split split : {Split::train, Split::validation, Split::test})
      if (known_ && task.has(split) && !known_->entities(split).empty())
        panel_ = panel_ || !known_->entities(split)[0].empty();
    if (!file_) return;
    std::vector<std::string> header{"sequence"};
    if (panel_) header.push_back("entity");
    if (known_ || each_step_) header.push_back("step");
    header.insert(header.end(), {"target", "truth", "prediction"});
    if (told_.offsets.empty())  // of the model's own
      for (const double level : told_.levels) header.push_back(quantile_name(level));
    file_->row(header);
  }

  void begin(Split split) override {
    split_ = split;
    number_ = 0;
    of_split_.clear();
  }

  void count(const Batch& batch) override {
    for (std::size_t row = 0; row < rows_of(batch); ++row) {
      open_window();
      count(truths(batch, row));
    }
  }

  void add(const Variable& outputs, const Batch& batch) override {
    const std::size_t size = model_.steps.size(), steps = each_step_ ? static_cast<std::size_t>(batch.length) : 1;
    const Index width = told_.distribution.width();
    if (batch.first || !each_step_) begin_ = 0;
    std::vector<double> values(1 + told_.levels.size());
    for (std::size_t row = 0; row < rows_of(batch); ++row) {
      open_window();
      const float* const truth = truths(batch, row);
      if (each_step_ && std::all_of(truth, truth + size, [](float one) { return std::isnan(one); }))
        continue;  // padding
      count(truth);
      for (std::size_t o = 0; o < size; ++o) {
        const auto number = static_cast<Index>(o);
        told_.read(outputs.data() + (static_cast<Index>(row * size) + number) * width, number, values.data());
        judge(model_, o, truth[o], values[0]);
        for (double& value : values) value = in_units(o, value);
        if (!std::isnan(truth[o])) quantiles_of(o % names_.size()).add(in_units(o, truth[o]), values.data() + 1);
        if (file_)
          write(sequence_ + static_cast<Index>(row / steps), begin_ + static_cast<Index>(row % steps), o, truth[o],
                values);
      }
    }
    begin_ += batch.length;
    if (batch.last) sequence_ += batch.batch;
  }

  Json baselines() const override;
  void report(Json& document) const override;

 private:
  struct Errors {
    std::vector<ForecastErrors> steps{};                  // of each output
    std::vector<std::vector<ForecastErrors>> entities{};  // of each target, over all steps
  };
  struct Rival {
    std::string name;
    Index season;
    Errors errors{};          // in the data's units
    ForecastErrors scaled{};  // of all, in the task's
  };
  void add_rival(const char* name, Index season) { rivals_.push_back({name, season}); }

  /// Of a task that names no numbers: its training's means, by a sample.
  void sample_means() {
    const std::size_t outputs = means_.size();
    for (std::size_t o = 0; o < outputs; ++o) names_.push_back(outputs == 1 ? "answer" : std::to_string(o));
    units_.resize(outputs);
    std::vector<double> sums(outputs);
    Index count = 0;
    sample_training(task_, [&](const Batch& batch) {
      for (std::size_t i = 0; i < batch.target_values.size(); ++i)
        sums[i % outputs] += static_cast<double>(batch.target_values[i]);
      count += batch.batch;
    });
    for (std::size_t o = 0; o < outputs; ++o) means_[o] = static_cast<float>(sums[o] / static_cast<double>(count));
  }

  /// Answers of a batch: of sequences, or of their steps.
  std::size_t rows_of(const Batch& batch) const { return batch.target_values.size() / model_.steps.size(); }
  const float* truths(const Batch& batch, std::size_t row) const {
    return batch.target_values.data() + row * model_.steps.size();
  }

  /// Goes on to the next window. Of numbers that are no forecasts all are alike.
  void open_window() {
    if (!known_ && !entities_.empty()) return;
    std::string name;
    if (known_) {
      window_ = known_->window(split_, number_++);
      if (of_split_.empty()) of_split_ = known_->entities(split_);
      name = of_split_[static_cast<std::size_t>(window_.entity)];
    } else {
      window_ = {0, units_, std::vector<double>(names_.size(), std::nan(""))};
    }
    const auto [found, is_new] = places_.emplace(name, entities_.size());
    entity_ = found->second;
    if (is_new) entities_.push_back(name);
    for (std::size_t k = 0; is_new && k < names_.size(); ++k)
      if (!(window_.seasonal[k] > 0)) without_error_.push_back({entity_, k});
  }

  /// The answers without a model.
  void count(const float* truth) {
    std::vector<float> answers;
    for (Rival& rival : rivals_) {
      if (known_ && !known_->naive_forecast(split_, number_ - 1, rival.season, answers)) continue;
      for (std::size_t o = 0; o < model_.steps.size(); ++o) {
        const float answer = known_ ? answers[o] : means_[o];
        if (std::isnan(truth[o]) || std::isnan(answer)) continue;
        judge(rival.errors, o, truth[o], static_cast<double>(answer));
        rival.scaled.add(static_cast<double>(truth[o]), static_cast<double>(answer));
      }
    }
  }

  double in_units(std::size_t output, double value) const {
    return window_.scales[output % names_.size()].value(value);
  }
  double in_units(std::size_t output, float value) const { return in_units(output, static_cast<double>(value)); }

  /// Of the window's entity.
  QuantileErrors& quantiles_of(std::size_t target) {
    if (quantiles_.size() < entities_.size())
      quantiles_.resize(entities_.size(), std::vector<QuantileErrors>(names_.size(), QuantileErrors(told_.levels)));
    return quantiles_[entity_][target];
  }

  void judge(Errors& errors, std::size_t output, float truth, double answer) const {
    if (std::isnan(truth)) return;
    if (errors.entities.size() < entities_.size())
      errors.entities.resize(entities_.size(), std::vector<ForecastErrors>(names_.size()));
    const std::size_t k = output % names_.size();
    for (ForecastErrors* one : {&errors.steps[output], &errors.entities[entity_][k]})
      one->add(in_units(output, truth), in_units(output, answer), window_.seasonal[k]);
  }

  /// `values`: the point and the quantiles, in units.
  void write(Index sequence, Index step, std::size_t output, float truth, const std::vector<double>& values) const {
    std::vector<std::string> cells{std::to_string(sequence)};
    if (panel_) cells.push_back(entities_[entity_]);
    if (known_) cells.push_back(std::to_string(output / names_.size() + 1));
    if (each_step_) cells.push_back(std::to_string(step));
    cells.insert(cells.end(),
                 {names_[output % names_.size()], std::isnan(truth) ? "" : format("%.9g", in_units(output, truth))});
    for (std::size_t i = 0; i < (told_.offsets.empty() ? values.size() : 1); ++i)
      cells.push_back(format("%.9g", values[i]));
    file_->row(cells);
  }

  /// The figures of one target over all its steps.
  Json of_target(const Errors& errors, std::size_t target) const {
    std::vector<Json> all;
    for (const auto& entity : errors.entities) all.push_back(errors_json(entity[target]));
    return mean_json(all);
  }
  /// The mean over the targets of a figure without a unit. Null when a target has none.
  Json mean_of(const char* key, const Errors& errors) const {
    double sum = 0;
    for (std::size_t k = 0; k < names_.size(); ++k) {
      const Json value = of_target(errors, k)[key];
      if (value.is_null()) return {};
      sum += value.get<double>();
    }
    return sum / static_cast<double>(names_.size());
  }
  /// The errors of each entity, the worst for the model first.
  Json entities_json(std::size_t target) const;
  /// What is told of a target's distribution, as means over the entities.
  Json quantiles_json(std::size_t target) const;
  /// Why a target has no MASE, or one of some entities only; "": it has.
  std::string remark(std::size_t target) const;

  const Task& task_;
  AnswerFile* file_;
  const Forecasting* known_;
  bool each_step_, in_deviations_ = true;
  std::vector<std::string> names_;  // of the targets
  std::vector<AnswerScale> units_;  // of each, by the training part
  std::vector<float> means_;        // of the training answers, without forecasts
  ToldNumbers told_;
  bool panel_ = false;
  Errors model_;
  std::vector<std::vector<QuantileErrors>> quantiles_;  // of each entity and target
  std::vector<Rival> rivals_;
  std::vector<std::string> entities_, of_split_;  // those that were met, and all of the split
  std::map<std::string, std::size_t> places_;
  std::vector<std::pair<std::size_t, std::size_t>> without_error_;  // entities and targets whose MASE is not defined
  Split split_ = Split::validation;
  Index number_ = 0, sequence_ = 0, begin_ = 0;
  Forecasting::Window window_;  // that is judged
  std::size_t entity_ = 0;
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

Json NumberAnswers::entities_json(std::size_t target) const {
  std::vector<std::pair<double, Json>> all;
  for (std::size_t e = 0; e < model_.entities.size(); ++e) {
    const ForecastErrors& errors = model_.entities[e][target];
    Json one = {{"entity", entities_[e]}, {"n", errors.count()}, {"model", errors_json(errors)}};
    for (const Rival& rival : rivals_)
      if (e < rival.errors.entities.size()) one[rival.name] = errors_json(rival.errors.entities[e][target]);
    const double by = std::isnan(errors.mase()) ? errors.smape() : errors.mase();
    all.emplace_back(std::isnan(by) ? -1 : by, std::move(one));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  Json list = Json::array();
  for (auto& [by, one] : all) list.push_back(std::move(one));
  return list;
}

Json NumberAnswers::quantiles_json(std::size_t target) const {
  std::vector<const QuantileErrors*> all;
  for (const auto& entity : quantiles_)
    if (entity[target].count() > 0) all.push_back(&entity[target]);
  const auto mean = [&](const auto& value) {
    double sum = 0;
    for (const QuantileErrors* one : all) sum += value(*one);
    return number(all.empty() ? std::nan("") : sum / static_cast<double>(all.size()));
  };
  Json json = {{"levels", told_.levels},
               {"from", told_.offsets.empty() ? "the model" : "its errors on the validation split"},
               {"pinball", mean([](const auto& one) { return one.pinball(); })},
               {"crps", mean([](const auto& one) { return one.crps(); })},
               {"crps_levels", QuantileErrors::crps_levels(told_.levels)},
               {"intervals", Json::array()}};
  for (std::size_t i = 0; !all.empty() && i < all[0]->intervals().size(); ++i)
    json["intervals"].push_back({{"coverage", all[0]->intervals()[i].coverage},
                                 {"covered", mean([&](const auto& one) { return one.intervals()[i].covered; })},
                                 {"width", mean([&](const auto& one) { return one.intervals()[i].width; })}});
  return json;
}

std::string NumberAnswers::remark(std::size_t target) const {
  const auto missing = std::count_if(without_error_.begin(), without_error_.end(),
                                     [&](const auto& one) { return one.second == target; });
  if (missing == 0) return "";
  if (panel_)
    return str("MASE of ", names_[target], ": without ", grouped(missing), " of ", grouped(std::ssize(entities_)),
               " entities, where the naive forecast of the training part makes no error or has none");
  return str("no MASE of ", names_[target],
             std::isnan(window_.seasonal[target])
                 ? str(": it is relative to the naive error of the training part, which the run has not kept for "
                       "task.season ",
                       known_->season())
                 : ": the naive forecast makes no error in the training part");
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
  for (std::size_t k = 0; k < names_.size(); ++k) {
    Json one = {{"target", names_[k]}, {"deviation", units_[k].scale}, {"model", of_target(model_, k)}};
    if (!in_deviations_) one.erase("deviation");
    for (const Rival& rival : rivals_) one[rival.name] = of_target(rival.errors, k);
    if (known_) {
      if (!panel_)
        one["seasonal_error_in_training"] = number(window_.seasonal.empty() ? std::nan("") : window_.seasonal[k]);
      if (const std::string text = remark(k); !text.empty()) remarks.push_back(text);
      Json& steps = one["steps"] = Json::array();
      for (std::size_t o = k; o < model_.steps.size(); o += names_.size()) {
        Json step = {{"step", o / names_.size() + 1}, {"model", errors_json(model_.steps[o])}};
        for (const Rival& rival : rivals_) step[rival.name] = errors_json(rival.errors.steps[o]);
        steps.push_back(std::move(step));
      }
      if (!told_.levels.empty()) one["quantiles"] = quantiles_json(k);
      if (panel_) one["entities"] = entities_json(k);
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
