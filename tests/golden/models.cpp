// Golden checkpoints: loaded by the same importer as a user's.
#include <algorithm>

#include "autograd/optim/optimizer.h"
#include "autograd/optim/schedule.h"
#include "core/error.h"
#include "core/io/json.h"
#include "models/formats/mamba_exchange.h"
#include "tests/golden/golden.h"

namespace seqtape::golden {
namespace {

/// Mean cross entropy of each token given those before it; ids: [B, L].
Variable next_token_loss(const Variable& logits, const IndexTensor& ids) {
  const Index batch = ids.dim(0), length = ids.dim(1);
  IndexTensor target(ids.shape());
  for (Index b = 0; b < batch; ++b)
    for (Index t = 0; t < length; ++t)
      target.data()[b * length + t] = t + 1 < length ? ids.data()[b * length + t + 1] : kIgnore;
  return cross_entropy(logits, target);
}

/// The prompt and its continuation, `tokens` in all.
std::vector<std::int32_t> greedy(SequenceModel& model, const IndexTensor& prompt, Index tokens) {
  ModelState state;
  std::vector<std::int32_t> out = prompt.to_vector();
  IndexTensor next = prompt;
  while (static_cast<Index>(out.size()) < tokens) {
    const Variable logits = model.forward({next, {}, {}}, state);
    const Index classes = logits.dim(-1);
    const Real* const last = logits.data() + logits.size() - classes;
    out.push_back(static_cast<std::int32_t>(std::max_element(last, last + classes) - last));
    next = IndexTensor::full(Shape{1, 1}, out.back());
  }
  return out;
}

void checkpoint(Case& c, const std::filesystem::path& folder) {
  const auto model = load_mamba_folder(folder).model;
  const IndexTensor ids = c.ids("input_ids");
  Tape tape;
  ModelState state;
  const Variable logits = model->forward({ids, {}, {}}, state);
  const Variable loss = next_token_loss(logits, ids);
  c.compare("out.logits", logits.value());
  c.compare("out.loss", loss.value());
  tape.backward(loss);
  for (const Parameter* p : model->parameters()) c.compare("grad_param." + hf_mamba_name(p->path), p->variable.grad());
  if (c.file().contains("in.prompt")) {
    const Index tokens = c.file().entry("out.greedy").shape.size();
    c.compare_integers("out.greedy", greedy(*model, c.ids("prompt"), tokens));
  }
}

void training(Case& c, const std::filesystem::path& folder) {
  const auto model = load_mamba_folder(folder).model;
  const std::vector<Parameter*>& parameters = model->parameters();
  auto optimizer = optimizers().find(c.attribute("optimizer"))->make();
  const Json settings = {{"lr", c.number("lr")},
                         {"weight_decay", c.number("weight_decay")},
                         {"betas", Json::parse(c.attribute("betas"))},
                         {"eps", c.number("eps")},
                         {"clip_norm", c.number("clip")}};
  read_fields([&](Fields& f) { optimizer->fields(f); }, settings, "optimizer");
  auto schedule = schedules().find("cosine")->make();
  read_fields([&](Fields& f) { schedule->fields(f); }, {{"warmup", c.number("warmup")}}, "schedule");
  optimizer->attach(parameters);
  const IndexTensor all = c.ids("input_ids");
  const Index steps = all.dim(0);
  std::vector<Real> losses, norms, rates;
  for (Index step = 0; step < steps; ++step) {
    const IndexTensor ids = all.slice(step, step + 1).reshape(Shape{all.dim(1), all.dim(2)});
    optimizer->clear_gradients();
    Tape tape;
    ModelState state;
    const Variable loss = next_token_loss(model->forward({ids, {}, {}}, state), ids);
    tape.backward(loss);
    const double norm = optimizer->gradient_norm(), factor = schedule->factor(step, steps);
    optimizer->step(factor, norm);
    losses.push_back(loss.value().data()[0]);
    norms.push_back(static_cast<Real>(norm));
    rates.push_back(static_cast<Real>(optimizer->lr * factor));
  }
  c.compare_within("out.loss", losses.data(), steps, 1e-5, 0);
  c.compare_within("out.grad_norm", norms.data(), steps, 1e-4, 2e-5);
  c.compare_within("out.lr", rates.data(), steps, 1e-6, 0);
  for (const Parameter* p : parameters)
    c.compare_within("out.param." + hf_mamba_name(p->path), p->variable.data(), p->shape.size(), 0, 1e-4);
}

}  // namespace

const std::map<std::string, RunModel>& models() {
  static const std::map<std::string, RunModel> table{
      {"hf_mamba", checkpoint}, {"hf_mamba2", checkpoint}, {"train_mamba", training}};
  return table;
}

}  // namespace seqtape::golden
