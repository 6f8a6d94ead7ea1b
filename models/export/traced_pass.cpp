#include "models/export/traced_pass.h"

#include "autograd/ops/embedding.h"
#include "core/error.h"

namespace seqtape {

TracedPass::TracedPass(SequenceModel& model, bool step, const Extents& e) : extents(e) {
  ModelState state;
  const auto random = [&](Index steps) {
    return random_input(model.shape(), e.batch, steps * model.stride(), "traced pass");
  };
  if (step) {
    model.features(random(e.past), state, {});
    state.detach();
  } else {
    extents.past = 0;
  }
  const ModelState before = state;
  input = random(step ? 1 : e.length);
  const Trace trace;
  features = model.features(input, state, {}).value();
  for (std::size_t layer = 0; layer < state.layers.size(); ++layer)
    for (std::size_t i = 0; i < state.layers[layer].size(); ++i)
      if (state.layers[layer][i].size() > 0)
        states.push_back(
            {str(layer, ".", i), step ? before.layers[layer][i].value() : Tensor(), state.layers[layer][i].value()});
  for (std::size_t i = 0; i < state.stem.size(); ++i)
    if (state.stem[i].size() > 0 && state.stem[i].defined())
      states.push_back({str("stem.", i), step ? before.stem[i].value() : Tensor(), state.stem[i].value(), true});
  if (model.shape().pooled) pooled = Tensor::zeros(Shape{e.batch, features.dim(2)});
  logits = model.head(Variable(pooled.defined() ? pooled : features)).value();
  nodes = trace.nodes();
}

void refuse_unless_streaming(const SequenceModel& model, const char* target) {
  if (!model.streams())
    throw ConfigError(
        str(target, ": needs a model that can run in steps; this one looks at later steps of the sequence"));
}

ValueKey key_of(const Tensor& x) { return {x.data(), str(x.shape())}; }

bool reads_ids(const AnyOp& op) { return op.as<ops::Embedding>() != nullptr; }

}  // namespace seqtape
