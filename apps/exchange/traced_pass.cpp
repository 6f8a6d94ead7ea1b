#include "apps/exchange/traced_pass.h"

#include "core/error.h"

namespace seqtape {
namespace {

ModelInput some_input(const ModelShape& shape, Index batch, Index length) {
  ModelInput input;
  if (shape.vocabulary)
    input.tokens = IndexTensor::zeros(Shape{batch, length});
  else
    input.values = Tensor::zeros(Shape{batch, length, shape.features});
  return input;
}

}  // namespace

TracedPass::TracedPass(SequenceModel& model, bool step, const Extents& e) : extents(e) {
  ModelState state;
  if (step) {
    model.features(some_input(model.shape(), e.batch, e.past), state, {});
    state.detach();
  } else {
    extents.past = 0;
  }
  const std::vector<State> before = state.layers;
  input = some_input(model.shape(), e.batch, step ? 1 : e.length);
  const Trace trace;
  features = model.features(input, state, {});
  for (std::size_t layer = 0; layer < state.layers.size(); ++layer)
    for (std::size_t i = 0; i < state.layers[layer].size(); ++i)
      if (state.layers[layer][i].size() > 0)
        states.push_back({str(layer, ".", i), step ? before[layer][i] : Variable(), state.layers[layer][i]});
  if (model.shape().pooled) pooled = Variable(Tensor::zeros(Shape{e.batch, features.dim(2)}));
  logits = model.head(pooled.defined() ? pooled : features);
  nodes = trace.nodes();
}

ValueKey key_of(const Variable& x) { return {x.data(), str(x.shape())}; }

}  // namespace seqtape
