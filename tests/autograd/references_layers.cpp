// References of ops that mix the channels of a step or the steps of a sequence: products, norms, attention,
// convolutions; and of those that move steps.
#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"
#include "tests/support/reference.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {
namespace {

/// A sequence [B, L, ...] as [B, L, n].
Plain steps_of_numbers(const Plain& x) {
  const Index steps = x.dim(0) * x.dim(1);
  return x.as({x.dim(0), x.dim(1), steps ? x.shape.size() / steps : 0});
}

}  // namespace

std::vector<Reference> layer_references() {
  return {
      row<ops::Linear>([](const auto&, const Plain& x, const Plain& weight, const Plain& bias) {
        const Plain in = rows_of(x);
        return filled({in.dim(0), weight.dim(0)},
                      [&](Index r, Index o) {
                        return bias(o) + sum(in.dim(1), [&](Index i) { return in(r, i) * weight(o, i); });
                      })
            .as(x.shape.with_back(weight.dim(0)));
      }),
      row<ops::BlockLinear>([](const auto&, const Plain& x, const Plain& weight, const Plain& bias) {
        const Plain in = rows_of(x);
        const Index outputs = weight.dim(1), inputs = weight.dim(2);
        return filled({in.dim(0), weight.dim(0) * outputs},
                      [&](Index r, Index c) {
                        const Index g = c / outputs;
                        return bias(c) +
                               sum(inputs, [&](Index i) { return in(r, g * inputs + i) * weight(g, c % outputs, i); });
                      })
            .as(x.shape.with_back(weight.dim(0) * outputs));
      }),
      row<ops::Embedding>([](const ops::Embedding& op, const Plain& table) {
        Shape shape = op.ids.shape();
        shape.push_back(table.dim(1));
        return filled({op.ids.size(), table.dim(1)},
                      [&](Index r, Index i) { return table(Index{op.ids.data()[r]}, i); })
            .as(shape);
      }),
      row<ops::ScaleColumns>([](const auto&, const Plain& x, const Plain& weight) {
        const Plain in = rows_of(x);
        return filled({in.dim(0), in.dim(1)}, [&](Index r, Index i) { return in(r, i) * weight(i); }).as(x.shape);
      }),
      row<ops::Softmax>([](const auto&, const Plain& x) {
        const Plain in = rows_of(x);
        return filled({in.dim(0), in.dim(1)},
                      [&](Index r, Index i) {
                        return std::exp(in(r, i)) / sum(in.dim(1), [&](Index j) { return std::exp(in(r, j)); });
                      })
            .as(x.shape);
      }),
      row<ops::RmsNorm>([](const ops::RmsNorm& op, const Plain& x, const Plain& weight) {  // Zhang & Sennrich 2019
        const Plain in = rows_of(x);
        const auto n = static_cast<double>(in.dim(1));
        return filled({in.dim(0), in.dim(1)},
                      [&](Index r, Index i) {
                        const double square = sum(in.dim(1), [&](Index j) { return in(r, j) * in(r, j); }) / n;
                        return in(r, i) / std::sqrt(square + op.eps) * weight(i);
                      })
            .as(x.shape);
      }),
      row<ops::LayerNorm>([](const ops::LayerNorm& op, const Plain& x, const Plain& weight, const Plain& bias) {
        const Plain in = rows_of(x);  // Ba et al. 2016
        const auto n = static_cast<double>(in.dim(1));
        return filled({in.dim(0), in.dim(1)},
                      [&](Index r, Index i) {
                        const double mean = sum(in.dim(1), [&](Index j) { return in(r, j); }) / n;
                        const double variance =
                            sum(in.dim(1), [&](Index j) { return std::pow(in(r, j) - mean, 2); }) / n;
                        return (in(r, i) - mean) / std::sqrt(variance + op.eps) * weight(i) + bias(i);
                      })
            .as(x.shape);
      }),
      row<ops::GatedNorm>([](const ops::GatedNorm& op, const Plain& x, const Plain& z, const Plain& weight,
                             const Plain& c, const Plain& skip) {
        const Plain gate = rows_of(z), skipped = c.defined ? rows_of(c) : Plain();
        const Plain in = x.as(gate.shape);
        const Index width = gate.dim(1) / op.groups;
        const auto silu = [&](Index r, Index i) { return gate(r, i) * sigmoid(gate(r, i)); };
        const auto normed = [&](Index r, Index i) { return in(r, i) * (op.gate_first ? silu(r, i) : 1); };
        return filled({gate.dim(0), gate.dim(1)},
                      [&](Index r, Index i) {
                        const auto over_group = [&](const auto& term) {
                          return sum(width, [&](Index j) { return term(normed(r, i / width * width + j)); }) /
                                 static_cast<double>(width);
                        };
                        const double mean = op.centred ? over_group([](double u) { return u; }) : 0;
                        const double variance = over_group([&](double u) { return std::pow(u - mean, 2); });
                        const double y =
                            (normed(r, i) - mean) / std::sqrt(variance + op.eps) * weight(i % weight.dim(0));
                        return op.gate_first ? y : (y + skip(i) * skipped(r, i)) * silu(r, i);
                      })
            .as(z.shape);
      }),
      // Vaswani et al. 2017, eq. 1, with a cache: keys come before the queries' own. ALiBi: Press et al. 2022.
      row<ops::Attention>([](const ops::Attention& op, const Plain& q, const Plain& k, const Plain& v) {
        const Index cached = k.dim(1) - q.dim(1), heads = q.dim(2), dim = q.dim(3);
        Plain y(q.shape);
        each_step(q, op.lengths, [&](Index b, Index t) {
          const Index end = cached + (op.causal ? t + 1 : steps_within(op.lengths, b, q.dim(1)));
          for (Index h = 0; h < heads; ++h) {
            const auto weight = [&](Index j) {
              const double product = sum(dim, [&](Index d) { return q(b, t, h, d) * k(b, j, h, d); });
              const double slope = std::pow(2, -8.0 * static_cast<double>(h + 1) / static_cast<double>(heads));
              const auto distance = static_cast<double>(std::abs(cached + t - j));
              return std::exp(op.scale * product - (op.alibi ? slope * distance : 0));
            };
            const double total = sum(end, weight);
            for (Index d = 0; d < dim; ++d)
              y(b, t, h, d) = sum(end, [&](Index j) { return weight(j) / total * v(b, j, h, d); });
          }
        });
        return y;
      }),
      // Su et al. 2021, eq. 15, with the pairs (i, i + dim/2) of GPT-NeoX; an odd last channel stays.
      row<ops::Rotary>([](const ops::Rotary& op, const Plain& x) {
        const Index dim = x.dim(3), half = dim / 2;
        return filled({x.dim(0), x.dim(1), x.dim(2), dim}, [&](Index b, Index t, Index h, Index d) {
          if (d >= 2 * half) return x(b, t, h, d);
          const Index pair = d % half;
          const double angle = static_cast<double>(op.offset + t) *
                               std::pow(op.base, -2 * static_cast<double>(pair) / static_cast<double>(dim));
          const double first = x(b, t, h, pair), second = x(b, t, h, pair + half);
          return d < half ? std::cos(angle) * first - std::sin(angle) * second
                          : std::sin(angle) * first + std::cos(angle) * second;
        });
      }),
      row<ops::RotaryScan>([](const ops::RotaryScan& op, const Plain& q, const Plain& k, const Plain& start) {
        Plain turned_q(q.shape), turned_k(q.shape), end = start.or_zeros({q.dim(0)});
        const Index dim = q.dim(3), half = dim / 2;
        each_step(q, op.lengths, [&](Index b, Index t) {
          for (Index h = 0; h < q.dim(2); ++h)
            for (const auto& [x, y] : {std::pair{&q, &turned_q}, {&k, &turned_k}}) {
              for (Index i = 0; i < half; ++i) {
                const double angle = end(b) * std::pow(op.base, -2 * static_cast<double>(i) / static_cast<double>(dim));
                const Complex turned = std::polar(1.0, angle) * Complex((*x)(b, t, h, i), (*x)(b, t, h, i + half));
                (*y)(b, t, h, i) = turned.real();
                (*y)(b, t, h, i + half) = turned.imag();
              }
              if (dim % 2) (*y)(b, t, h, dim - 1) = (*x)(b, t, h, dim - 1);
            }
          end(b) += 1;
        });
        return Plains{turned_q, turned_k, end};
      }),
      row<ops::CausalConv1d>([](const ops::CausalConv1d& op, const Plain& x, const Plain& weight, const Plain& bias,
                                const Plain& window) {
        const Index taps = weight.dim(1), before = taps - 1;
        const auto at = [&](Index b, Index t, Index d) { return t < 0 ? window(b, before + t, d) : x(b, t, d); };
        Plain y(x.shape);
        each_step(x, op.lengths, [&](Index b, Index t) {
          for (Index d = 0; d < x.dim(2); ++d) {
            const double out = bias(d) + sum(taps, [&](Index k) { return weight(d, k) * at(b, t - before + k, d); });
            y(b, t, d) = op.silu ? out * sigmoid(out) : out;
          }
        });
        return Plains{y, filled({x.dim(0), before, x.dim(2)}, [&](Index b, Index t, Index d) {
                        return at(b, steps_within(op.lengths, b, x.dim(1)) - before + t, d);
                      })};
      }),
      row<ops::Frames>([](const ops::Frames& op, const Plain& x, const Plain& before) {
        const Index width = x.dim(2), carried = before.defined ? before.dim(1) : op.size - op.stride;
        const Index since = carried - (op.size - op.stride), count = (since + x.dim(1)) / op.stride;
        const auto at = [&](Index b, Index t, Index d) { return t < 0 ? before(b, carried + t, d) : x(b, t, d); };
        return Plains{filled({x.dim(0), count, op.size * width},
                             [&](Index b, Index i, Index c) {
                               return at(b, (i + 1) * op.stride - since - op.size + c / width, c % width);
                             }),
                      filled({x.dim(0), carried + x.dim(1) - count * op.stride, width},
                             [&](Index b, Index t, Index d) { return at(b, count * op.stride - carried + t, d); })};
      }),
      // Keras' MelSpectrogram: a transform of a Hann window's frame, and triangles of the HTK Book's mel scale.
      row<ops::LogMel>([](const ops::LogMel& op, const Plain& x) {
        const Plain in = rows_of(x);
        const MelBands& bands = op.bands;
        Index n = 1;
        while (n < bands.window) n *= 2;
        const double pi = std::acos(-1.0);
        const auto power = [&](Index r, Index k) {
          return std::norm(sum(bands.window, [&](Index t) {
            const auto time = static_cast<double>(t);
            const double hann = 0.5 - 0.5 * std::cos(2 * pi * time / static_cast<double>(bands.window));
            return std::polar(in(r, t) * hann, -2 * pi * time * static_cast<double>(k) / static_cast<double>(n));
          }));
        };
        const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
        const auto edge = [&](Index j) {
          return mel(bands.low) +
                 static_cast<double>(j) * (mel(bands.high) - mel(bands.low)) / static_cast<double>(bands.bands + 1);
        };
        const auto weight = [&](Index j, Index k) {
          const double at = mel(static_cast<double>(k) * bands.rate / static_cast<double>(n));
          const double up = (at - edge(j)) / (edge(j + 1) - edge(j)),
                       down = (edge(j + 2) - at) / (edge(j + 2) - edge(j + 1));
          return std::max(0.0, std::min(up, down));
        };
        return filled({in.dim(0), bands.bands},
                      [&](Index r, Index j) {
                        const double all = sum(n / 2, [&](Index k) { return weight(j, k + 1) * power(r, k + 1); });
                        return std::log10(std::max(all, 1e-10));
                      })
            .as(x.shape.with_back(bands.bands));
      }),
      row<ops::LongConv>([](const auto&, const Plain& u, const Plain& k, const Plain& skip) {
        return filled({u.dim(0), u.dim(1), u.dim(2)}, [&](Index b, Index t, Index h) {
          return skip(h) * u(b, t, h) + sum(t + 1, [&](Index j) { return k(j, h) * u(b, t - j, h); });
        });
      }),
  };
}

std::vector<Reference> step_references() {
  return {
      row<ops::ConcatTime>([](const auto&, const Plain& a, const Plain& b) {
        const Plain first = steps_of_numbers(a), second = steps_of_numbers(b);
        Shape shape{a.dim(0), a.dim(1) + b.dim(1)};
        for (int axis = 2; axis < a.shape.rank(); ++axis) shape.push_back(a.dim(axis));
        return filled({shape[0], shape[1], first.dim(2)},
                      [&](Index s, Index t, Index i) {
                        return t < a.dim(1) ? first(s, t, i) : second(s, t - a.dim(1), i);
                      })
            .as(shape);
      }),
      row<ops::ReverseTime>([](const ops::ReverseTime& op, const Plain& x) {
        Plain y(x.shape);
        each_step(x, op.lengths, [&](Index b, Index t) {
          for (Index d = 0; d < x.dim(2); ++d) y(b, t, d) = x(b, steps_within(op.lengths, b, x.dim(1)) - 1 - t, d);
        });
        return y;
      }),
      row<ops::ZeroPadding>([](const ops::ZeroPadding& op, const Plain& x) {
        const Plain in = steps_of_numbers(x);
        Plain y(in.shape);
        each_step(in, op.lengths, [&](Index b, Index t) {
          for (Index d = 0; d < in.dim(2); ++d) y(b, t, d) = in(b, t, d);
        });
        return y.as(x.shape);
      }),
      row<ops::LastStep>([](const ops::LastStep& op, const Plain& x) {
        return filled({x.dim(0), x.dim(2)}, [&](Index b, Index d) {
          const Index steps = steps_within(op.lengths, b, x.dim(1));
          return steps ? x(b, steps - 1, d) : 0;
        });
      }),
      row<ops::MeanPool>([](const ops::MeanPool& op, const Plain& x) {
        return filled({x.dim(0), x.dim(2)}, [&](Index b, Index d) {
          const Index steps = steps_within(op.lengths, b, x.dim(1));
          return steps ? sum(steps, [&](Index t) { return x(b, t, d); }) / static_cast<double>(steps) : 0;
        });
      }),
  };
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
