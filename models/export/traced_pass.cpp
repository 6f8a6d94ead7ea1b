#include "models/export/traced_pass.h"

#include "autograd/ops/embedding.h"
#include "core/error.h"

namespace seqtape {

TracedPass::TracedPass(SequenceModel& model, bool step, const Extents& e) : extents(e) {
  ModelState state;
  if (step) {
    model.features(random_input(model.shape(), e.batch, e.past, "traced pass"), state, {});
    state.detach();
  } else {
    extents.past = 0;
  }
  const std::vector<State> before = state.layers;
  input = random_input(model.shape(), e.batch, step ? 1 : e.length, "traced pass");
  const Trace trace;
  features = model.features(input, state, {}).value();
  for (std::size_t layer = 0; layer < state.layers.size(); ++layer)
    for (std::size_t i = 0; i < state.layers[layer].size(); ++i)
      if (state.layers[layer][i].size() > 0)
        states.push_back(
            {str(layer, ".", i), step ? before[layer][i].value() : Tensor(), state.layers[layer][i].value()});
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
