#include "apps/trainer/gradients.h"

#include <algorithm>
#include <cstdio>

#include "core/error.h"

namespace seqtape {

double BatchGradients::add(const Batch& batch, std::uint64_t key, bool check_numbers) {
  const Index rows = micro_batch_ ? std::min(micro_batch_, batch.batch) : batch.batch;
  const Index parts = (batch.batch + rows - 1) / rows;
  if (batch.first) states_.clear();
  before_ = states_;
  states_.resize(static_cast<std::size_t>(parts));
  const auto all = batch.scored();
  double loss = 0;
  for (Index i = 0; i < parts; ++i) {
    const Batch& part = parts == 1 ? batch : batch.rows(i * rows, std::min(batch.batch, (i + 1) * rows));
    ModelState& state = states_[static_cast<std::size_t>(i)];
    Tape tape;
    tape.check_numbers(check_numbers);
    const RunMode mode{.training = true, .dropout = {key, i * rows}, .carry = shape_.carried};
    const Variable logits = model_->forward(model_input(part), state, mode);
    // The mean over the batch is the weighted sum of the micro-batches' means.
    const double share = parts == 1 ? 1 : part.scored() / std::max(1e-30, all);
    if (share > 0) {
      const Variable mean = batch_loss(logits, part, shape_);
      loss += share * static_cast<double>(mean.data()[0]);
      tape.backward(parts == 1 ? mean : scale(mean, share));
    }
    if (shape_.carried)
      state.detach();
    else
      state = {};
  }
  return loss;
}

std::vector<NamedTensor> BatchGradients::state() const {
  std::vector<NamedTensor> all;
  if (!shape_.carried) return all;
  for (std::size_t i = 0; i < states_.size(); ++i)
    for (std::size_t layer = 0; layer < states_[i].layers.size(); ++layer)
      for (std::size_t k = 0; k < states_[i].layers[layer].size(); ++k)
        all.push_back({str("state.", i, ".", layer, ".", k), states_[i].layers[layer][k].value()});
  return all;
}

void BatchGradients::restore(const SafetensorsFile& file) {
  states_.clear();
  const auto grown = [](auto& list, std::size_t i) -> auto& {
    if (list.size() <= i) list.resize(i + 1);
    return list[i];
  };
  for (const auto& [name, entry] : file.entries()) {
    std::size_t part = 0, layer = 0, k = 0;
    if (std::sscanf(name.c_str(), "state.%zu.%zu.%zu", &part, &layer, &k) != 3) continue;
    grown(grown(grown(states_, part).layers, layer), k) = Variable(Tensor::of(entry.shape, file.floats(name)));
  }
}

}  // namespace seqtape
