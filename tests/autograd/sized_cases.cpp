// Every op at lengths around the borders of chunks, tiles and blocks, with one channel or head, and at extreme decays
// and gates. docs/reliability.md says what these are held against.
#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"
#include "tests/support/op_case.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {
namespace {

using Variables = std::vector<Variable>;
using Extreme = Sizes::Extreme;

constexpr Index kStates = 3;

/// The shapes and ranges of a case's inputs.
class Draw {
 public:
  explicit Draw(const Sizes& sizes) : s(sizes) {}

  Input sequence(Index width, double low = -1, double high = 1) const {
    return {{s.batch, s.length, width}, low, high};
  }
  Input state(const Shape& shape) const { return s.states ? Input{shape} : Input{{}, 0, 0, true}; }
  /// What a sigmoid, or another function that saturates, is applied to.
  Input gate(const Shape& shape) const {
    if (s.extreme == Extreme::gates_high) return {shape, 80, 80};
    if (s.extreme == Extreme::gates_low) return {shape, -80, -80};
    return {shape, -3, 3};
  }
  /// A factor of the state: within (low, high), or exactly what the extreme says.
  Input decay(const Shape& shape, double low, double high, double at_0 = 0, double at_1 = 1) const {
    if (s.extreme == Extreme::decay_0) return {shape, at_0, at_0};
    if (s.extreme == Extreme::decay_1) return {shape, at_1, at_1};
    return {shape, low, high};
  }
  IndexTensor lengths() const {
    if (!s.lengths) return {};
    IndexTensor lengths = IndexTensor::zeros(Shape{s.batch});
    lengths.data()[0] = static_cast<std::int32_t>(s.length);
    if (s.batch > 1) lengths.data()[1] = static_cast<std::int32_t>((s.length + 1) / 2);
    return lengths;
  }
  /// Classes of every step; some are not scored.
  IndexTensor classes(Index count, bool ignore) const {
    IndexTensor ids(Shape{s.batch, s.length});
    for (Index i = 0; i < ids.size(); ++i)
      ids.data()[i] = ignore && i % 5 == 4 ? kIgnore : static_cast<std::int32_t>(i * 7 % count);
    return ids;
  }

  const Sizes& s;
};

Variables both(const ScanResult& out) { return {out.y, out.state}; }

OpCase cell(const Draw& d, const char* name, Cell cell) {
  const Index gates = kernels::gates_of(cell) * d.s.channels;
  const Shape state{d.s.batch, d.s.channels};
  // The weights are small enough that h does not explode: the sum over a row is at most 1.
  const double most = 1.0 / static_cast<double>(d.s.channels);
  Input c0 = d.state(state);
  c0.absent = c0.absent || cell != Cell::lstm;
  return {str("recurrence ", name),
          {d.gate({d.s.batch, d.s.length, gates}), {{gates, d.s.channels}, -most, most}, {{gates}}, d.state(state), c0},
          [=, lengths = d.lengths()](const Variables& x) {
            const RecurrenceResult out = recurrence(cell, x[0], x[1], x[2], x[3], x[4], lengths);
            return cell == Cell::lstm ? Variables{out.y, out.h, out.c} : Variables{out.y, out.h};
          }};
}

OpCase attend(const Draw& d, const char* name, ops::Attention how) {
  how.lengths = d.lengths();
  const Input heads{{d.s.batch, d.s.length, d.s.heads, 2}};
  return {str("attention ", name), {heads, heads, heads}, [how](const Variables& x) {
            return Variables{attention(x[0], x[1], x[2], how)};
          }};
}

OpCase state_space(const Draw& d, const char* name, bool low_rank) {
  const Shape shape{d.s.channels, kStates, 2};
  const Input k{shape, -0.4, 0.4}, rank = low_rank ? Input{shape, -0.3, 0.3} : Input{{}, 0, 0, true};
  // |a| = 1 at the upper extreme; with the low rank beside it the state would explode.
  return {str("ssm_scan ", name),
          {d.sequence(d.s.channels), d.decay(shape, -0.6, 0.6, 0, low_rank ? 0.5 : std::sqrt(0.5)), k, k, rank, rank,
           rank, d.state({d.s.batch, d.s.channels, kStates, 2})},
          [lengths = d.lengths()](const Variables& x) {
            return both(ssm_scan(x[0], {x[1], x[2], x[4], x[5], x[6]}, x[3], x[7], lengths));
          }};
}

OpCase pointwise(const Draw& d, Activation f) {
  // Where the function grows without bound, an extreme would be infinite.
  const bool grows = f == Activation::exp || f == Activation::negative_exp;
  return {ops::Activate{f}.name(),
          {grows ? d.sequence(d.s.channels, -3, 3) : d.gate(d.sequence(d.s.channels).shape)},
          [f](const Variables& x) { return Variables{activation(f, x[0])}; }};
}

/// `given`: as in op_cases.cpp.
OpCase matrix(const Draw& d, const char* name, const std::string& given, Index updates = 1) {
  const auto has = [&](char letter) { return given.find(letter) != std::string::npos; };
  const Index batch = d.s.batch, length = d.s.length, heads = d.s.heads, written = updates * heads;
  const Shape query{batch, length, heads, kStates}, key{batch, length, written, kStates};
  // An erase of at most |a| |b| = 3 * 0.09: the state does not explode.
  const Input absent{{}, 0, 0, true}, erase{key, -0.3, 0.3};
  return {str("matrix_recurrence ", name),
          {{query},
           has('e') ? Input{key, -0.5, 0.5} : Input{key},
           {{batch, length, written, 2}},
           has('a') ? erase : absent,
           has('b') ? erase : absent,
           has('e') ? Input{{batch, length, written}, 0.1, 1} : absent,
           has('c')   ? d.decay(query, -1, -0.1, -1000, 0)
           : has('h') ? d.decay({batch, length, heads}, -1, -0.1, -1000, 0)
                      : absent,
           d.state({batch, heads, kStates, 2})},
          [updates, lengths = d.lengths()](const Variables& x) {
            return both(matrix_recurrence({x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], 1, updates, lengths, {}}));
          }};
}

/// Every op at these sizes.
std::vector<OpCase> make(const Sizes& sizes) {
  const Draw d(sizes);
  const Index batch = sizes.batch, length = sizes.length, channels = sizes.channels, heads = sizes.heads,
              width = 2 * heads;
  const IndexTensor lengths = d.lengths();
  const Input x = d.sequence(channels), row{{channels}};
  std::vector<OpCase> cases;
  for (const Activation f :
       {Activation::silu, Activation::sigmoid, Activation::tanh, Activation::relu, Activation::gelu,
        Activation::gelu_tanh, Activation::softplus, Activation::exp, Activation::negative_exp})
    cases.push_back(pointwise(d, f));
  const auto add_case = [&](const char* name, std::vector<Input> inputs, Function function) {
    cases.push_back({name, std::move(inputs), std::move(function)});
  };
  const auto one = [&](const char* name, std::vector<Input> inputs, auto op) {
    add_case(name, std::move(inputs), [op](const Variables& v) { return Variables{op(v)}; });
  };
  one("add", {x, x}, [](const Variables& v) { return add(v[0], v[1]); });
  one("multiply", {x, x}, [](const Variables& v) { return multiply(v[0], v[1]); });
  one("glu", {d.gate({batch, length, 2 * channels})}, [](const Variables& v) { return glu(v[0]); });
  one("dropout", {x}, [](const Variables& v) { return dropout(v[0], 0.3, {7, 1, 2}); });
  one("linear", {x, {{4, channels}}, {{4}}}, [](const Variables& v) { return linear(v[0], v[1], v[2]); });
  one("embedding", {{{7, channels}}}, [ids = d.classes(7, false)](const Variables& v) { return embedding(ids, v[0]); });
  one("slice_first", {x}, [batch](const Variables& v) { return slice_first(v[0], batch > 1 ? 1 : 0, batch); });
  one("slice_last", {x},
      [channels](const Variables& v) { return slice_last(v[0], channels / 2, channels - channels / 2); });
  one("reshape", {x}, [=](const Variables& v) { return reshape(v[0], Shape{length, channels, batch}); });
  one("transpose", {{{length, channels}}}, [](const Variables& v) { return transpose(v[0]); });
  one("scale", {x}, [](const Variables& v) { return scale(v[0], -0.7); });
  one("scale_columns", {x, row}, [](const Variables& v) { return scale_columns(v[0], v[1]); });
  one("rms_norm", {x, row}, [](const Variables& v) { return rms_norm(v[0], v[1], 1e-5); });
  one("layer_norm", {x, row, row}, [](const Variables& v) { return layer_norm(v[0], v[1], v[2], 1e-2); });
  one("gated_norm", {x, d.gate({batch, length, channels}), row, x, row}, [](const Variables& v) {
    return gated_norm({.x = v[0], .z = v[1], .weight = v[2], .c = v[3], .skip = v[4], .eps = 1e-2, .centred = true});
  });
  one("softmax", {d.gate({batch, length, channels})}, [](const Variables& v) { return softmax(v[0]); });
  one("mean_pool", {x}, [lengths](const Variables& v) { return mean_pool(v[0], lengths); });
  one("last_step", {x}, [lengths](const Variables& v) { return last_step(v[0], lengths); });
  one("reverse_time", {x}, [lengths](const Variables& v) { return reverse_time(v[0], lengths); });
  one("zero_padding", {x}, [=](const Variables& v) {
    return zero_padding(v[0], lengths.defined() ? lengths : IndexTensor::full(Shape{batch}, 1));
  });
  one("concat_time", {x, {{batch, 2, channels}}}, [](const Variables& v) { return concat_time(v[0], v[1]); });
  add_case("frames", {x, d.state({batch, 4, channels})},
           [](const Variables& v) { return both(frames(v[0], 5, 2, v[1])); });
  one("log_mel", {{{batch, length, 8}}}, [](const Variables& v) { return log_mel(v[0], {8, 8, 3, 8000, 20, 4000}); });
  one("cross_entropy", {d.gate({batch, length, 7})},
      [targets = d.classes(7, true)](const Variables& v) { return cross_entropy(v[0], targets, 0.1); });
  one("distribution_loss", {{{batch, length, 2 * channels}}}, [=](const Variables& v) {
    Tensor target(Shape{batch, length, channels});
    for (Index i = 0; i < target.size(); ++i) target.data()[i] = static_cast<Real>(std::sin(static_cast<double>(i)));
    return distribution_loss(v[0], target, {Distribution::Kind::student_t, {0.5}, 4});
  });
  one("mse_loss", {x, x}, [](const Variables& v) { return mse_loss(v[0], v[1]); });
  one("rotary", {{{batch, length, heads, 4}}}, [](const Variables& v) { return rotary(v[0], 5, 100); });
  add_case("rotary_scan", {{{batch, length, heads, 4}}, {{batch, length, heads, 4}}, d.state({batch})},
           [lengths](const Variables& v) {
             const RotaryScanResult out = rotary_scan(v[0], v[1], v[2], 100, lengths);
             return Variables{out.q, out.k, out.end};
           });
  one("long_conv", {x, {{length, channels}}, row}, [](const Variables& v) { return long_conv(v[0], v[1], v[2]); });
  add_case("causal_conv1d", {x, {{channels, 4}}, row, d.state({batch, 3, channels})},
           [lengths](const Variables& v) { return both(causal_conv1d(v[0], v[1], v[2], true, v[3], lengths)); });
  for (const auto& [name, method] : {std::pair{"ssm_discretize zoh", Discretization::zoh},
                                     {"ssm_discretize bilinear", Discretization::bilinear},
                                     {"ssm_discretize euler", Discretization::euler}})
    add_case(name,
             {{{channels}, -4, -1}, {{channels, length}, -2, 1}, {{channels, length}, -3, 3}, {{channels, length, 2}}},
             [m = method](const Variables& v) { return ssm_discretize(m, v[0], v[1], v[2], v[3]); });
  add_case("dplr_discretize",
           {{{channels}, -3, -1},
            {{channels, length}, -2, 1},
            {{channels, length}, -3, 3},
            {{channels, length, 2}},
            {{channels, length, 2}}},
           [](const Variables& v) {
             const SsmCoefficients k = dplr_discretize(v[0], v[1], v[2], v[3], v[4]);
             return Variables{k.a, k.b, k.q, k.r};
           });
  cases.push_back(attend(d, "causal", {.scale = 0.6}));
  cases.push_back(attend(d, "full", {.causal = false, .scale = 0.6}));
  cases.push_back(attend(d, "alibi", {.alibi = true, .scale = 0.6}));
  cases.push_back(cell(d, "tanh", Cell::rnn_tanh));
  cases.push_back(cell(d, "relu", Cell::rnn_relu));
  cases.push_back(cell(d, "lstm", Cell::lstm));
  cases.push_back(cell(d, "gru", Cell::gru));
  add_case("diagonal_recurrence", {d.decay(x.shape, 0, 0.99), x, d.state({batch, channels})},
           [lengths](const Variables& v) { return both(diagonal_recurrence(v[0], v[1], v[2], lengths)); });
  add_case(
      "complex_diagonal_recurrence",
      {d.decay({2, channels}, -0.7, 0.7, 0, std::sqrt(0.5)), d.sequence(2 * channels), d.state({batch, 2 * channels})},
      [lengths](const Variables& v) { return both(complex_diagonal_recurrence(v[0], v[1], v[2], lengths)); });
  cases.push_back(state_space(d, "diagonal", false));
  cases.push_back(state_space(d, "low rank", true));
  // exp(delta a) is 0 in both precisions at delta a = -1000.
  add_case("ssd",
           {d.sequence(width),
            {{batch, length, heads}, 0.05, 0.8},
            d.decay({heads}, -2, -0.2, -20000, 0),
            d.sequence(heads * kStates),
            d.sequence(heads * kStates),
            {{heads}},
            d.state({batch, width, kStates})},
           [=](const Variables& v) {
             return both(ssd({v[0], v[1], v[2], v[3], v[4], v[5], v[6], heads, lengths}));
           });
  cases.push_back(matrix(d, "sum, decay of heads", "h"));
  cases.push_back(matrix(d, "sum, decay of channels", "c"));
  cases.push_back(matrix(d, "delta rule", "e"));
  cases.push_back(matrix(d, "delta rule, decay of heads", "eh"));
  cases.push_back(matrix(d, "delta rule, decay of channels, three updates", "ec", 3));
  cases.push_back(matrix(d, "low rank", "ah"));
  cases.push_back(matrix(d, "low rank and outer product", "abc"));
  // Where the gates are at their extremes, m has ties, and no derivative of its own; y has. Positive q and k keep
  // n q, by which y is divided, away from 0: with inputs of e^80 nothing else bounds it.
  add_case("mlstm",
           {{{batch, length, heads, kStates}, 0.1, 1},
            {{batch, length, heads, kStates}, 0.1, 1},
            {{batch, length, heads, 2}},
            d.gate({batch, length, heads}),
            d.gate({batch, length, heads}),
            d.state({batch, heads, kStates, 3}),
            d.state({batch, heads})},
           [lengths, smooth = sizes.extreme == Extreme::none](const Variables& v) {
             const MlstmResult out = mlstm(v[0], v[1], v[2], v[3], v[4], v[5], v[6], lengths);
             return smooth ? Variables{out.y, out.s, out.m} : Variables{out.y};
           });
  one("block_linear", {{{batch, length, 4 * channels}}, {{channels, 4, 4}}, {{4 * channels}}},
      [](const Variables& v) { return block_linear(v[0], v[1], v[2]); });
  add_case("selective_scan",
           {x,
            {x.shape, 0.05, 1},
            d.decay({channels, kStates}, -2, -0.1, -20000, 0),
            d.sequence(kStates),
            d.sequence(kStates),
            row,
            d.gate(x.shape),
            row,
            d.state({batch, channels, kStates})},
           [lengths](const Variables& v) {
             return both(selective_scan({v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], lengths}));
           });
  return cases;
}

bool same(const std::vector<Input>& a, const std::vector<Input>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Input& x, const Input& y) {
    return x.absent == y.absent && x.low == y.low && x.high == y.high;
  });
}

bool has_lengths(const OpCase& op_case) {
  const std::vector<AnyOp> ops = ops_of(op_case);
  return std::any_of(ops.begin(), ops.end(), [](const AnyOp& op) { return op.has_lengths(); });
}

}  // namespace

std::vector<OpCase> sized_cases(const Sizes& sizes) {
  Sizes plain = sizes, tiny = {.lengths = sizes.lengths};
  plain.states = true;
  plain.extreme = Extreme::none;
  const std::vector<OpCase> made = make(sizes), base = make(plain), small = make(tiny);
  std::vector<OpCase> cases;
  for (std::size_t i = 0; i < made.size(); ++i) {
    const bool stateless = !sizes.states, extreme = sizes.extreme != Extreme::none;
    if ((stateless || extreme) && same(made[i].inputs, base[i].inputs)) continue;
    if (sizes.lengths && sizes.heads > 1 && sizes.length < 4000 && !has_lengths(small[i])) continue;
    cases.push_back(made[i]);
  }
  return cases;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
