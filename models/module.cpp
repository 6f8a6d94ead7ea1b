#include "models/module.h"

#include <cmath>

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

Initializer draw(const std::function<double(Random&)>& value) {
  return [value](const Tensor& tensor, Random& random) {
    for (Index i = 0; i < tensor.size(); ++i) tensor.data()[i] = static_cast<Real>(value(random));
  };
}

}  // namespace

const Variable& Weight::none() {
  static const Variable undefined;
  return undefined;
}

Weight Module::parameter(const std::string& name, const Shape& shape, Initializer init, const ParameterRule& rule) {
  parts_.emplace_back(name, nullptr, std::make_shared<Parameter>(Parameter{name, shape, std::move(init), rule, {}}));
  return Weight(parts_.back().parameter);
}

std::vector<Parameter*> Module::collect(const std::string& prefix) {
  std::vector<Parameter*> all;
  for (Part& part : parts_) {
    if (part.module) {
      for (Parameter* parameter : part.module->collect(prefix + part.name + ".")) all.push_back(parameter);
    } else {
      part.parameter->path = prefix + part.name;
      all.push_back(part.parameter.get());
    }
  }
  return all;
}

void allocate(const std::vector<Parameter*>& parameters, std::uint64_t seed) {
  for (Parameter* parameter : parameters) {
    Tensor value(parameter->shape);
    Random random(seed, "init", hash_name(parameter->path));
    parameter->init(value, random);
    parameter->variable = Variable(value, !parameter->frozen);
  }
}

namespace init {

Initializer constant(double value) {
  return [value](const Tensor& tensor, Random&) { tensor.fill(static_cast<Real>(value)); };
}
Initializer normal(double deviation) {
  return draw([deviation](Random& random) { return deviation * random.normal(); });
}
Initializer uniform(double bound) {
  return draw([bound](Random& random) { return random.uniform(-bound, bound); });
}
Initializer step_sizes(double low, double high, double floor) {
  return [=](const Tensor& bias, Random& random) {
    for (Index i = 0; i < bias.size(); ++i) {
      const double dt = std::max(floor, std::exp(random.uniform(std::log(low), std::log(high))));
      bias.data()[i] = static_cast<Real>(dt + std::log(-std::expm1(-dt)));  // softplus^-1(dt)
    }
  };
}

Initializer torch_default(Index fan_in) { return uniform(1 / std::sqrt(static_cast<double>(fan_in))); }

}  // namespace init
}  // namespace seqtape::inline SEQTAPE_PRECISION
