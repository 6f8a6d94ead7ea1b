#pragma once
// Compares gradients with central differences. Meant for the double build: float differences are noise at eps 1e-6.

#include <functional>
#include <string>

#include "autograd/tape.h"

namespace seqtape::inline SEQTAPE_PRECISION {

using Function = std::function<std::vector<Variable>(const std::vector<Variable>&)>;

/// PyTorch's gradcheck tolerances.
struct GradCheckOptions {
  double eps = 1e-6, atol = 1e-5, rtol = 1e-3;
};

/// Compares the full Jacobian of `f` at `inputs`: a row by each backward pass, a column by each central difference.
/// Every defined input is a leaf. Returns "" or the largest excess over the tolerances: input, element, output, both
/// numbers.
std::string gradcheck(const Function& f, const std::vector<Tensor>& inputs, const GradCheckOptions& = {});

}  // namespace seqtape::inline SEQTAPE_PRECISION
