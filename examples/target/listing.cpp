// The target "listing": a model's step as text, a line for each op.
#include "examples/target/listing.h"

#include "autograd/ops/ops.h"
#include "core/error.h"
#include "core/strings.h"
#include "models/export/refused.h"

namespace seqtape {
namespace {

// [lowerings]
/// An op whose operands say all.
template <class Op>
void plain(const Op& op, Listing& at) {
  at.write(op);
}
void embedding(const ops::Embedding& op, Listing& at) { at.write(op, {"ids"}); }
void rms_norm(const ops::RmsNorm& op, Listing& at) { at.write(op, {str("eps ", op.eps)}); }
void slice_last(const ops::SliceLast& op, Listing& at) { at.write(op, {str(op.begin, " .. ", op.begin + op.size)}); }
void scale(const ops::Scale& op, Listing& at) { at.write(op, {str(op.factor)}); }

}  // namespace

const ListingLowerings& listing_lowerings() {
  static const ListingLowerings all = [] {
    ListingLowerings forms("listing");
    forms.add(embedding);
    forms.add(plain<ops::Linear>);
    forms.add(plain<ops::Activate>);
    forms.add(plain<ops::Add>);
    forms.add(plain<ops::Multiply>);
    forms.add(plain<ops::Recurrence>);
    forms.add(plain<ops::DiagonalRecurrence>);
    forms.add(rms_norm);
    forms.add(slice_last);
    forms.add(scale);
    forms.refuse<ops::Softmax>("no model uses it outside attention");
    refuse_shared(forms);  // those that no target writes
    return forms;
  }();
  return all;
}

// [write]
void Listing::write(const AnyOp& op, const std::vector<std::string>& attributes) {
  std::string operands;
  for (const Tensor& input : values.in) {
    if (!input.defined()) continue;  // an operand that is absent
    const auto known = names.find(key_of(input));
    operands +=
        (operands.empty() ? "" : ", ") + (known == names.end() ? str("constant ", input.shape()) : known->second);
  }
  for (const std::string& attribute : attributes) operands += ", " + attribute;
  for (std::size_t i = 0; i < values.out.size(); ++i) {
    std::string& name = names[key_of(values.out[i])];
    name = str("v", ++count);
    text += (i ? ", " : "") + name;
  }
  text += str(" = ", op.name(), "(", operands, ")\n");
}

// [listing]
std::string listing_of(SequenceModel& model) {
  const TracedPass pass(model, true, {.batch = 1, .length = 1, .past = 3});
  std::map<ValueKey, std::string> names, changing;
  for (const Parameter* p : model.parameters()) names[key_of(p->variable.value())] = p->path;
  for (const NamedState& state : pass.states)
    changing[key_of(state.before)] = names[key_of(state.before)] = "state." + state.name;
  std::string text;
  Index count = 0;
  for (const Trace::Node& node : pass.nodes) {
    if (!depends_on(node, changing)) continue;  // of weights alone: its value would be stored
    Listing at{node.values, names, text, count};
    listing_lowerings().lower(node.op, at);
    for (const Tensor& output : node.values.out) changing[key_of(output)] = names.at(key_of(output));
  }
  return text;
}
// [rest]

}  // namespace seqtape
