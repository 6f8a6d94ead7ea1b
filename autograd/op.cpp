#include "autograd/op.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "autograd/tape.h"
#include "autograd/trace.h"
#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

bool optional(const char* input) { return std::string_view(input).ends_with('?'); }

std::string_view without_mark(const char* input) {
  const std::string_view name = input;
  return optional(input) ? name.substr(0, name.size() - 1) : name;
}

/// The operands for the backward: of tensors that it does not read only the shapes, so that their memory is freed.
Operands kept(const OpSchema& schema, Operands values) {
  for (std::size_t i = 0; i < values.in.size(); ++i)
    if (!schema.keeps.contains(i)) values.in[i] = values.in[i].shape_only();
  for (std::size_t i = 0; i < values.out.size(); ++i)
    if (!schema.keeps_outputs.contains(i)) values.out[i] = values.out[i].shape_only();
  return values;
}

/// "selective_scan of x [2, 5, 3], delta [2, 5, 3]"
std::string described(const AnyOp& op, const Operands& values) {
  std::string text = op.name();
  for (std::size_t i = 0; i < values.in.size(); ++i)
    if (values.in[i].size() != 1 || values.in[i].defined())
      text += str(i == 0 ? " of " : ", ", without_mark(op.schema().inputs[i]), " ", values.in[i].shape());
  return text;
}

}  // namespace

void run_guarded(const AnyOp& op, const Operands& values, const std::function<void()>& run) {
  if (!pool::sentinels()) return run();
  const pool::Work work([&] { return described(op, values); });
  run();
  for (const Tensor& output : values.out) output.check_sentinels();
  values.saved.check_sentinels();
}

#ifndef SEQTAPE_SABOTAGE  // sabotage.cpp has those that can be wrong
std::vector<Tensor> AnyOp::outputs(const Inputs& in) const { return op_->outputs(in); }
void AnyOp::forward(const Operands& values) const { op_->forward(values); }
void AnyOp::backward(const Operands& values, const OutputGrads& dy, Gradients& into) const {
  op_->backward(values, dy, into);
}
#endif

void Inputs::fail(const std::string& what) const { throw ShapeError(str(schema_.name, ": ", what)); }

void Inputs::require_rank(std::size_t i, int rank, const char* form) const {
  if (tensors_[i].shape().rank() != rank)
    fail(str(without_mark(schema_.inputs[i]), " must be ", form, ", got ", tensors_[i].shape()));
}

void Inputs::require_axes(std::size_t i, int least) const {
  if (tensors_[i].shape().rank() < least)
    fail(str(without_mark(schema_.inputs[i]), " must have at least ", least, least == 1 ? " axis" : " axes", ", got ",
             tensors_[i].shape()));
}

void Inputs::require_shape(std::size_t i, const Shape& shape) const {
  if (has(i) && !(tensors_[i].shape() == shape))
    fail(str(without_mark(schema_.inputs[i]), " must be ", shape, ", got ", tensors_[i].shape()));
}

void Inputs::require_same() const {
  for (std::size_t i = 1; i < tensors_.size(); ++i)
    if (!(tensors_[i].shape() == tensors_[0].shape()))
      fail(str("shapes differ: ", without_mark(schema_.inputs[0]), " ", tensors_[0].shape(), ", ",
               without_mark(schema_.inputs[i]), " ", tensors_[i].shape()));
}

void Inputs::require_lengths(const IndexTensor& lengths, Index batch, Index length) const {
  if (!lengths.defined()) return;
  if (lengths.size() != batch) fail(str("lengths must be [", batch, "], got ", lengths.shape()));
  for (Index i = 0; i < batch; ++i)
    if (lengths.data()[i] < 0 || lengths.data()[i] > length)
      fail(str("lengths[", i, "] must be in [0, ", length, "], got ", lengths.data()[i]));
}

void Inputs::require_starts(const IndexTensor& starts, Index batch, Index length) const {
  if (!starts.defined()) return;
  if (starts.shape().rank() != 2 || starts.dim(0) != batch)
    fail(str("starts must be [", batch, ", S], got ", starts.shape()));
  const Index most = starts.dim(1);
  for (Index i = 0; i < batch * most; ++i) {
    const Index here = starts.data()[i], before = i % most ? starts.data()[i - 1] : 0;
    const std::string place = str("starts[", i / most, ", ", i % most, "]");
    if (here < 0 || here > length) fail(str(place, " must be in [0, ", length, "], got ", here));
    if (here < before) fail(str(place, " must not be before the start in front of it, ", before, ", got ", here));
  }
}

std::vector<Variable> apply(const AnyOp& op, std::initializer_list<Variable> inputs) {
  Operands values;
  values.in.reserve(inputs.size());
  for (const Variable& input : inputs) values.in.push_back(input.value());
  const Inputs in(op.schema(), values.in);
  for (std::size_t i = 0; i < values.in.size(); ++i)
    if (!in.has(i) && !optional(op.schema().inputs[i])) in.fail(str(op.schema().inputs[i], " is missing"));
  values.out = op.outputs(in);

  Tape* const tape = Tape::current();
  const bool wanted =
      tape && std::any_of(inputs.begin(), inputs.end(), [](const Variable& x) { return x.requires_grad(); });
  if (const Index size = wanted ? op.saved_size(in) : 0) values.saved = Tensor(Shape{size});
  run_guarded(op, values, [&] { op.forward(values); });
  if (tape && tape->checks_numbers()) require_finite(values.out, op.name(), "the output");

  std::vector<Variable> outputs;
  outputs.reserve(values.out.size());
  for (const Tensor& output : values.out) outputs.emplace_back(output, wanted);
  if (Trace* const trace = Trace::current()) trace->add({op, values});
  if (wanted) {
    Tape::Node node{op, kept(op.schema(), std::move(values)), {}, {}};
    for (const Variable& input : inputs) node.inputs.push_back(input.slot());
    for (const Variable& output : outputs) node.outputs.push_back(output.slot());
    tape->push(std::move(node));
  }
  return outputs;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
