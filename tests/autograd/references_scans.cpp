// References of ops with a state: one step after the other. And of what makes their coefficients.
#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"
#include "tests/support/reference.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {
namespace {

/// The continuous model's eigenvalue, by what is stored of it.
Complex eigenvalue(const Plain& log_real, const Plain& imag, Index h, Index n) {
  return {-std::exp(log_real(h, n)), imag(h, n)};
}

/// A new sequence begins at step t of row b.
bool starts_at(const IndexTensor& starts, Index b, Index t) {
  for (Index i = 0; starts.defined() && i < starts.dim(1); ++i)
    if (starts.data()[b * starts.dim(1) + i] == t) return true;
  return false;
}

}  // namespace

std::vector<Reference> scan_references() {
  return {
      // From a state to the next.

      // Elman 1990; Hochreiter & Schmidhuber 1997 with Gers et al. 2000; Cho et al. 2014: torch.nn's order of gates.
      row<ops::Recurrence>([](const ops::Recurrence& op, const Plain& gx, const Plain& weight, const Plain& bias,
                              const Plain& h0, const Plain& c0) {
        const Index batch = gx.dim(0), hidden = weight.dim(1);
        Plain y({batch, gx.dim(1), hidden}), h = h0.or_zeros({batch, hidden}), c = c0.or_zeros({batch, hidden});
        each_step(gx, op.lengths, [&](Index b, Index t) {
          const Plain before = h;
          for (Index i = 0; i < hidden; ++i) {
            const auto input = [&](Index gate) { return gx(b, t, gate * hidden + i); };
            const auto inner = [&](Index gate) {
              const Index r = gate * hidden + i;
              return bias(r) + sum(hidden, [&](Index j) { return weight(r, j) * before(b, j); });
            };
            const auto both = [&](Index gate) { return input(gate) + inner(gate); };
            if (op.cell == Cell::rnn_tanh) h(b, i) = std::tanh(both(0));
            if (op.cell == Cell::rnn_relu) h(b, i) = std::fmax(both(0), 0);
            if (op.cell == Cell::lstm) {
              c(b, i) = sigmoid(both(1)) * c(b, i) + sigmoid(both(0)) * std::tanh(both(2));
              h(b, i) = sigmoid(both(3)) * std::tanh(c(b, i));
            }
            if (op.cell == Cell::gru) {
              const double reset = sigmoid(both(0)), keep = sigmoid(both(1));
              h(b, i) = (1 - keep) * std::tanh(input(2) + reset * inner(2)) + keep * before(b, i);
            }
            y(b, t, i) = h(b, i);
          }
        });
        return op.cell == Cell::lstm ? Plains{y, h, c} : Plains{y, h};
      }),
      row<ops::DiagonalRecurrence>(
          [](const ops::DiagonalRecurrence& op, const Plain& a, const Plain& x, const Plain& h0) {
            Plain y(x.shape), h = h0.or_zeros({x.dim(0), x.dim(2)});
            each_step(x, op.lengths, [&](Index b, Index t) {
              for (Index d = 0; d < x.dim(2); ++d) y(b, t, d) = h(b, d) = a(b, t, d) * h(b, d) + x(b, t, d);
            });
            return Plains{y, h};
          }),
      row<ops::ComplexDiagonalRecurrence>(
          [](const ops::ComplexDiagonalRecurrence& op, const Plain& a, const Plain& x, const Plain& h0) {
            const Index n = a.dim(1);  // real parts first, then imaginary ones
            Plain y(x.shape), h = h0.or_zeros({x.dim(0), x.dim(2)});
            each_step(x, op.lengths, [&](Index b, Index t) {
              for (Index d = 0; d < n; ++d) {
                const Complex next = Complex(a(Index{0}, d), a(Index{1}, d)) * Complex(h(b, d), h(b, n + d)) +
                                     Complex(x(b, t, d), x(b, t, n + d));
                y(b, t, d) = h(b, d) = next.real();
                y(b, t, n + d) = h(b, n + d) = next.imag();
              }
            });
            return Plains{y, h};
          }),
      // Gu & Dao 2023, algorithm 2.
      row<ops::SelectiveScan>([](const ops::SelectiveScan& op, const Plain& x, const Plain& delta, const Plain& a,
                                 const Plain& b, const Plain& c, const Plain& skip, const Plain& gate,
                                 const Plain& delta_bias, const Plain& h0) {
        Plain y(x.shape), h = h0.or_zeros({x.dim(0), x.dim(2), a.dim(1)});
        each_step(x, op.lengths, [&](Index s, Index t) {
          for (Index d = 0; d < x.dim(2); ++d) {
            const double raw = delta(s, t, d) + delta_bias(d), dt = op.delta_softplus ? softplus(raw) : raw;
            double out = skip(d) * x(s, t, d);
            for (Index n = 0; n < a.dim(1); ++n) {
              h(s, d, n) = std::exp(dt * a(d, n)) * h(s, d, n) + dt * b(s, t, n) * x(s, t, d);
              out += c(s, t, n) * h(s, d, n);
            }
            y(s, t, d) = gate.defined ? out * gate(s, t, d) * sigmoid(gate(s, t, d)) : out;
          }
        });
        return Plains{y, h};
      }),
      // Dao & Gu 2024, section 6: the same with one a for all states of a head; heads/G heads share a B and a C.
      row<ops::Ssd>([](const ops::Ssd& op, const Plain& x, const Plain& delta, const Plain& a, const Plain& b,
                       const Plain& c, const Plain& skip, const Plain& h0) {
        const Index heads = a.dim(0), width = x.dim(2) / heads, states = b.dim(2) / op.groups;
        Plain y(x.shape), h = h0.or_zeros({x.dim(0), x.dim(2), states});
        each_step(x, op.lengths, [&](Index s, Index t) {
          for (Index d = 0; d < x.dim(2); ++d) {
            const Index head = d / width, group = head / (heads / op.groups);
            const double dt = delta(s, t, head);
            double out = skip(head) * x(s, t, d);
            for (Index n = 0; n < states; ++n) {
              h(s, d, n) = std::exp(dt * a(head)) * h(s, d, n) + dt * x(s, t, d) * b(s, t, group * states + n);
              out += c(s, t, group * states + n) * h(s, d, n);
            }
            y(s, t, d) = out;
          }
        });
        return Plains{y, h};
      }),
      // Gu et al. 2022 (S4), section 3 and appendix C.2: N states stand for N conjugate pairs, so that a product over
      // the whole state is twice a real part.
      row<ops::SsmScan>([](const ops::SsmScan& op, const Plain& u, const Plain& a, const Plain& b, const Plain& c,
                           const Plain& p, const Plain& q, const Plain& r, const Plain& s0) {
        const Index batch = u.dim(0), heads = u.dim(2), states = a.dim(1);
        Plain y(u.shape), s = s0.or_zeros({batch, heads, states, 2});
        each_step(u, op.lengths, [&](Index i, Index t) {
          for (Index h = 0; h < heads; ++h) {
            const auto along_p = [&] {
              return 2 * sum(states, [&](Index n) { return std::conj(pair(p, h, n)) * pair(s, i, h, n); }).real();
            };
            const double first = along_p();
            for (Index n = 0; n < states; ++n)
              set_pair(s, pair(a, h, n) * pair(s, i, h, n) - pair(q, h, n) * first + pair(b, h, n) * u(i, t, h), i, h,
                       n);
            const double second = along_p();
            for (Index n = 0; n < states; ++n) set_pair(s, pair(s, i, h, n) - pair(r, h, n) * second, i, h, n);
            y(i, t, h) = 2 * sum(states, [&](Index n) { return pair(c, h, n) * pair(s, i, h, n); }).real();
          }
        });
        return Plains{y, s};
      }),
      // The equations of core/kernels/matrix_recurrence.h, an update after the other.
      row<ops::MatrixRecurrence>([](const ops::MatrixRecurrence& op, const Plain& q, const Plain& k, const Plain& v,
                                    const Plain& a, const Plain& b, const Plain& beta, const Plain& g,
                                    const Plain& s0) {
        const Index heads = q.dim(2), keys = q.dim(3), values = v.dim(3);
        Plain y({q.dim(0), q.dim(1), heads, values}), s = s0.or_zeros({q.dim(0), heads, keys, values});
        each_step(q, op.lengths, [&](Index i, Index t) {
          for (Index h = 0; h < heads; ++h) {
            for (Index n = 0; n < keys && starts_at(op.starts, i, t); ++n)
              for (Index p = 0; p < values; ++p) s(i, h, n, p) = 0;
            for (Index w = h; w < op.updates * heads; w += heads) {  // the updates' rows of this head
              const auto decay = [&](Index n) {
                if (w != h || !g.defined) return 1.0;
                return std::exp(g.shape.rank() == 4 ? g(i, t, h, n) : g.shape.rank() == 1 ? g(h) : g(i, t, h));
              };
              const Plain before = s;
              for (Index p = 0; p < values; ++p) {
                const double read = sum(keys, [&](Index n) { return before(i, h, n, p) * a(i, t, w, n); });
                const double held = sum(keys, [&](Index n) { return decay(n) * before(i, h, n, p) * k(i, t, w, n); });
                for (Index n = 0; n < keys; ++n) {
                  const double erased = b.defined ? b(i, t, w, n) * read : k(i, t, w, n) * read;
                  const double written = beta.defined ? beta(i, t, w) * k(i, t, w, n) * (v(i, t, w, p) - held)
                                                      : k(i, t, w, n) * v(i, t, w, p);
                  s(i, h, n, p) = decay(n) * before(i, h, n, p) + erased + written;
                }
              }
            }
            for (Index p = 0; p < values; ++p)
              y(i, t, h, p) = op.scale * sum(keys, [&](Index n) { return s(i, h, n, p) * q(i, t, h, n); });
          }
        });
        return Plains{y, s};
      }),
      // Beck et al. 2024, eq. 19 to 27, without a stabiliser; the state is given and kept as e^-m of it.
      row<ops::Mlstm>([](const ops::Mlstm& op, const Plain& q, const Plain& k, const Plain& v, const Plain& input,
                         const Plain& forget, const Plain& s0, const Plain& m0) {
        const Index batch = q.dim(0), heads = q.dim(2), keys = q.dim(3), values = v.dim(3);
        Plain y(v.shape), s = s0.or_zeros({batch, heads, keys, values + 1}), m = m0.or_zeros({batch, heads});
        for (Index i = 0; i < batch; ++i)
          for (Index h = 0; h < heads; ++h)
            for (Index n = 0; n < keys; ++n)
              for (Index p = 0; p <= values; ++p) s(i, h, n, p) *= std::exp(m(i, h));
        each_step(q, op.lengths, [&](Index i, Index t) {
          for (Index h = 0; h < heads; ++h) {
            const bool start = starts_at(op.starts, i, t);
            const double keep = start ? 0 : sigmoid(forget(i, t, h)), write = std::exp(input(i, t, h));
            m(i, h) = std::max({(start ? 0 : m(i, h)) - softplus(-forget(i, t, h)), input(i, t, h), 0.0});
            for (Index n = 0; n < keys; ++n)
              for (Index p = 0; p <= values; ++p)
                s(i, h, n, p) = keep * s(i, h, n, p) + write * k(i, t, h, n) * (p < values ? v(i, t, h, p) : 1);
            const auto read = [&](Index p) {
              return sum(keys, [&](Index n) { return s(i, h, n, p) * q(i, t, h, n); }) / std::sqrt(keys);
            };
            for (Index p = 0; p < values; ++p) y(i, t, h, p) = read(p) / std::max(std::fabs(read(values)), 1.0);
          }
        });
        for (Index i = 0; i < batch; ++i)
          for (Index h = 0; h < heads; ++h)
            for (Index n = 0; n < keys; ++n)
              for (Index p = 0; p <= values; ++p) s(i, h, n, p) *= std::exp(-m(i, h));
        return Plains{y, s, m};
      }),
      // What makes their coefficients.

      row<ops::SsmDiscretize>([](const ops::SsmDiscretize& op, const Plain& log_dt, const Plain& log_real,
                                 const Plain& imag, const Plain& b) {
        Plain a_bar(b.shape), b_bar(b.shape);
        for (Index h = 0; h < b.dim(0); ++h)
          for (Index n = 0; n < b.dim(1); ++n) {
            const double dt = std::exp(log_dt(h));
            const Complex a = eigenvalue(log_real, imag, h, n);
            const auto [power, input] = [&]() -> std::pair<Complex, Complex> {
              switch (op.method) {
                case Discretization::zoh:  // Gupta et al. 2022, proposition 1
                  return {std::exp(dt * a), (std::exp(dt * a) - 1.0) / a};
                case Discretization::bilinear:  // Gu et al. 2022 (S4), eq. 3
                  return {(1.0 + dt / 2 * a) / (1.0 - dt / 2 * a), dt / (1.0 - dt / 2 * a)};
                case Discretization::euler:
                  return {1.0 + dt * a, dt};
              }
              throw std::logic_error("a discretisation without a reference");
            }();
            set_pair(a_bar, power, h, n);
            set_pair(b_bar, input * pair(b, h, n), h, n);
          }
        return Plains{a_bar, b_bar};
      }),
      // Woodbury's identity for (I - dt/2 A)^-1, A = diag(lambda) - P P^H. That ssm_scan's step with these coefficients
      // is the bilinear one of A itself is a law of its own (references_test.cpp).
      row<ops::DplrDiscretize>([](const auto&, const Plain& log_dt, const Plain& log_real, const Plain& imag,
                                  const Plain& p, const Plain& b) {
        Plain a_bar(p.shape), b_bar(p.shape), q(p.shape), r(p.shape);
        for (Index h = 0; h < p.dim(0); ++h) {
          const double half = std::exp(log_dt(h)) / 2;
          const auto inverse = [&](Index n) { return 1.0 / (1.0 - half * eigenvalue(log_real, imag, h, n)); };
          const double rho = 2 * sum(p.dim(1), [&](Index n) { return std::norm(pair(p, h, n)) * inverse(n); }).real();
          for (Index n = 0; n < p.dim(1); ++n) {
            set_pair(a_bar, inverse(n) * (1.0 + half * eigenvalue(log_real, imag, h, n)), h, n);
            set_pair(b_bar, 2 * half * inverse(n) * pair(b, h, n), h, n);
            set_pair(q, half * inverse(n) * pair(p, h, n), h, n);
            set_pair(r, half / (1 + half * rho) * inverse(n) * pair(p, h, n), h, n);
          }
        }
        return Plains{a_bar, b_bar, q, r};
      }),
  };
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
