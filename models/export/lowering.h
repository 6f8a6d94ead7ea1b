#pragma once
// How an export target writes ops: a lowering for each type of op, or the reason why there is none.

#include <functional>
#include <map>
#include <typeindex>

#include "autograd/op.h"

namespace seqtape {

/// `Context`: what a lowering gets beside the op, to read its operands and to write.
template <class Context>
class Lowerings {
 public:
  /// `target`: "onnx", for messages.
  explicit Lowerings(const char* target) : target_(target) {}

  template <class Op>
  void add(void (*write)(const Op&, Context&)) {
    forms_[typeid(Op)] = [write](const AnyOp& op, Context& at) { write(*op.as<Op>(), at); };
  }
  /// Declares that the op has no form in the target, and why.
  template <class Op>
  void refuse(const char* why) {
    forms_[typeid(Op)] = [target = target_, why](const AnyOp& op, Context&) { not_supported(target, op, why); };
  }

  /// Whether the target has an entry for this type of op, a lowering or a refusal.
  bool answers(const AnyOp& op) const { return forms_.contains(op.type()); }
  /// Throws ConfigError for an op that is not supported.
  void lower(const AnyOp& op, Context& at) const {
    const auto form = forms_.find(op.type());
    if (form == forms_.end()) not_supported(target_, op, "no lowering has been written for it");
    form->second(op, at);
  }

 private:
  [[noreturn]] static void not_supported(const char* target, const AnyOp& op, const char* why) {
    throw ConfigError(str(target, ": the op \"", op.name(), "\" is not supported: ", why));
  }

  const char* target_;
  std::map<std::type_index, std::function<void(const AnyOp&, Context&)>> forms_;
};

}  // namespace seqtape
