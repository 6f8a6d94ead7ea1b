#pragma once
// An op as a value: its attributes, the names of its inputs and outputs, its checks, its forward, its backward and what
// it keeps for the backward. The tape, the replayed step of generation and the exporters all read the same value.
//
// An op is a struct of its attributes:
//
//   struct Scale {
//     enum : std::size_t { x };                                                      // its inputs, in order
//     static constexpr OpSchema schema{.name = "scale", .inputs = {"x"}, .outputs = {"y"}};
//     double factor = 1;
//     Shapes output_shapes(const Inputs&) const;                                     // checks first: ShapeError
//     void forward(const Operands&) const;                                           // fills every output
//     void backward(const Operands&, const OutputGrads& dy, Gradients& into) const;  // adds to the inputs' gradients
//   };
//
// and may have: `Index saved_size(const Inputs&) const`, the elements of Operands::saved; `const char* name() const`,
// when the name depends on the attributes; and `Tensor view(const Inputs&) const` in place of output_shapes and
// forward, when the output shares the input's memory.

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <typeindex>
#include <vector>

#include "autograd/variable.h"
#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {

class Gradients;

/// Positions among an op's inputs or outputs.
class Positions {
 public:
  constexpr Positions() = default;
  constexpr Positions(std::initializer_list<std::size_t> positions) {
    for (const std::size_t i : positions) bits_ |= 1u << i;
  }
  constexpr bool contains(std::size_t i) const { return (bits_ >> i & 1u) != 0; }
  constexpr bool any() const { return bits_ != 0; }

 private:
  unsigned bits_ = 0;
};

struct OpSchema {
  const char* name;                       ///< what tapes, errors and exports print
  const char* inputs[10] = {};            ///< in order, as the op's enum has them; one that ends in '?' may be absent
  const char* outputs[5] = {};            ///< in order
  Positions keeps{}, keeps_outputs = {};  ///< the inputs and outputs whose values the backward reads
  Positions states{};                     ///< the inputs that are the state before the first step; absent: zeros
  Index chunk = 0;  ///< steps after which the kernel goes on from a state or a tile; 0: it has none
};

using Shapes = std::vector<Shape>;
/// The gradients of an op's outputs: undefined where none arrived; at least one did.
using OutputGrads = std::vector<Tensor>;

/// The tensors that an op reads and writes. In a backward, those that its schema does not keep have only their shape.
struct Operands {
  std::vector<Tensor> in;  ///< undefined: an input that is absent
  std::vector<Tensor> out;
  Tensor saved{};  ///< further values from the forward for the backward; undefined when none will run
};

/// The inputs of an op while it checks them. A check that fails throws ShapeError "op: input must be [..], got [..]".
class Inputs {
 public:
  Inputs(const OpSchema& schema, const std::vector<Tensor>& tensors) : schema_(schema), tensors_(tensors) {}

  const Tensor& operator[](std::size_t i) const { return tensors_[i]; }
  bool has(std::size_t i) const { return tensors_[i].defined(); }

  /// `form`: the rank in letters, "[B, L, D]".
  void require_rank(std::size_t i, int rank, const char* form) const;
  /// It has at least so many axes.
  void require_axes(std::size_t i, int least) const;
  /// An absent input passes.
  void require_shape(std::size_t i, const Shape& shape) const;
  /// All inputs have the shape of the first.
  void require_same() const;
  /// Lengths, where given: one for each sequence, within [0, length].
  void require_lengths(const IndexTensor& lengths, Index batch, Index length) const;
  /// Starts of sequences within rows, where given: [batch, any], ascending in each row, within [0, length].
  void require_starts(const IndexTensor& starts, Index batch, Index length) const;
  [[noreturn]] void fail(const std::string& what) const;

 private:
  const OpSchema& schema_;
  const std::vector<Tensor>& tensors_;
};

/// An op of any type.
class AnyOp {
 public:
  template <class Op>
  AnyOp(Op op) : op_(std::make_shared<const Of<Op>>(std::move(op))) {}

  const OpSchema& schema() const { return op_->schema(); }
  const char* name() const { return op_->name(); }
  std::type_index type() const { return op_->type(); }
  /// The op, where it is of this type; otherwise null.
  template <class Op>
  const Op* as() const {
    const auto* const typed = dynamic_cast<const Of<Op>*>(op_.get());
    return typed ? &typed->op : nullptr;
  }

  /// Checks the inputs and allocates the outputs, uninitialised, or makes them views of an input.
  std::vector<Tensor> outputs(const Inputs& in) const;
  Index saved_size(const Inputs& in) const { return op_->saved_size(in); }
  /// Computes the outputs from the current values of the inputs.
  void forward(const Operands& values) const;
  void backward(const Operands& values, const OutputGrads& dy, Gradients& into) const;
  /// It has lengths of sequences, and they are given.
  bool has_lengths() const { return op_->has_lengths(); }
  /// It has starts of sequences within rows, and they are given.
  bool has_starts() const { return op_->has_starts(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual const OpSchema& schema() const = 0;
    virtual const char* name() const = 0;
    virtual std::type_index type() const = 0;
    virtual bool has_lengths() const = 0;
    virtual bool has_starts() const = 0;
#ifdef SEQTAPE_SABOTAGE
    virtual bool is_view() const = 0;
    /// The op as if every sequence were whole, or no row had two; null: it is so already.
    virtual std::shared_ptr<const Interface> without(bool lengths, bool starts) const = 0;
#endif
    virtual std::vector<Tensor> outputs(const Inputs&) const = 0;
    virtual Index saved_size(const Inputs&) const = 0;
    virtual void forward(const Operands&) const = 0;
    virtual void backward(const Operands&, const OutputGrads&, Gradients&) const = 0;
  };

  template <class Op>
  struct Of final : Interface {
    static constexpr bool kView = requires(const Op& one, const Inputs& in) { one.view(in); };
    explicit Of(Op value) : op(std::move(value)) {}
    const OpSchema& schema() const override { return Op::schema; }
    const char* name() const override {
      if constexpr (requires { op.name(); })
        return op.name();
      else
        return Op::schema.name;
    }
    std::type_index type() const override { return typeid(Op); }
    bool has_lengths() const override {
      if constexpr (requires { op.lengths.defined(); })
        return op.lengths.defined();
      else
        return false;
    }
    bool has_starts() const override {
      if constexpr (requires { op.starts.defined(); })
        return op.starts.defined();
      else
        return false;
    }
#ifdef SEQTAPE_SABOTAGE
    bool is_view() const override { return kView; }
    std::shared_ptr<const Interface> without(bool lengths, bool starts) const override {
      Op other = op;
      if (!(lengths && has_lengths()) && !(starts && has_starts())) return nullptr;
      if constexpr (requires { other.lengths.defined(); })
        if (lengths) other.lengths = {};
      if constexpr (requires { other.starts.defined(); })
        if (starts) other.starts = {};
      return std::make_shared<const Of>(std::move(other));
    }
#endif
    std::vector<Tensor> outputs(const Inputs& in) const override {
      if constexpr (kView) {
        return {op.view(in)};
      } else {
        std::vector<Tensor> all;
        for (const Shape& shape : op.output_shapes(in)) all.emplace_back(shape);
        return all;
      }
    }
    Index saved_size(const Inputs& in) const override {
      if constexpr (requires { op.saved_size(in); })
        return op.saved_size(in);
      else
        return 0;
    }
    void forward(const Operands& values) const override {
      if constexpr (!kView) op.forward(values);
    }
    void backward(const Operands& values, const OutputGrads& dy, Gradients& into) const override {
      op.backward(values, dy, into);
    }
    Op op;
  };

  std::shared_ptr<const Interface> op_;
};

/// Runs an op: checks, memory, forward. When a tape is active and an input requires a gradient, the outputs do too and
/// the op is recorded on it; an active trace records every op. Throws ShapeError or DataError.
std::vector<Variable> apply(const AnyOp& op, std::initializer_list<Variable> inputs);

/// Runs a pass of the op. Where memory has sentinels (core/pool.h), they are checked, and this op is named.
void run_guarded(const AnyOp& op, const Operands& values, const std::function<void()>& run);

/// The product of all extents but the last.
inline Index row_count(const Shape& shape) { return shape.back() ? shape.size() / shape.back() : 0; }

}  // namespace seqtape::inline SEQTAPE_PRECISION
