#pragma once
// Modules: parts of a model with named parameters.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/parameter.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// A layer's handle on one of its parameters; converts to its Variable once the model is allocated.
class Weight {
 public:
  Weight() = default;
  explicit Weight(std::shared_ptr<Parameter> parameter) : parameter_(std::move(parameter)) {}
  operator const Variable&() const { return parameter_ ? parameter_->variable : none(); }
  const Variable& operator*() const { return *this; }
  bool defined() const { return parameter_ != nullptr; }

 private:
  static const Variable& none();
  std::shared_ptr<Parameter> parameter_;
};

/// Owns parameters and names its submodules; `collect` walks the tree and gives every parameter its path.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  /// Every parameter once, in the order of declaration, with paths set below `prefix`.
  std::vector<Parameter*> collect(const std::string& prefix = "");

 protected:
  /// Declares a parameter.
  Weight parameter(const std::string& name, const Shape& shape, Initializer init, const ParameterRule& rule = {});
  /// Registers a submodule, which must live as long as this module.
  void part(const std::string& name, Module& module) { parts_.emplace_back(name, &module, nullptr); }

 private:
  struct Part {
    Part(std::string name_, Module* module_, std::shared_ptr<Parameter> parameter_)
        : name(std::move(name_)), module(module_), parameter(std::move(parameter_)) {}
    std::string name;
    Module* module;  // null: the part is a parameter
    std::shared_ptr<Parameter> parameter;
  };
  std::vector<Part> parts_;
};

/// Gives the parameters memory and initial values. Each draws from a stream of its own, by path: adding a parameter
/// changes no other's values.
void allocate(const std::vector<Parameter*>& parameters, std::uint64_t seed);

namespace init {
Initializer constant(double value);
inline Initializer zeros() { return constant(0); }
inline Initializer ones() { return constant(1); }
/// N(0, deviation^2).
Initializer normal(double deviation);
/// Uniform in [-bound, bound).
Initializer uniform(double bound);
/// PyTorch's default for Linear and Conv1d weights and biases: uniform within 1/sqrt(fan_in).
Initializer torch_default(Index fan_in);
/// Biases whose softplus is log-uniform in [low, high], at least `floor`: Mamba's dt_bias.
Initializer step_sizes(double low, double high, double floor);
}  // namespace init

}  // namespace seqtape::inline SEQTAPE_PRECISION
