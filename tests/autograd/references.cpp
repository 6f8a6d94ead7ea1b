// The table of references, and those of ops on each number by itself: elementwise functions, losses, slices.
#include <cmath>

#include "autograd/ops/ops.h"
#include "core/sequence_shape.h"
#include "tests/support/reference.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {
namespace {

double activated(Activation f, double x) {
  const double pi = 3.14159265358979323846;
  switch (f) {
    case Activation::silu:
      return x * sigmoid(x);
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::relu:
      return x > 0 ? x : 0;
    case Activation::gelu:  // Hendrycks & Gimpel 2016: x Phi(x), and its approximation
      return x * (1 + std::erf(x / std::sqrt(2))) / 2;
    case Activation::gelu_tanh:
      return x * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * x * x * x))) / 2;
    case Activation::softplus:
      return softplus(x);
    case Activation::exp:
      return std::exp(x);
    case Activation::negative_exp:
      return -std::exp(x);
  }
  throw std::logic_error("an activation without a reference");
}

const std::vector<Reference>& table() {
  static const std::vector<Reference> all = [] {
    std::vector<Reference> rows;
    for (const auto& part : {pointwise_references(), layer_references(), step_references(), scan_references()})
      rows.insert(rows.end(), part.begin(), part.end());
    return rows;
  }();
  return all;
}

}  // namespace

Plains reference_outputs(const AnyOp& op, const Plains& inputs) {
  for (const Reference& reference : table())
    if (reference.type == op.type()) return reference.outputs(op, inputs);
  throw std::logic_error(str(op.name(), " has no reference in tests/autograd/references*.cpp"));
}

std::set<std::string> referenced_ops() {
  std::set<std::string> names;
  for (const Reference& reference : table()) names.insert(reference.name);
  return names;
}

std::vector<Reference> pointwise_references() {
  return {
      row<ops::Activate>([](const ops::Activate& op, const Plain& x) {
        return mapped(x, [&](double value) { return activated(op.f, value); });
      }),
      row<ops::Scale>([](const ops::Scale& op, const Plain& x) {
        return mapped(x, [&](double value) { return op.factor * value; });
      }),
      row<ops::Add>([](const auto&, const Plain& a, const Plain& b) {
        Plain y = a;
        for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] = a.data[i] + b.data[i];
        return y;
      }),
      row<ops::Multiply>([](const auto&, const Plain& a, const Plain& b) {
        Plain y = a;
        for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] = a.data[i] * b.data[i];
        return y;
      }),
      row<ops::Glu>([](const auto&, const Plain& x) {  // Dauphin et al. 2017, eq. 1
        const Plain in = rows_of(x);
        const Index n = in.dim(1) / 2;
        return filled({in.dim(0), n}, [&](Index r, Index i) { return in(r, i) * sigmoid(in(r, n + i)); })
            .as(x.shape.with_back(n));
      }),
      // Which elements stay is a choice, not mathematics: the random number at (key, sequence, step, channel) decides.
      // That the choice is random is a law of its own (references_test.cpp).
      row<ops::Dropout>([](const ops::Dropout& op, const Plain& x) {
        return filled({x.dim(0), x.dim(1), x.dim(2)}, [&](Index b, Index t, Index d) {
          const auto place = static_cast<std::uint64_t>((op.key.step + t) * x.dim(2) + d);
          const std::uint32_t bits =
              philox(op.key.key, place / 4, static_cast<std::uint64_t>(op.key.sequence + b))[place % 4];
          return bits * 0x1p-32 < op.rate ? 0 : x(b, t, d) / (1 - op.rate);
        });
      }),
      // - log of the densities as they are written in tables, and the check function of a quantile.
      row<ops::DistributionLoss>([](const ops::DistributionLoss& op, const Plain& outputs) {
        using Kind = Distribution::Kind;
        const Distribution& of = op.distribution;
        const Index width = of.width();
        double total = 0, scored = 0;
        for (Index i = 0; i < op.target.size(); ++i) {
          const auto y = static_cast<double>(op.target.data()[i]);
          if (std::isnan(y)) continue;
          ++scored;
          const double* o = outputs.data.data() + i * width;
          if (of.kind == Kind::point) total += (y - o[0]) * (y - o[0]);
          if (of.kind == Kind::quantiles)
            total += sum(width,
                         [&](Index q) {
                           const double level = of.levels[static_cast<std::size_t>(q)];
                           return y >= o[q] ? level * (y - o[q]) : (1 - level) * (o[q] - y);
                         }) /
                     static_cast<double>(width);
          const double s = width == 2 ? std::log(1 + std::exp(o[1])) + 1e-3 : 1;
          if (of.kind == Kind::gaussian)
            total -= std::log(std::exp(-(y - o[0]) * (y - o[0]) / (2 * s * s)) / (s * std::sqrt(2 * std::numbers::pi)));
          if (of.kind == Kind::student_t)
            total -= std::log(std::tgamma((of.degrees + 1) / 2) /
                              (std::tgamma(of.degrees / 2) * std::sqrt(of.degrees * std::numbers::pi) * s) *
                              std::pow(1 + std::pow((y - o[0]) / s, 2) / of.degrees, -(of.degrees + 1) / 2));
        }
        Plain loss{Shape{}};
        loss() = scored > 0 ? total / scored : 0;
        return loss;
      }),
      row<ops::MseLoss>([](const auto&, const Plain& x, const Plain& target) {
        Plain loss{Shape{}};
        for (std::size_t i = 0; i < x.data.size(); ++i)
          loss() += std::pow(x.data[i] - target.data[i], 2) / static_cast<double>(x.data.size());
        return loss;
      }),
      // Smoothing: Szegedy et al. 2016, section 7.
      row<ops::CrossEntropy>([](const ops::CrossEntropy& op, const Plain& logits) {
        const Plain in = rows_of(logits);
        const Index classes = in.dim(1);
        double total = 0, weights = 0;
        for (Index r = 0; r < in.dim(0); ++r) {
          if (op.target.data()[r] == kIgnore) continue;
          const double weight = op.weight.defined() ? static_cast<double>(op.weight.data()[r]) : 1;
          const double normaliser = sum(classes, [&](Index c) { return std::exp(in(r, c)); });
          total -= weight * sum(classes, [&](Index c) {
                     const double wanted = (1 - op.label_smoothing) * (c == op.target.data()[r] ? 1 : 0) +
                                           op.label_smoothing / static_cast<double>(classes);
                     return wanted * std::log(std::exp(in(r, c)) / normaliser);
                   });
          weights += weight;
        }
        Plain loss{Shape{}};
        loss() = weights > 0 ? total / weights : 0;
        return loss;
      }),
      row<ops::Reshape>([](const ops::Reshape& op, const Plain& x) { return x.as(op.shape); }),
      row<ops::Transpose>([](const auto&, const Plain& x) {
        const Index m = x.dim(-2), n = x.dim(-1);
        const Plain in = x.as({n ? x.shape.size() / (m * n) : 0, m, n});
        Shape turned(x.shape.begin(), x.shape.end() - 2);
        turned.push_back(n);
        turned.push_back(m);
        return filled({in.dim(0), n, m}, [&](Index b, Index i, Index j) { return in(b, j, i); }).as(turned);
      }),
      row<ops::SliceFirst>([](const ops::SliceFirst& op, const Plain& x) {
        Shape shape{op.end - op.begin};
        for (int axis = 1; axis < x.shape.rank(); ++axis) shape.push_back(x.dim(axis));
        const Plain in = x.as({x.dim(0), x.dim(0) ? x.shape.size() / x.dim(0) : 0});
        return filled({shape[0], in.dim(1)}, [&](Index i, Index j) { return in(op.begin + i, j); }).as(shape);
      }),
      row<ops::SliceLast>([](const ops::SliceLast& op, const Plain& x) {
        const Plain in = rows_of(x);
        return filled({in.dim(0), op.size}, [&](Index r, Index i) { return in(r, op.begin + i); })
            .as(x.shape.with_back(op.size));
      }),
  };
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
