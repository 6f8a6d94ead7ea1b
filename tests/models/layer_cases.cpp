// Every mixer's layer at lengths around the borders of chunks: its input, parameters and initial state are the inputs
// of a case.
#include <memory>

#include "core/error.h"
#include "models/mixer.h"
#include "tests/support/op_case.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {
namespace {

constexpr Index kWidth = 8;

struct Layer {
  std::unique_ptr<Mixer> mixer;
  std::vector<Parameter*> parameters;

  std::vector<Variable> run(const Variable& x, State state, const IndexTensor& lengths) const {
    std::vector<Variable> outputs{mixer->forward(x, state, lengths, {.carry = mixer->streams()})};
    outputs.insert(outputs.end(), state.begin(), state.end());
    return outputs;
  }
};

/// The shapes of the state after five steps.
std::vector<Shape> state_shapes(const Layer& layer, Index batch) {
  std::vector<Shape> shapes;
  const std::vector<Variable> outputs = layer.run(Variable(Tensor::zeros(Shape{batch, 5, kWidth})), {}, {});
  for (std::size_t i = 1; i < outputs.size(); ++i) shapes.push_back(outputs[i].shape());
  return shapes;
}

OpCase layer_case(const std::string& name, const MixerKind& kind, const Sizes& sizes) {
  const auto layer = std::make_shared<Layer>();
  layer->mixer = kind.build({kWidth, 1});
  layer->parameters = layer->mixer->collect();
  allocate(layer->parameters, 1);
  OpCase made{name, {{{sizes.batch, sizes.length, kWidth}}}, {}};
  for (const Parameter* const p : layer->parameters) {
    const std::vector<Real> values = p->variable.value().to_vector();
    made.inputs.push_back({p->shape, 0, 0, false, std::vector<float>(values.begin(), values.end())});
  }
  if (sizes.states && layer->mixer->streams())
    for (const Shape& shape : state_shapes(*layer, sizes.batch)) made.inputs.push_back({shape});
  IndexTensor lengths;
  if (sizes.lengths) {
    lengths = IndexTensor::full(Shape{sizes.batch}, static_cast<std::int32_t>((sizes.length + 1) / 2));
    lengths.data()[0] = static_cast<std::int32_t>(sizes.length);
    lengths.data()[sizes.batch - 1] = 0;
  }
  made.function = [layer, lengths](const std::vector<Variable>& x) {
    for (std::size_t i = 0; i < layer->parameters.size(); ++i) layer->parameters[i]->variable = x[1 + i];
    return layer->run(x[0], State(x.begin() + 1 + static_cast<std::ptrdiff_t>(layer->parameters.size()), x.end()),
                      lengths);
  };
  return made;
}

}  // namespace

std::vector<OpCase> sized_cases(const Sizes& sizes) {
  std::vector<OpCase> cases;
  if (sizes.channels == 1 || sizes.heads == 1 || sizes.extreme != Sizes::Extreme::none) return cases;
  for (const auto& entry : mixers().entries) {
    const std::unique_ptr<MixerKind> kind = entry.make();
    // Every mixer's settings have defaults; the widest one needs a width that 4 heads divide.
    cases.push_back(layer_case(entry.name, *kind, sizes));
  }
  return cases;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
