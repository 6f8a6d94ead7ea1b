#pragma once
// What each op must give, written from its definition: plain loops in double over every index, without blocks, chunks,
// vectors or anything else of core/kernels. A gradient check holds a backward against the op's own forward, and float
// against double is the same code twice: neither sees an op that is consistently wrong. Compiled in both precisions.

#include <array>
#include <cmath>
#include <complex>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "autograd/op.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {

/// A tensor in double, indexed by x(b, t, d). One that is absent reads as 0 everywhere.
struct Plain {
  Shape shape{};
  std::vector<double> data{};
  bool defined = false;

  Plain() = default;
  /// Zeros.
  explicit Plain(const Shape& extents) : shape(extents), data(static_cast<std::size_t>(shape.size())), defined(true) {}
  explicit Plain(const Tensor& tensor)
      : shape(tensor.shape()), data(tensor.data(), tensor.data() + tensor.size()), defined(true) {}

  template <class... Indices>
  double& operator()(Indices... i) {
    return data.at(place(i...));
  }
  template <class... Indices>
  double operator()(Indices... i) const {
    return defined ? data.at(place(i...)) : 0;
  }
  Index dim(int i) const { return shape[i]; }
  /// The same numbers under another shape.
  Plain as(const Shape& extents) const {
    Plain other(extents);
    other.data = data;
    return other;
  }
  /// A state at the start of a scan.
  Plain or_zeros(const Shape& extents) const { return defined ? *this : Plain(extents); }

 private:
  template <class... Indices>
  std::size_t place(Indices... i) const {
    if (sizeof...(i) != static_cast<std::size_t>(shape.rank())) throw std::logic_error("as many indices as axes");
    Index at = 0;
    int axis = 0;
    ((at = at * shape[axis++] + i), ...);
    return static_cast<std::size_t>(at);
  }
};
using Plains = std::vector<Plain>;

/// Every output of the op, or throws std::logic_error for an op without a reference.
Plains reference_outputs(const AnyOp& op, const Plains& inputs);
/// The names of the ops that have a reference, by their schemas.
std::set<std::string> referenced_ops();

// To write references with.

/// The formula of an op: op and inputs to outputs.
struct Reference {
  std::string name;
  std::type_index type;
  std::function<Plains(const AnyOp&, const Plains&)> outputs;
};

/// A row of the table: formula(op, input, input ...), with the inputs in the schema's order, gives the output or, where
/// there are several, Plains.
template <class Op, class Formula>
Reference row(const Formula& formula) {
  constexpr std::size_t count = [] {
    std::size_t n = 0;
    while (n < std::size(Op::schema.inputs) && Op::schema.inputs[n]) ++n;
    return n;
  }();
  return {Op::schema.name, typeid(Op), [formula](const AnyOp& any, const Plains& in) {
            const auto call = [&]<std::size_t... I>(std::index_sequence<I...>) {
              return formula(*any.as<Op>(), in.at(I)...);
            };
            return Plains{call(std::make_index_sequence<count>())};
          }};
}

/// y with y(i, j, ...) = f(i, j, ...).
template <std::size_t N, class F>
Plain filled(const Index (&extents)[N], const F& f) {
  Plain y(Shape(extents, extents + N));
  for (std::size_t at = 0; at < y.data.size(); ++at) {
    std::array<Index, N> i{};
    auto rest = static_cast<Index>(at);
    for (std::size_t axis = N; axis-- > 0; rest /= extents[axis]) i[axis] = rest % extents[axis];
    y.data[at] = std::apply(f, i);
  }
  return y;
}

/// y of x's shape with y = f(x), elementwise.
template <class F>
Plain mapped(const Plain& x, const F& f) {
  Plain y = x;
  for (double& value : y.data) value = f(value);
  return y;
}

/// f(0) + f(1) + ... + f(n - 1)
template <class F>
auto sum(Index n, const F& f) {
  decltype(f(Index{0})) total{};
  for (Index i = 0; i < n; ++i) total += f(i);
  return total;
}

/// [..., n] as [rows, n].
inline Plain rows_of(const Plain& x) {
  const Index n = x.shape.back();
  return x.as({n ? x.shape.size() / n : 0, n});
}

/// Steps of sequence b: those at and beyond are padding.
inline Index steps_within(const IndexTensor& lengths, Index b, Index length) {
  return lengths.defined() ? lengths.data()[b] : length;
}

/// f(b, t) for every step of every sequence of [B, L, ...], in the order of time, without padding.
template <class F>
void each_step(const Plain& x, const IndexTensor& lengths, const F& f) {
  for (Index b = 0; b < x.dim(0); ++b)
    for (Index t = 0; t < steps_within(lengths, b, x.dim(1)); ++t) f(b, t);
}

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double softplus(double x) { return std::log1p(std::exp(x)); }

using Complex = std::complex<double>;

/// Where complex numbers are the pairs (re, im) of a last axis: x(i, ...), and its assignment.
template <class... Indices>
Complex pair(const Plain& x, Indices... i) {
  return {x(i..., Index{0}), x(i..., Index{1})};
}
template <class... Indices>
void set_pair(Plain& x, Complex value, Indices... i) {
  x(i..., Index{0}) = value.real();
  x(i..., Index{1}) = value.imag();
}

// The parts of the table, a file each.
std::vector<Reference> pointwise_references();
std::vector<Reference> layer_references();
std::vector<Reference> step_references();
std::vector<Reference> scan_references();

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
