#include "apps/measure/inference.h"

#include <algorithm>

#include "core/clock.h"
#include "core/random.h"
#include "models/stepper.h"

namespace seqtape {
namespace {

ModelInput made_up(const ModelShape& shape, Index batch, Index length) {
  Random random(1, "made-up input");
  ModelInput input;
  if (shape.vocabulary) {
    input.tokens = IndexTensor(Shape{batch, length});
    for (Index i = 0; i < batch * length; ++i)
      input.tokens.data()[i] = static_cast<std::int32_t>(random.below(shape.vocabulary));
  } else {
    input.values = Tensor(Shape{batch, length, shape.features});
    for (Index i = 0; i < input.values.size(); ++i) input.values.data()[i] = static_cast<Real>(random.normal());
  }
  return input;
}

}  // namespace

Streaming measure_streaming(SequenceModel& model, Index length, double seconds) {
  ModelState state;
  const RunMode mode{.carry = true};
  model.forward(made_up(model.shape(), 1, length), state, mode);
  Streaming result;
  for (const State& layer : state.layers)
    for (const Variable& tensor : layer) result.state_bytes += static_cast<double>(tensor.size() * sizeof(Real));
  const ModelInput one = made_up(model.shape(), 1, 1);
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
    ++steps;
  }
  result.steps_per_second = static_cast<double>(steps) / seconds_since(begin);
  return result;
}

double measure_forward(SequenceModel& model, Index batch, Index length, double seconds) {
  const ModelInput input = made_up(model.shape(), batch, length);
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
