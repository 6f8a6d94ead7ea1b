#include "apps/measure/inference.h"

#include <algorithm>

#include "core/clock.h"
#include "models/stepper.h"

namespace seqtape {
Streaming measure_streaming(SequenceModel& model, Index length, double seconds) {
  ModelState state;
  const RunMode mode{.carry = true};
  model.forward(random_input(model.shape(), 1, length, "made-up input"), state, mode);
  Streaming result;
  for (const State& layer : state.layers)
    for (const Variable& tensor : layer) result.state_bytes += static_cast<double>(tensor.size() * sizeof(Real));
  const ModelInput one = random_input(model.shape(), 1, model.stride(), "made-up input");
  std::function<void()> step = [&] { model.forward(one, state, mode); };
  std::unique_ptr<Stepper> stepper;  // generates, where there are tokens
  if (one.tokens.defined() && !model.shape().pooled) {
    stepper = std::make_unique<Stepper>(model, state, 1);
    step = [&] { stepper->step({0}); };
  }
  step();
  const auto begin = Clock::now();
  Index steps = 0;
  while (steps < 20 || seconds_since(begin) < seconds) {
    step();
    steps += model.stride();
  }
  result.steps_per_second = static_cast<double>(steps) / seconds_since(begin);
  return result;
}

double measure_forward(SequenceModel& model, Index batch, Index length, double seconds) {
  const ModelInput input = random_input(model.shape(), batch, length, "made-up input");
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 3 || (seconds_since(begin) < seconds && times.size() < 100)) {
    ModelState state;
    const auto start = Clock::now();
    model.forward(input, state);
    times.push_back(seconds_since(start));
  }
  std::sort(times.begin() + 1, times.end());  // the first fills the pool
  return times[(times.size() + 1) / 2];
}

}  // namespace seqtape
