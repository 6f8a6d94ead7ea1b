#include "apps/trainer/dry_run.h"

#include <algorithm>
#include <iostream>

#include "apps/trainer/describe.h"
#include "apps/trainer/memory.h"
#include "apps/trainer/validation.h"
#include "core/clock.h"
#include "core/columns.h"
#include "core/cpu.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// Median seconds of a step: at least three, for about two seconds.
double step_seconds(Training& training) {
  std::vector<double> times;
  const auto begin = Clock::now();
  training.step(0);  // fills the pool
  for (Index i = 1; i <= 3 || (i < 100 && seconds_since(begin) < 2); ++i) {
    const auto start = Clock::now();
    training.step(i);
    times.push_back(seconds_since(start));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Seconds of one evaluation, from its first second.
double evaluation_seconds(Training& training) {
  const TrainSettings& settings = training.config.train;
  const Index rows = settings.evaluation_batch();
  const EvaluationOptions options{rows, evaluation_chunk(*training.model, training.shape, rows)};
  double all = 0, done = 0;
  const auto count = training.config.task->evaluation(Split::validation, options);
  for (Batch chunk; count->next(chunk);) all += static_cast<double>(chunk.batch * chunk.length);
  const auto start = Clock::now();
  const auto score = evaluate(*training.model, *training.config.task, Split::validation, rows, [&] {
    if (seconds_since(start) > 1) return true;
    done += static_cast<double>(rows * options.chunk);
    return false;
  });
  return score ? seconds_since(start) : seconds_since(start) * all / std::max(done, 1.0);
}

}  // namespace

void dry_run(RunConfig config) {
  Training training(std::move(config));
  const Validation validation(training.config, *training.model);  // refuses what the evaluations could not be
  const std::string warm_start = training.allocate();
  std::cout << wrapped(printable_text(describe_head(training) + (warm_start.empty() ? "" : warm_start + "\n")),
                       kHeadHang)
            << "\nparameters\n"
            << describe_parameters(*training.model) << std::flush;
  const MemoryEstimate memory = estimate_memory(training);
  std::cout << format("\nmemory       %12s  program, data, weights and moments\n", human_bytes(memory.start).c_str())
            << format("             %12s  a training step\n", human_bytes(memory.step).c_str())
            << format("             %12s  an evaluation\n", human_bytes(memory.evaluation).c_str())
            << format("             %12s  in all; %s are free\n", human_bytes(memory.total()).c_str(),
                      human_bytes(available_memory() + memory.start).c_str())
            << std::flush;
  refuse_what_is_not_free(memory);
  const TrainSettings& settings = training.config.train;
  const double step = step_seconds(training), evaluation = evaluation_seconds(training);
  const auto steps = static_cast<double>(settings.steps);
  const auto evaluations =
      static_cast<double>((settings.steps + settings.eval_interval() - 1) / settings.eval_interval());
  std::cout << format("\ntime         %9.1f ms  a step, %.0f tokens/s, %s\n", 1e3 * step,
                      static_cast<double>(settings.batch * training.shape.length) / step, describe_machine().c_str())
            << format("             %12s  %.0f steps\n", human_seconds(step * steps).c_str(), steps)
            << format("             %12s  %.0f evaluations\n", human_seconds(evaluation * evaluations).c_str(),
                      evaluations)
            << format("             %12s  in all\n", human_seconds(step * steps + evaluation * evaluations).c_str());
}

}  // namespace seqtape
