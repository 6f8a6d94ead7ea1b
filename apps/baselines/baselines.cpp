#include "apps/baselines/baselines.h"

#include <algorithm>

#include "apps/trainer/answers.h"
#include "apps/trainer/answers_text.h"
#include "apps/trainer/metrics.h"
#include "apps/trainer/scores.h"
#include "core/clock.h"
#include "core/columns.h"
#include "core/strings.h"
#include "data/forecasting.h"

namespace seqtape {
namespace {

constexpr Split kScored[] = {Split::validation, Split::test};

bool forecasts(const Task& task) { return task.forecasting() != nullptr; }
/// One answer a sequence, a class or numbers that are no forecast.
bool answers_once(const Task& task) {
  const Objective objective = task.shape().objective;
  return (objective == Objective::label || (objective == Objective::numbers && !forecasts(task))) &&
         task.has(Split::train) && !task.fingerprint().empty();
}
bool answers_values(const Task& task) { return answers_once(task) && task.shape().features > 0; }
bool answers_tokens(const Task& task) { return answers_once(task) && task.shape().vocabulary > 1; }
bool models_text(const Task& task) { return task.shape().next_token() && !task.fingerprint().empty(); }

/// Those without a fit, as `eval` has them, with Wilson's interval where a sequence has one answer.
Json without_fit(const Task& task) {
  const auto start = Clock::now();
  Json named = Json::object();
  for (const Split split : kScored) {
    if (!task.has(split)) continue;
    Index answers = 0;
    if (task.shape().objective == Objective::label && !task.fingerprint().empty()) {
      const auto pass = task.evaluation(split, {});
      for (Batch chunk; pass->next(chunk);)
        if (chunk.last) answers += chunk.batch;
    }
    const Json all = baselines_of(task, split);
    for (const auto& [key, metrics] : all.items()) {
      Json& one = named[key];
      one["name"] = baseline_name(key, metrics);
      if (metrics.contains("class"))
        one["about"] =
            format("always %s, %.1f %% of the training's answers", metrics["class"].get<std::string>().c_str(),
                   100 * metrics["of_training_answers"].get<double>());
      Json& of_split = one[split_name(split)] = scores_of(metrics);
      if (answers == 0 || !metrics.contains("class")) continue;
      const auto n = static_cast<double>(answers);
      const Interval interval = wilson_interval(metrics["accuracy"].get<double>() * n, n);
      of_split["n"] = answers;
      of_split["intervals"]["accuracy"] = {
          {"low", interval.low}, {"high", interval.high}, {"method", "wilson"}, {"sequences", answers}};
    }
  }
  Json list = Json::array();
  for (auto& [key, one] : named.items()) {
    one["seconds"] = seconds_since(start);  // of all of them: they are counted in one pass
    list.push_back(std::move(one));
  }
  return list;
}

/// The metrics that the tables show, of those that there are.
std::vector<std::string> shown_metrics(const Json& baselines, const char* split) {
  std::vector<std::string> keys;
  for (const char* key : {"bits_per_byte", "bits_per_character", "bits_per_token", "bits_per_base", "perplexity",
                          "accuracy", "balanced_accuracy", "mse", "mae", "mase", "r2", "smape"})
    if (std::any_of(baselines.begin(), baselines.end(),
                    [&](const Json& one) { return one.contains(split) && one[split].contains(key); }))
      keys.push_back(key);
  return keys;
}

std::string split_table(const Json& baselines, const char* split) {
  const std::vector<std::string> keys = shown_metrics(baselines, split);
  const auto has = [&](const Json& one, const char* key) { return one[split].contains(key); };
  const bool intervals = std::any_of(baselines.begin(), baselines.end(),
                                     [&](const Json& one) { return one.contains(split) && has(one, "intervals"); });
  std::vector<std::vector<std::string>> rows{{split}};
  for (const std::string& key : keys) {
    rows[0].push_back(metric(key).told);
    if (key == "accuracy" && intervals) rows[0].push_back("95 % interval");
  }
  rows[0].push_back("time");
  for (const Json& one : baselines) {
    if (!one.contains(split)) continue;
    const Json& scores = one[split];
    const auto text = [](const std::string& key, const Json& value) {
      return value.is_number() ? metric_text(key, value.get<double>()) : std::string("-");
    };
    auto& row = rows.emplace_back(1, cut(one["name"].get<std::string>(), 17));
    for (const std::string& key : keys) {
      row.push_back(scores.contains(key) ? text(key, scores[key]) : "");
      if (key != "accuracy" || !intervals) continue;
      const Json interval = scores.value("intervals", Json::object()).value("accuracy", Json::object());
      row.push_back(interval.empty() ? "" : str(text(key, interval["low"]), " .. ", text(key, interval["high"])));
    }
    row.push_back(human_seconds(one["seconds"].get<double>()));
  }
  return table(rows);
}

}  // namespace

const std::vector<Baseline>& fitted_baselines() {
  static const std::vector<Baseline> all{
      {"drift", "the line through the first and the last value of the window", forecasts, fit_drift},
      {"nlinear", "a linear map of the window's targets, relative to their last value", forecasts, fit_nlinear},
      {"window ridge", "ridge regression on all that the window has", forecasts, fit_window_ridge},
      {"minirocket", "ridge regression on the shares of 9,996 convolutions above a bias", answers_values,
       fit_minirocket},
      {"bag of n-grams", "ridge regression on how often each n-gram occurs", answers_tokens, fit_bag},
      {"n-grams", "the tokens that followed the five before", models_text, fit_ngrams},
  };
  return all;
}

bool may_have_baselines(const Task& task) {
  const auto& all = fitted_baselines();
  return std::any_of(all.begin(), all.end(), [&](const Baseline& one) { return one.suits(task); });
}

Json run_baselines(const std::string& task_name, const BaselineData& data, const Tell& tell) {
  Json document = {{"task", task_name}, {"data", data.task.fingerprint()}};
  Json& list = document["baselines"] = without_fit(data.task);
  Json& left_out = document["left_out"] = Json::array();
  for (const Baseline& baseline : fitted_baselines()) {
    if (!baseline.suits(data.task)) continue;
    const auto start = Clock::now();
    const auto here = [&](const std::string& text) { tell(str(baseline.name, ": ", text)); };
    const Fitted fitted = baseline.fit(data, here);
    if (!fitted.score) {
      left_out.push_back({{"name", baseline.name}, {"why", fitted.left_out}});
      continue;
    }
    Json one = {{"name", baseline.name}, {"about", fitted.about.empty() ? baseline.doc : fitted.about}};
    for (const Split split : kScored) {
      if (!data.task.has(split)) continue;
      here(str("scoring ", split_name(split)));
      one[split_name(split)] = fitted.score(split);
    }
    one["seconds"] = seconds_since(start);
    list.push_back(std::move(one));
  }
  return document;
}

std::string baselines_tables(const Json& document) {
  const Json& baselines = document["baselines"];
  std::string text;
  for (const Split split : kScored)
    if (std::any_of(baselines.begin(), baselines.end(),
                    [&](const Json& one) { return one.contains(split_name(split)); }))
      text += (text.empty() ? "" : "\n") + split_table(baselines, split_name(split));
  text += "\n";
  for (const Json& one : baselines)
    if (one.contains("about"))
      text += wrapped(str(one["name"].get<std::string>(), ": ", one["about"].get<std::string>(), "\n"), 2);
  for (const Json& one : document["left_out"])
    text += wrapped(str(one["name"].get<std::string>(), ": left out: ", one["why"].get<std::string>(), "\n"), 2);
  return text;
}

}  // namespace seqtape
