#include "autograd/optim/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/kernels/optimizer.h"
#include "core/strings.h"

namespace seqtape::inline SEQTAPE_PRECISION {

void Optimizer::common_fields(Fields& f) {
  f("lr", lr, "peak learning rate", positive());
  f("weight_decay", weight_decay, "decay of matrices; norms, biases and what a layer excepts never decay", at_least(0));
  f("clip_norm", clip_norm, "largest norm of the whole gradient; 0: no clipping", at_least(0));
  f.list("groups", "exceptions for some parameters; later ones win", items(groups));
}

void ParameterGroup::fields(Fields& f) {
  f("match", match, "path of the parameters, with * and ?: \"blocks.*.norm.*\"", required());
  f("lr", lr, "their peak learning rate", at_least(0));
  f("weight_decay", weight_decay, "their decay", at_least(0));
  f("frozen", frozen, "they keep their values; false: they are trained after all");
}

Optimizer::ParameterSettings Optimizer::settings_of(const Parameter& parameter) const {
  const ParameterRule& rule = parameter.rule;
  const bool decays = rule.weight_decay && parameter.shape.rank() >= 2;
  ParameterSettings result{std::min(lr * rule.lr_scale, rule.max_lr), decays ? weight_decay : 0, false};
  for (const ParameterGroup& group : groups) {
    if (!matches(parameter.path, group.match)) continue;
    result.lr = group.lr.value_or(result.lr);
    result.weight_decay = group.weight_decay.value_or(result.weight_decay);
    result.frozen = group.frozen.value_or(result.frozen);
  }
  return result;
}

void Optimizer::attach(std::vector<Parameter*> parameters) {
  for (std::size_t i = 0; i < groups.size(); ++i)
    if (std::none_of(parameters.begin(), parameters.end(),
                     [&](const Parameter* p) { return matches(p->path, groups[i].match); })) {
      std::vector<std::string> paths;
      for (const Parameter* p : parameters) paths.push_back(p->path);
      throw ConfigError(str("optimizer.groups[", i, "].match: \"", groups[i].match,
                            "\" fits no parameter; the model has ", join(paths, ", ")));
    }
  parameters_ = std::move(parameters);
  settings_.clear();
  for (Parameter* p : parameters_) {
    settings_.push_back(settings_of(*p));
    p->frozen = settings_.back().frozen;
    if (p->variable.defined() && p->variable.requires_grad() == p->frozen)
      p->variable = Variable(p->variable.value(), !p->frozen);  // it is allocated already
  }
  if (std::all_of(settings_.begin(), settings_.end(), [](const ParameterSettings& t) { return t.frozen; }))
    throw ConfigError("optimizer.groups: every parameter is frozen, nothing is left to train");
  updates_ = 0;
  allocate();
}

double Optimizer::gradient_norm() const {
  double total = 0;
  for (const Parameter* p : parameters_)
    if (p->variable.grad().defined())
      total += kernels::optimizer->sum_of_squares(p->shape.size(), p->variable.grad().data());
  return std::sqrt(total);
}

void Optimizer::step(double factor, double norm) {
  ++updates_;
  const double scale = clip_norm > 0 ? std::min(1.0, clip_norm / (norm + 1e-6)) : 1.0;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i]->variable.grad().defined())
      update(i, *parameters_[i], factor * settings_[i].lr, settings_[i].weight_decay, scale);
}

void Optimizer::clear_gradients() const {
  for (const Parameter* p : parameters_) p->variable.clear_grad();
}

std::vector<Tensor> Optimizer::zeros() const {
  std::vector<Tensor> tensors;
  for (const Parameter* p : parameters_) tensors.push_back(p->frozen ? Tensor() : Tensor::zeros(p->shape));
  return tensors;
}

std::vector<NamedTensor> Optimizer::named(const std::string& prefix, const std::vector<Tensor>& tensors) const {
  std::vector<NamedTensor> all;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].defined()) all.push_back({prefix + parameters_[i]->path, tensors[i]});
  return all;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
