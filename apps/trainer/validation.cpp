#include "apps/trainer/validation.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "apps/trainer/intervals.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// Throws ConfigError for forecasts that would not see the last steps before them.
void require_last_steps(const TaskShape& shape, Index stride) {
  if (shape.regression() && shape.length % stride)
    throw ConfigError(str("model.stem.stride: must divide task.length, ", shape.length, ", or the last ",
                          shape.length % stride, " steps would not be read; got ", stride));
}

std::string at_length(const std::string& metric, Index length) { return length ? str(metric, "@", length) : metric; }

}  // namespace

Validation::Validation(RunConfig& config, const SequenceModel& model) : config_(config) {
  const auto refuse_longer = [&](const char* key, Index length) {
    if (length > model.longest())
      throw ConfigError(str(key, ": a sequence of ", length,
                            " steps is longer than the model's learned positions; raise ", "model.max_length, ",
                            model.longest()));
  };
  refuse_longer("task.length", std::max(config.task->longest_training_length(), config.task->shape().length));
  require_whole_steps(*config.task, model);
  require_last_steps(config.task->shape(), model.stride());
  const Json json = config.to_json();
  std::set<Index> seen;
  for (const Index length : config.train.eval_lengths) {
    if (!seen.insert(length).second) continue;  // twice the same is once
    refuse_longer("train.eval_lengths", length);
    Json changed = json;
    if (!changed["task"].contains("length"))
      throw ConfigError(str("train.eval_lengths: the sequences of ", config.task_name, " have the length they have"));
    changed["task"]["length"] = length;
    if (changed["task"].contains("carry")) changed["task"]["carry"] = false;
    others_.emplace_back(length, RunConfig::from_json(changed, ".").task);
    others_.back().second->use(config.task->learned());
    try {
      others_.back().second->prepare(static_cast<std::uint64_t>(config.seed));
    } catch (const DataError& error) {
      throw DataError(str("train.eval_lengths: ", length, " cannot be: ", error.what()));
    }
  }
  std::vector<std::string> known;
  const Json metrics = Score().metrics(config.task->shape());
  for (const auto& [metric, value] : metrics.items()) {
    known.push_back(metric);
    for (const auto& other : others_) known.push_back(at_length(metric, other.first));
  }
  const std::string& best = config.train.best;
  if (std::find(known.begin(), known.end(), best) == known.end())
    throw ConfigError(str("train.best: there will be no metric \"", best, "\"", suggestion(best, known)));
}

std::optional<std::vector<Validation::Result>> Validation::run(SequenceModel& model,
                                                               const std::function<bool()>& stop) const {
  const Index batch = config_.train.evaluation_batch();
  std::vector<Result> results;
  const auto add = [&](Index length, const Task& task) {
    Score score;
    SplitConformal errors(task.shape());
    const auto see = [&](const Variable& outputs, const Batch& chunk) {
      if (length == 0 && task.forecasting()) errors.add(outputs, chunk);
    };
    if (!evaluate(model, task, Split::validation, batch, score, stop, see)) return false;
    results.push_back({length, score.loss(), score.metrics(task.shape()), score.counts(), errors.intervals()});
    return true;
  };
  if (!add(0, *config_.task)) return std::nullopt;
  for (const auto& [length, task] : others_)
    if (!add(length, *task)) return std::nullopt;
  return results;
}

double Validation::watched(const std::vector<Result>& results) const {
  for (const Result& result : results)
    for (const auto& [metric, value] : result.metrics.items())
      if (at_length(metric, result.length) == config_.train.best && value.is_number()) return value.get<double>();
  return NAN;
}

}  // namespace seqtape
