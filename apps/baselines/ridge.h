#pragma once
// Ridge regression: linear maps by least squares with a penalty on the weights, in double.

#include <functional>
#include <string>
#include <vector>

#include "core/real.h"

namespace seqtape {

/// y = weights^T x + intercept.
struct LinearMap {
  Index features = 0, outputs = 0;
  double penalty = 0;
  std::vector<double> weights{};    ///< [features, outputs]
  std::vector<double> intercept{};  ///< [outputs]
  /// x [features] -> y [outputs]
  void apply(const float* x, float* y) const;
};

/// Cases to fit: x [cases, features], y [cases, outputs], none of them missing.
struct LinearCases {
  Index features = 0, outputs = 0;
  std::vector<float> x{}, y{};
  Index count() const { return outputs ? static_cast<Index>(y.size()) / outputs : 0; }
};

/// For each penalty r the map that minimises
///   sum over cases |y - ybar - w^T z|^2 + r cases |w|^2,  z = (x - mean) / deviation,
/// so that a penalty weighs every feature alike, whatever its unit and the number of cases; a feature without deviation
/// gets no weight. With Z [cases, features] it solves (Z^T Z + r cases) w = Z^T y, or, where there are fewer cases than
/// features, (Z Z^T + r cases) a = y and w = Z^T a: time cases * features * min + min^3 / 3 a penalty, memory 8 min^2
/// bytes. A penalty too small for the matrix to be positive definite gives no map. At least one case.
/// The same bits at any number of threads. `tell` hears of a long computation's progress, in words.
/// Source: Hoerl & Kennard 1970; the dual form: Saunders, Gammerman & Vovk 1998.
std::vector<LinearMap> fit_ridge(const LinearCases&, const std::vector<double>& penalties,
                                 const std::function<void(const std::string&)>& tell);

}  // namespace seqtape
