#include "apps/measure/training.h"

#include <algorithm>
#include <cmath>

#include "apps/measure/inference.h"
#include "apps/trainer/training.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/pool.h"
#include "core/random.h"
#include "core/threads.h"

namespace seqtape {

Json measure_training(const ModelConfig& config, Index batch, Index length, double seconds) {
  SequenceModel model(config, {.vocabulary = 256, .outputs = 256});
  allocate(model.parameters(), 1);
  auto optimizer = optimizers().find("adamw")->make();
  optimizer->attach(model.parameters());
  Random random(1, "bench");
  const Shape shape{batch, length};
  IndexTensor tokens(shape), targets(shape);
  for (Index i = 0; i < shape.size(); ++i) tokens.data()[i] = static_cast<std::int32_t>(random.below(256));
  for (Index i = 0; i < shape.size(); ++i) targets.data()[i] = tokens.data()[(i + 1) % shape.size()];
  const double start_rss = resident_memory();
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 4 || (seconds_since(begin) < seconds && times.size() < 200)) {
    const auto start = Clock::now();
    optimizer->clear_gradients();
    {
      Tape tape;
      ModelState state;
      tape.backward(cross_entropy(
          model.forward({tokens, {}, {}}, state, {.training = true, .dropout = {times.size()}, .carry = false}),
          targets));
    }
    optimizer->step(1, optimizer->gradient_norm());
    times.push_back(seconds_since(start));
  }
  times.erase(times.begin());  // the first fills the pool
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2], peak = peak_resident();
  Json report = {{"batch", batch},
                 {"length", length},
                 {"threads", thread_count()},
                 {"parameters", model.parameter_count()},
                 {"step_ms", std::round(median * 1e5) / 100},
                 {"tokens_per_second", std::round(static_cast<double>(batch * length) / median)},
                 {"peak_rss_mb", std::round(peak / 1048576)},
                 {"start_rss_mb", std::round(start_rss / 1048576)},
                 {"forward_ms", std::round(1e5 * measure_forward(model, batch, length, seconds / 4)) / 100}};
  if (model.streams()) {
    const Streaming streaming = measure_streaming(model, length, seconds / 4);
    report["state_bytes"] = streaming.state_bytes;
    report["generate_us"] = std::round(1e8 / streaming.steps_per_second) / 100;
  }
  return report;
}

DataCost measure_data(RunConfig config, double seconds) {
  Training training(std::move(config));
  training.allocate();
  Batch fixed;
  training.config.task->training_batch(0, training.config.train.batch, fixed);
  training.step(0);
  std::vector<double> with, without, ratios;
  const auto begin = Clock::now();
  for (Index i = 1; ratios.size() < 5 || seconds_since(begin) < seconds; ++i) {
    const auto timed = [](const auto& step) {
      const auto start = Clock::now();
      step();
      return seconds_since(start);
    };
    with.push_back(timed([&] { training.step(i); }));
    without.push_back(timed([&] { training.step(i, fixed, false); }));
    ratios.push_back(with.back() / without.back());
  }
  const auto median = [](std::vector<double>& list) {
    std::sort(list.begin(), list.end());
    return list[list.size() / 2];
  };
  return {ratios.size(), median(with), median(without), median(ratios)};
}

}  // namespace seqtape
