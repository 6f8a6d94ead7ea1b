#include "models/stepper.h"

#include <algorithm>
#include <set>

#include "autograd/ops/embedding.h"
#include "core/error.h"
#include "core/threads.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// Weights times sequences below which starting the threads, some 5 us a loop, costs more than it gains: with half a
/// million two threads are 0.7 times as fast as one, with 15 million 1.07 times.
constexpr Index kWorthThreads = Index{1} << 23;

/// A deep copy.
ModelState copy_of(const ModelState& state) {
  ModelState copy = state;
  for (State& layer : copy.layers)
    for (Variable& part : layer)
      if (part.defined()) part = Variable(part.value().clone());
  return copy;
}

}  // namespace

Stepper::Stepper(SequenceModel& model, const ModelState& state, Index batch)
    : model_(model),
      batch_(batch),
      threads_(batch * model.parameter_count() < kWorthThreads ? 1 : thread_count()),
      state_(copy_of(state)),
      tokens_(IndexTensor::zeros(Shape{batch, 1})) {
  if (!trace(state)) trace_.reset();
}

bool Stepper::trace(const ModelState& state) {
  ModelState before = copy_of(state), after = before;
  trace_ = std::make_unique<Trace>();
  logits_ = model_.forward({tokens_, {}, {}}, after);
  trace_->end();
  std::set<const void*> changing;  // values that differ from step to step
  for (std::size_t layer = 0; layer < before.layers.size(); ++layer) {
    const State &from = before.layers[layer], &to = after.layers[layer];
    if (from.size() != to.size()) return false;
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (!(from[i].shape() == to[i].shape())) return false;
      if (!from[i].defined() || from[i].size() == 0) continue;
      carried_.push_back({from[i].value(), to[i].value()});
      changing.insert(from[i].data());
    }
  }
  for (const Trace::Node& node : trace_->nodes()) {
    const auto& in = node.values.in;
    const bool changes =
        node.op.as<ops::Embedding>() ||  // of the step's tokens
        std::any_of(in.begin(), in.end(), [&](const Tensor& x) { return x.defined() && changing.contains(x.data()); });
    if (!changes) continue;
    for (const Tensor& output : node.values.out) changing.insert(output.data());
    changing_.push_back(&node);
  }

  // Two steps from here, replayed and by `forward`, must agree; then the start is restored.
  std::vector<Tensor> start;
  for (const CarriedState& part : carried_) start.push_back(part.before.clone());
  ModelState plain = copy_of(state);
  const auto last = static_cast<std::int32_t>(model_.shape().vocabulary - 1);
  for (const std::int32_t token : {last, std::int32_t{0}}) {
    const std::vector<std::int32_t> tokens(static_cast<std::size_t>(batch_), token);
    const Variable wanted = model_.forward({IndexTensor::of(Shape{batch_, 1}, tokens), {}, {}}, plain);
    const Real* const got = replay(tokens);
    if (!std::equal(got, got + wanted.size(), wanted.data())) return false;
  }
  for (std::size_t i = 0; i < carried_.size(); ++i)
    std::copy_n(start[i].data(), start[i].size(), carried_[i].before.data());
  return true;
}

Real* Stepper::replay(const std::vector<std::int32_t>& tokens) {
  std::copy(tokens.begin(), tokens.end(), tokens_.data());
  for (const Trace::Node* const node : changing_) node->op.forward(node->values);
  for (const CarriedState& part : carried_) std::copy_n(part.after.data(), part.after.size(), part.before.data());
  return logits_.data();
}

Real* Stepper::step(const std::vector<std::int32_t>& tokens) {
  const auto classes = static_cast<std::int32_t>(model_.shape().vocabulary);
  for (const std::int32_t token : tokens)
    if (token < 0 || token >= classes) throw DataError(str("id ", token, " is not in the vocabulary of ", classes));
  const ThreadLimit limit(threads_);
  if (trace_) return replay(tokens);
  logits_ = model_.forward({IndexTensor::of(Shape{batch_, 1}, tokens), {}, {}}, state_);
  return logits_.data();
}

ModelState batch_of(const std::vector<ModelState>& states) {
  ModelState all;
  all.layers.resize(states[0].layers.size());
  for (std::size_t layer = 0; layer < all.layers.size(); ++layer)
    for (std::size_t i = 0; i < states[0].layers[layer].size(); ++i) {
      const Variable& first = states[0].layers[layer][i];
      if (!first.defined()) {
        all.layers[layer].emplace_back();
        continue;
      }
      Shape shape{static_cast<Index>(states.size())};
      for (int axis = 1; axis < first.shape().rank(); ++axis) shape.push_back(first.dim(axis));
      Tensor joined(shape);
      Real* to = joined.data();
      for (const ModelState& state : states) {
        const Variable& part = state.layers[layer][i];
        to = std::copy_n(part.data(), part.size(), to);
      }
      all.layers[layer].emplace_back(joined);
    }
  return all;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
