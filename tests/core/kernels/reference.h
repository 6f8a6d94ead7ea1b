#pragma once
// Naive references in double: the definitions, one loop each, for kernels at sizes where a Jacobian is out of reach.

#include <cmath>
#include <vector>

#include "core/real.h"

namespace seqtape::reference {

using Array = std::vector<double>;

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

struct Scan {
  Index batch, length, channels, states;
  Array x, delta, a, b, c, skip, gate, bias, h0;
  Array y, h_last;
  Array dx, ddelta, da, db, dc, dskip, dgate, dbias, dh0;

  void forward() {
    y.assign(x.size(), 0);
    h_last = h0;
    for (Index s = 0; s < batch; ++s)
      for (Index t = 0; t < length; ++t)
        for (Index d = 0; d < channels; ++d) {
          const auto at = static_cast<std::size_t>((s * length + t) * channels + d);
          const double dt = softplus(delta[at] + bias[static_cast<std::size_t>(d)]);
          double sum = skip[static_cast<std::size_t>(d)] * x[at];
          for (Index n = 0; n < states; ++n) {
            double& h = h_last[static_cast<std::size_t>((s * channels + d) * states + n)];
            const auto row = static_cast<std::size_t>((s * length + t) * states + n);
            h = std::exp(dt * a[static_cast<std::size_t>(d * states + n)]) * h + dt * b[row] * x[at];
            sum += h * c[row];
          }
          y[at] = sum * gate[at] * sigmoid(gate[at]);
        }
  }
};

}  // namespace seqtape::reference
