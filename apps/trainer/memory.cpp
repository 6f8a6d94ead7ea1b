#include "apps/trainer/memory.h"

#include <algorithm>
#include <cmath>

#include "core/cpu.h"
#include "core/error.h"
#include "core/pool.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// Tokens of the largest training batch.
double training_tokens(const RunConfig& config, const TaskShape& shape) {
  const Index rows =
      config.train.micro_batch ? std::min(config.train.micro_batch, config.train.batch) : config.train.batch;
  return std::max(static_cast<double>(rows) * static_cast<double>(shape.length),
                  static_cast<double>(config.task->longest_training_length()));
}

/// Bytes that the pool allocates from the system during `action`.
template <class Action>
double taken_by(const Action& action) {
  pool::trim();
  const std::size_t before = pool::statistics().reserved;
  action();
  const std::size_t after = pool::statistics().reserved;
  return static_cast<double>(after) - static_cast<double>(before);
}

}  // namespace

void refuse_what_cannot_fit(const RunConfig& config, const TaskShape& shape, const SequenceModel& model) {
  const double parameters = 16.0 * static_cast<double>(model.parameter_count());
  const double activations = 4.0 * training_tokens(config, shape) * static_cast<double>(config.model.layers.count) * 6 *
                             static_cast<double>(config.model.d_model);
  const double available = physical_memory();
  if (parameters > available)
    throw ConfigError(str("model: training needs at least ", human_bytes(parameters), " for ",
                          grouped(model.parameter_count()), " parameters, this machine has ", human_bytes(available),
                          "; lower model.d_model or model.layers"));
  if (parameters + activations > available)
    throw ConfigError(str("train.batch: a step needs at least ", human_bytes(parameters + activations),
                          ", this machine has ", human_bytes(available),
                          "; lower train.batch or train.micro_batch, task.length or model.d_model"));
}

MemoryEstimate estimate_memory(Training& training) {
  constexpr Index kLongest = 2048;
  const TaskShape& shape = training.shape;
  SequenceModel& model = *training.model;
  const TrainSettings& settings = training.config.train;
  const Index eval_rows = settings.evaluation_batch();
  const double tokens = training_tokens(training.config, shape);
  const auto eval_tokens = static_cast<double>(eval_rows * evaluation_chunk(model, shape, eval_rows));
  const auto train = [&](Index rows, Index steps) {
    BatchGradients(model, shape, 0).add(blank_batch(shape, rows, steps), 0);
    training.optimizer().clear_gradients();
  };
  const auto evaluate = [&](Index rows, Index steps) {
    ModelState state;
    model.forward(model_input(blank_batch(shape, rows, steps)), state, {.carry = model.streams()});
  };
  train(1, 1);  // plans, scratch, threads
  evaluate(1, 1);
  pool::trim();
  const double start = resident_memory();
  // The memory of n tokens is fixed + n * share: two points determine it; up to 4096 tokens it is measured directly.
  const Index steps = std::clamp<Index>(shape.length, 1, kLongest), rows = std::max<Index>(1, kLongest / steps);
  const auto line = [&](double all, const auto& pass) {
    const auto unit = static_cast<double>(rows * steps);
    const auto more = static_cast<Index>(std::ceil(std::min(2 * unit, all) / static_cast<double>(steps)));
    const double two = taken_by([&] { pass(more, steps); });
    if (all <= 2 * unit) return two;
    const double one = taken_by([&] { pass(rows, steps); });
    return one + (two - one) * (all - unit) / unit;
  };
  const double step = line(tokens, train), evaluation = line(eval_tokens, evaluate);
  pool::trim();
  return {start, step, evaluation};
}

void refuse_what_is_not_free(const MemoryEstimate& estimate) {
  const double free = available_memory() + resident_memory();
  if (estimate.total() > free)
    throw ConfigError(str("train.batch: the run needs about ", human_bytes(estimate.total()), ", ", human_bytes(free),
                          " are free; lower train.batch or train.micro_batch, task.length, train.eval_batch or "
                          "model.d_model"));
}

}  // namespace seqtape
