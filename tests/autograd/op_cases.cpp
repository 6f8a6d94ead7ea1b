// The cases of every op. Shapes are small, for full Jacobians, and odd, for the tails of vectors.
#include <cmath>
#include <map>

#include "autograd/ops/ops.h"
#include "tests/support/op_case.h"

namespace seqtape::inline SEQTAPE_PRECISION::testing {
namespace {

using Variables = std::vector<Variable>;

OpCase unary(const std::string& name, Activation f, double low = -3, double high = 3) {
  return {name, {{{3, 7}, low, high}}, [f](const Variables& x) { return Variables{activation(f, x[0])}; }};
}

/// Outputs of three numbers of two sequences, one of which is missing.
OpCase distribution(const std::string& name, Distribution::Kind kind, Index width) {
  return {"distribution_loss " + name, {{{2, 3 * width}}}, [=](const Variables& x) {
            Tensor target(Shape{2, 3});
            const double numbers[] = {0.31, -2.2, std::nan(""), 0.57, 1.93, -0.42};
            for (Index i = 0; i < 6; ++i) target.data()[i] = static_cast<Real>(numbers[i]);
            return Variables{distribution_loss(x[0], target, {kind, {0.1, 0.5, 0.85}, 3.5})};
          }};
}

IndexTensor indices(const Shape& shape, const std::vector<std::int32_t>& values) {
  return IndexTensor::of(shape, values);
}

const Input kAbsent{{}, 0, 0, true};

/// x, delta, a, b, c, skip, gate, delta_bias, h0: the last four where `given` has their letter, s, g, b or h
OpCase scan(const std::string& name, Index batch, Index length, Index channels, Index states, const std::string& given,
            bool softplus, const std::vector<std::int32_t>& lengths = {}) {
  const auto optional = [&](char letter, const Shape& shape) {
    return given.find(letter) == std::string::npos ? kAbsent : Input{shape};
  };
  const Shape sequence{batch, length, channels}, row{batch, length, states};
  return {"selective_scan " + name,
          {{sequence},
           softplus ? Input{sequence} : Input{sequence, 0.1, 1},
           {{channels, states}, -2, -0.1},
           {row},
           {row},
           optional('s', {channels}),
           optional('g', sequence),
           optional('b', {channels}),
           optional('h', {batch, channels, states})},
          [=](const Variables& x) {
            SelectiveScanArguments args{x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8], {}, softplus};
            if (!lengths.empty()) args.lengths = indices({batch}, lengths);
            const ScanResult out = selective_scan(args);
            return Variables{out.y, out.state};
          }};
}

/// x, delta, a, b, c, skip, h0 of P 2, N 3
OpCase dual(const std::string& name, Index batch, Index length, Index heads, Index groups, bool skip, bool h0,
            const std::vector<std::int32_t>& lengths = {}) {
  const Index states = 3, channels = 2 * heads;
  return {"ssd " + name,
          {{{batch, length, channels}},
           {{batch, length, heads}, 0.05, 0.8},
           {{heads}, -2, -0.2},
           {{batch, length, groups * states}},
           {{batch, length, groups * states}},
           skip ? Input{{heads}} : kAbsent,
           h0 ? Input{{batch, channels, states}} : kAbsent},
          [=](const Variables& x) {
            SsdArguments args{x[0], x[1], x[2], x[3], x[4], x[5], x[6], groups, {}};
            if (!lengths.empty()) args.lengths = indices({batch}, lengths);
            const ScanResult out = ssd(args);
            return Variables{out.y, out.state};
          }};
}

/// q, k, v, a, b, beta, g, s0 of 2 heads, K 3, V 2: a, b, beta and s0 where `given` has their letter: a, b, e, s; g of
/// a head (h), the same for all steps (f), or of channels (c); H and C: strong ones, with
/// large v.
OpCase matrix(const std::string& name, Index batch, Index length, Index updates, const std::string& given,
              const ops::MatrixRecurrence& how = {}) {
  const auto has = [&](char letter) { return given.find(letter) != std::string::npos; };
  const Shape query{batch, length, 2, 3}, key{batch, length, updates * 2, 3}, head{batch, length, 2};
  return {"matrix_recurrence " + name,
          {{query},
           {key},
           has('H') || has('C') ? Input{{batch, length, updates * 2, 2}, -100, 100}
                                : Input{{batch, length, updates * 2, 2}},
           has('a') ? Input{key, -0.6, 0.6} : kAbsent,
           has('b') ? Input{key, -0.6, 0.6} : kAbsent,
           has('e') ? Input{{batch, length, updates * 2}, 0.1, 0.6} : kAbsent,
           has('C')   ? Input{query, -12, -8}
           : has('c') ? Input{query, -1.5, -0.1}
           : has('H') ? Input{head, -12, -8}
           : has('h') ? Input{head, -1.5, -0.1}
           : has('f') ? Input{{2}, -1.5, -0.1}
                      : kAbsent,
           has('s') ? Input{{batch, 2, 3, 2}} : kAbsent},
          [=](const Variables& x) {
            const ScanResult out = matrix_recurrence(
                {x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], 0.7, updates, how.lengths, how.starts});
            return Variables{out.y, out.state};
          }};
}

/// q, k, v, i, f and, with `states`, s0, m0 of 2 heads, K 3, V 2
OpCase mlstm_case(const std::string& name, Index batch, Index length, bool states, const ops::Mlstm& how = {}) {
  const Shape key{batch, length, 2, 3}, gate{batch, length, 2};
  return {"mlstm " + name,
          {{key},
           {key},
           {{batch, length, 2, 2}},
           {gate, -1, 3},
           {gate, -1, 3},
           states ? Input{{batch, 2, 3, 3}} : kAbsent,
           states ? Input{{batch, 2}, 0.5, 2} : kAbsent},
          [=](const Variables& x) {
            const MlstmResult out = mlstm(x[0], x[1], x[2], x[3], x[4], x[5], x[6], how.lengths, how.starts);
            return Variables{out.y, out.s, out.m};
          }};
}

OpCase conv(const std::string& name, Index batch, Index length, Index channels, Index taps, bool bias, bool silu,
            bool window, const std::vector<std::int32_t>& lengths = {}) {
  return {"causal_conv1d " + name,
          {{{batch, length, channels}},
           {{channels, taps}},
           bias ? Input{{channels}} : kAbsent,
           window ? Input{{batch, taps - 1, channels}} : kAbsent},
          [=](const Variables& x) {
            const ScanResult out = causal_conv1d(x[0], x[1], x[2], silu, x[3],
                                                 lengths.empty() ? IndexTensor() : indices({batch}, lengths));
            return taps > 1 ? Variables{out.y, out.state} : Variables{out.y};
          }};
}

OpCase discretization(const std::string& name, Discretization method) {
  return {"ssm_discretize " + name,
          {{{3}, -4, -1}, {{3, 4}, -2, 1}, {{3, 4}, -3, 3}, {{3, 4, 2}}},
          [method](const Variables& x) { return ssm_discretize(method, x[0], x[1], x[2], x[3]); }};
}

/// gx, weight, bias, h0, c0; bare: without the last three
OpCase recurrent(const std::string& name, Cell cell, Index gates, const std::vector<std::int32_t>& lengths = {},
                 bool bare = false) {
  const Index h = 3;
  return {"recurrence " + name,
          {{{3, 4, gates * h}},
           {{gates * h, h}},
           bare ? kAbsent : Input{{gates * h}},
           bare ? kAbsent : Input{{3, h}},
           bare || cell != Cell::lstm ? kAbsent : Input{{3, h}}},
          [=](const Variables& x) {
            const RecurrenceResult out =
                recurrence(cell, x[0], x[1], x[2], x[3], x[4], lengths.empty() ? IndexTensor() : indices({3}, lengths));
            return cell == Cell::lstm ? Variables{out.y, out.h, out.c} : Variables{out.y, out.h};
          }};
}

/// u, a, b, c, p, q, r, s0
OpCase state_space(const std::string& name, bool low_rank, Index length, const std::vector<std::int32_t>& lengths = {},
                   bool s0 = true) {
  const Input k{{2, 3, 2}, -0.4, 0.4}, rank = low_rank ? k : kAbsent;
  return {"ssm_scan " + name,
          {{{2, length, 2}}, {{2, 3, 2}, -0.6, 0.6}, k, k, rank, rank, rank, s0 ? Input{{2, 2, 3, 2}} : kAbsent},
          [=](const Variables& x) {
            const ScanResult out = ssm_scan(x[0], {x[1], x[2], x[4], x[5], x[6]}, x[3], x[7],
                                            lengths.empty() ? IndexTensor() : indices({2}, lengths));
            return Variables{out.y, out.state};
          }};
}

/// a, x, h0
OpCase diagonal(const std::string& name, bool complex, bool h0, const std::vector<std::int32_t>& lengths = {}) {
  const Index width = complex ? 6 : 3;
  return {(complex ? "complex_diagonal_recurrence " : "diagonal_recurrence ") + name,
          {complex ? Input{{2, 3}} : Input{{2, 4, 3}}, {{2, 4, width}}, h0 ? Input{{2, width}} : kAbsent},
          [=](const Variables& x) {
            const IndexTensor steps = lengths.empty() ? IndexTensor() : indices({2}, lengths);
            const ScanResult out = complex ? complex_diagonal_recurrence(x[0], x[1], x[2], steps)
                                           : diagonal_recurrence(x[0], x[1], x[2], steps);
            return Variables{out.y, out.state};
          }};
}

OpCase attend(const std::string& name, Index queries, Index keys, ops::Attention how,
              const std::vector<std::int32_t>& lengths = {}) {
  if (!lengths.empty()) how.lengths = indices({2}, lengths);
  return {"attention " + name, {{{2, queries, 2, 3}}, {{2, keys, 2, 3}}, {{2, keys, 2, 3}}}, [=](const Variables& x) {
            return Variables{attention(x[0], x[1], x[2], how)};
          }};
}

std::vector<OpCase> make() {
  std::vector<OpCase> cases{
      unary("silu", Activation::silu),
      unary("sigmoid", Activation::sigmoid),
      unary("tanh", Activation::tanh),
      unary("relu", Activation::relu),
      unary("gelu", Activation::gelu),
      unary("gelu_tanh", Activation::gelu_tanh),
      unary("softplus", Activation::softplus, -20, 20),
      unary("exp", Activation::exp),
      unary("negative_exp", Activation::negative_exp),
      {"add", {{{2, 5}}, {{2, 5}}}, [](const Variables& x) { return Variables{add(x[0], x[1])}; }},
      {"add twice the same", {{{2, 5}}}, [](const Variables& x) { return Variables{add(add(x[0], x[0]), x[0])}; }},
      {"multiply", {{{2, 5}}, {{2, 5}}}, [](const Variables& x) { return Variables{multiply(x[0], x[1])}; }},
      {"glu", {{{3, 10}}}, [](const Variables& x) { return Variables{glu(x[0])}; }},
      {"dropout",
       {{{2, 3, 5}}},
       [](const Variables& x) {
         return Variables{dropout(x[0], 0.3, {7, 1, 2})};
       }},
      {"linear",
       {{{2, 3, 5}}, {{4, 5}}, {{4}}},
       [](const Variables& x) { return Variables{linear(x[0], x[1], x[2])}; }},
      {"linear without bias", {{{1, 5}}, {{4, 5}}}, [](const Variables& x) { return Variables{linear(x[0], x[1])}; }},
      {"embedding",
       {{{5, 3}}},
       [](const Variables& x) {
         return Variables{embedding(indices({2, 3}, {0, 4, 2, 2, 1, 0}), x[0])};
       }},
      {"slice_first", {{{5, 3}}}, [](const Variables& x) { return Variables{slice_first(x[0], 1, 4)}; }},
      {"slice_last", {{{3, 7}}}, [](const Variables& x) { return Variables{slice_last(x[0], 2, 4)}; }},
      {"reshape",
       {{{3, 4}}},
       [](const Variables& x) {
         return Variables{reshape(x[0], Shape{2, 6})};
       }},
      {"rms_norm", {{{3, 9}}, {{9}}}, [](const Variables& x) { return Variables{rms_norm(x[0], x[1], 1e-5)}; }},
      {"rms_norm eps", {{{3, 9}}, {{9}}}, [](const Variables& x) { return Variables{rms_norm(x[0], x[1], 0.1)}; }},
      {"layer_norm",
       {{{3, 9}}, {{9}}, {{9}}},
       [](const Variables& x) { return Variables{layer_norm(x[0], x[1], x[2], 1e-5)}; }},
      {"layer_norm without bias",
       {{{3, 9}}, {{9}}},
       [](const Variables& x) { return Variables{layer_norm(x[0], x[1], {}, 0.1)}; }},
      {"gated_norm, as of heads",
       {{{2, 3, 2, 5}}, {{2, 3, 10}, -3, 3}, {{5}}},
       [](const Variables& x) {
         return Variables{gated_norm({.x = x[0], .z = x[1], .weight = x[2], .groups = 2, .eps = 1e-5})};
       }},
      {"gated_norm centred, with a skip",
       {{{4, 2, 5}}, {{4, 10}, -3, 3}, {{10}}, {{4, 10}}, {{10}}},
       [](const Variables& x) {
         return Variables{gated_norm({.x = x[0],
                                      .z = x[1],
                                      .weight = x[2],
                                      .c = x[3],
                                      .skip = x[4],
                                      .groups = 2,
                                      .eps = 0.1,
                                      .centred = true})};
       }},
      {"gated_norm, gate first",
       {{{3, 9}}, {{3, 9}, -3, 3}, {{9}}},
       [](const Variables& x) {
         return Variables{gated_norm({.x = x[0], .z = x[1], .weight = x[2], .eps = 1e-5, .gate_first = true})};
       }},
      {"softmax", {{{3, 7}, -4, 4}}, [](const Variables& x) { return Variables{softmax(x[0])}; }},
      {"mean_pool", {{{3, 4, 5}}}, [](const Variables& x) { return Variables{mean_pool(x[0])}; }},
      {"mean_pool lengths",
       {{{3, 4, 5}}},
       [](const Variables& x) {
         return Variables{mean_pool(x[0], indices({3}, {4, 1, 0}))};
       }},
      {"cross_entropy",
       {{{2, 3, 7}, -3, 3}},
       [](const Variables& x) {
         return Variables{cross_entropy(x[0], indices({2, 3}, {0, kIgnore, 6, 3, 2, kIgnore}))};
       }},
      {"cross_entropy smoothed",
       {{{4, 5}, -3, 3}},
       [](const Variables& x) {
         return Variables{cross_entropy(x[0], indices({4}, {0, 1, 4, kIgnore}), 0.2)};
       }},
      {"cross_entropy weighted",
       {{{4, 5}, -3, 3}},
       [](const Variables& x) {
         return Variables{cross_entropy(x[0], indices({4}, {0, 1, 4, kIgnore}), 0,
                                        Tensor::of(Shape{4}, std::vector<Real>{0.5, 2, 1.5, 3}))};
       }},
      {"cross_entropy weighted and smoothed",
       {{{4, 5}, -3, 3}},
       [](const Variables& x) {
         return Variables{cross_entropy(x[0], indices({4}, {0, kIgnore, 4, 1}), 0.3,
                                        Tensor::of(Shape{4}, std::vector<Real>{0.5, 2, 1.5, 3}))};
       }},
      {"cross_entropy of nothing",
       {{{2, 5}, -3, 3}},
       [](const Variables& x) {
         return Variables{cross_entropy(x[0], indices({2}, {kIgnore, kIgnore}))};
       }},
      distribution("point", Distribution::Kind::point, 1),
      distribution("quantiles", Distribution::Kind::quantiles, 3),
      distribution("gaussian", Distribution::Kind::gaussian, 2),
      distribution("student_t", Distribution::Kind::student_t, 2),
      {"mse_loss", {{{3, 4}}, {{3, 4}}}, [](const Variables& x) { return Variables{mse_loss(x[0], x[1])}; }},
      dual("all", 2, 4, 4, 2, true, true),
      dual("bare", 1, 5, 2, 1, false, false),
      dual("two chunks", 1, 66, 1, 1, true, true),
      dual("lengths", 3, 5, 2, 2, true, true, {5, 2, 0}),
      dual("lengths without h0", 3, 5, 4, 2, false, false, {5, 2, 0}),
      dual("skip", 1, 4, 2, 1, true, false),
      conv("k4", 2, 6, 3, 4, true, true, true),
      conv("k3 plain", 1, 5, 2, 3, false, false, false),
      conv("k1", 2, 3, 2, 1, true, true, false),
      conv("short", 2, 2, 3, 4, true, true, true),
      conv("k7", 1, 5, 3, 7, true, false, true),
      conv("lengths", 3, 6, 2, 4, true, true, true, {6, 2, 0}),
      conv("bare lengths", 3, 6, 2, 4, false, false, false, {6, 2, 0}),
      conv("silu alone", 2, 5, 3, 4, false, true, false),
      discretization("zoh", Discretization::zoh),
      discretization("bilinear", Discretization::bilinear),
      discretization("euler", Discretization::euler),
      {"scale", {{{3, 5}}}, [](const Variables& x) { return Variables{scale(x[0], -0.7)}; }},
      {"scale_columns", {{{2, 3, 5}}, {{5}}}, [](const Variables& x) { return Variables{scale_columns(x[0], x[1])}; }},
      {"transpose", {{{3, 5}}}, [](const Variables& x) { return Variables{transpose(x[0])}; }},
      {"transpose of several", {{{2, 3, 4}}}, [](const Variables& x) { return Variables{transpose(x[0])}; }},
      {"concat_time",
       {{{2, 3, 2, 2}}, {{2, 1, 2, 2}}},
       [](const Variables& x) { return Variables{concat_time(x[0], x[1])}; }},
      {"frames",
       {{{2, 7, 3}}},
       [](const Variables& x) {
         const ScanResult out = frames(x[0], 3, 2);
         return Variables{out.y, out.state};
       }},
      {"frames after others",
       {{{2, 5, 3}}, {{2, 4, 3}}},
       [](const Variables& x) {
         const ScanResult out = frames(x[0], 5, 3, x[1]);
         return Variables{out.y, out.state};
       }},
      {"frames side by side", {{{2, 7, 3}}}, [](const Variables& x) { return Variables{frames(x[0], 2, 2).y}; }},
      {"log_mel",
       {{{2, 3, 16}}},
       [](const Variables& x) {
         return Variables{log_mel(x[0], {16, 8, 5, 8000, 20, 4000})};
       }},
      {"log_mel of other windows",
       {{{3, 13}}},
       [](const Variables& x) {
         return Variables{log_mel(x[0], {13, 13, 3, 8000, 500, 3000})};
       }},
      {"log_mel of many frames",
       {{{37, 4}}},
       [](const Variables& x) {
         return Variables{log_mel(x[0], {4, 1, 2, 8000, 0, 4000})};
       }},
      {"reverse_time",
       {{{2, 4, 3}}},
       [](const Variables& x) {
         return Variables{reverse_time(x[0], indices({2}, {4, 2}))};
       }},
      {"zero_padding",
       {{{2, 4, 3}}},
       [](const Variables& x) {
         return Variables{zero_padding(x[0], indices({2}, {4, 1}))};
       }},
      {"last_step",
       {{{3, 4, 3}}},
       [](const Variables& x) {
         return Variables{last_step(x[0], indices({3}, {4, 1, 0}))};
       }},
      {"last_step of all", {{{3, 4, 3}}}, [](const Variables& x) { return Variables{last_step(x[0])}; }},
      {"reverse_time of all", {{{2, 4, 3}}}, [](const Variables& x) { return Variables{reverse_time(x[0])}; }},
      {"rotary", {{{2, 3, 2, 6}}}, [](const Variables& x) { return Variables{rotary(x[0], 5, 100)}; }},
      {"rotary_scan",
       {{{2, 3, 2, 4}}, {{2, 3, 2, 4}}, {{2}, 0, 5}},
       [](const Variables& x) {
         const RotaryScanResult out = rotary_scan(x[0], x[1], x[2], 100);
         return Variables{out.q, out.k, out.end};
       }},
      {"rotary_scan lengths, odd",
       {{{3, 4, 1, 5}}, {{3, 4, 1, 5}}},
       [](const Variables& x) {
         const RotaryScanResult out = rotary_scan(x[0], x[1], {}, 10, indices({3}, {4, 2, 0}));
         return Variables{out.q, out.k};
       }},
      {"rotary odd", {{{2, 3, 2, 5}}}, [](const Variables& x) { return Variables{rotary(x[0], 0, 10)}; }},
      attend("causal", 4, 4, {.scale = 0.6}),
      attend("full", 3, 3, {.causal = false, .scale = 0.6}),
      attend("cached keys", 2, 5, {.scale = 0.6}),
      attend("alibi lengths", 4, 4, {.alibi = true, .scale = 0.6}, {4, 2}),
      attend("full lengths", 4, 4, {.causal = false}, {3, 0}),
      attend("alibi full", 3, 5, {.causal = false, .alibi = true}),
      attend("cached keys lengths", 3, 5, {.scale = 0.6}, {3, 1}),
      recurrent("tanh", Cell::rnn_tanh, 1),
      recurrent("relu", Cell::rnn_relu, 1),
      recurrent("lstm", Cell::lstm, 4),
      recurrent("lstm lengths", Cell::lstm, 4, {4, 2, 0}),
      recurrent("gru", Cell::gru, 3),
      recurrent("gru lengths", Cell::gru, 3, {4, 1, 0}),
      recurrent("tanh lengths", Cell::rnn_tanh, 1, {4, 1, 0}),
      recurrent("tanh bare", Cell::rnn_tanh, 1, {}, true),
      recurrent("relu bare", Cell::rnn_relu, 1, {4, 2, 0}, true),
      recurrent("lstm bare", Cell::lstm, 4, {}, true),
      recurrent("lstm bare lengths", Cell::lstm, 4, {4, 2, 0}, true),
      recurrent("gru bare", Cell::gru, 3, {}, true),
      diagonal("all", false, true, {4, 2}),
      diagonal("bare", false, false),
      diagonal("h0", false, true),
      diagonal("lengths", false, false, {1, 0}),
      diagonal("all", true, true, {4, 2}),
      diagonal("bare", true, false),
      diagonal("h0", true, true),
      diagonal("lengths", true, false, {1, 0}),
      state_space("diagonal", false, 5),
      state_space("low rank", true, 5),
      state_space("two chunks", true, 18),
      state_space("lengths", true, 6, {6, 2}),
      state_space("diagonal lengths", false, 6, {6, 0}),
      state_space("diagonal without s0", false, 5, {}, false),
      state_space("lengths, low rank without s0", true, 5, {4, 2}, false),
      {"dplr_discretize",
       {{{2}, -3, -1}, {{2, 3}, -2, 1}, {{2, 3}, -3, 3}, {{2, 3, 2}}, {{2, 3, 2}}},
       [](const Variables& x) {
         const SsmCoefficients k = dplr_discretize(x[0], x[1], x[2], x[3], x[4]);
         return Variables{k.a, k.b, k.q, k.r};
       }},
      matrix("sum", 1, 4, 1, ""),
      matrix("sum, decay of heads", 2, 3, 1, "hs"),
      matrix("sum, fixed decay", 2, 3, 1, "fs"),
      matrix("sum, decay of channels", 2, 3, 1, "cs"),
      matrix("sum, two blocks", 1, 18, 1, "c"),
      // The gradient of g is some thousand times smaller than what a row reads of itself.
      matrix("strong decay of heads", 1, 18, 1, "eH"),
      matrix("strong decay of channels", 1, 9, 2, "eC"),
      matrix("delta rule", 2, 4, 1, "es"),
      matrix("delta rule, one step", 2, 1, 1, "ehs"),
      matrix("delta rule, decay of heads", 1, 18, 1, "eh"),
      matrix("delta rule, decay of channels", 1, 18, 1, "ecs"),
      matrix("delta rule, three updates", 1, 7, 3, "ecs"),
      matrix("delta rule, two updates, lengths", 3, 5, 2, "ehs", {.lengths = indices({3}, {5, 3, 0})}),
      matrix("low rank", 2, 4, 1, "as"),
      matrix("low rank, decay of heads", 1, 4, 2, "ahs"),
      matrix("low rank and outer product", 1, 18, 1, "abcs"),
      matrix("low rank and outer product, two updates", 1, 5, 2, "abcs"),
      matrix("low rank and outer product, heads", 2, 4, 1, "abh"),
      matrix("low rank and outer product, one step", 2, 1, 1, "abcs"),
      matrix("starts", 2, 6, 1, "s", {.starts = indices({2, 2}, {0, 3, 2, 6})}),
      matrix("starts of the delta rule", 2, 6, 1, "ecs", {.starts = indices({2, 2}, {2, 5, 0, 6})}),
      matrix("starts of low rank, lengths", 2, 6, 2, "abhs",
             {.lengths = indices({2}, {6, 4}), .starts = indices({2, 2}, {1, 5, 3, 4})}),
      mlstm_case("without state", 1, 6, false),
      mlstm_case("with state", 2, 4, true),
      mlstm_case("one step", 2, 1, true),
      mlstm_case("lengths", 3, 5, true, {.lengths = indices({3}, {5, 3, 0})}),
      mlstm_case("starts", 2, 5, true, {.starts = indices({2, 2}, {2, 4, 0, 5})}),
      {"block_linear 4",
       {{{3, 2, 8}}, {{2, 4, 4}}, {{8}}},
       [](const Variables& x) { return Variables{block_linear(x[0], x[1], x[2])}; }},
      {"block_linear 2, many blocks",
       {{{5, 18}}, {{9, 2, 2}}},
       [](const Variables& x) { return Variables{block_linear(x[0], x[1])}; }},
      {"block_linear of other widths",
       {{{4, 6}}, {{2, 5, 3}}, {{10}}},
       [](const Variables& x) { return Variables{block_linear(x[0], x[1], x[2])}; }},
      {"long_conv",
       {{{3, 6, 2}}, {{6, 2}}, {{2}}},
       [](const Variables& x) { return Variables{long_conv(x[0], x[1], x[2])}; }},
      {"long_conv without skip",
       {{{2, 5, 3}}, {{5, 3}}},
       [](const Variables& x) { return Variables{long_conv(x[0], x[1])}; }},
      {"long_conv 1",
       {{{1, 1, 3}}, {{1, 3}}, kAbsent},
       [](const Variables& x) { return Variables{long_conv(x[0], x[1])}; }},
      scan("all", 2, 5, 3, 2, "sgbh", true),
      scan("bare", 1, 4, 2, 3, "", false),
      scan("two chunks", 1, 19, 2, 2, "sgbh", true),
      scan("lengths", 3, 18, 2, 2, "sgbh", true, {18, 5, 0}),
      scan("lengths, bare softplus", 2, 4, 2, 3, "", true, {4, 1}),
      scan("skip", 1, 4, 2, 3, "s", true),
      scan("gate", 1, 4, 2, 3, "g", false),
      scan("delta_bias", 1, 4, 2, 3, "b", false),
      scan("h0", 1, 4, 2, 3, "h", true),
  };
  // Why many of a case's numbers are zeros, by a word of its name (tests/support/trust.h).
  static const std::map<std::string, const char*> zeros{{"lengths", "padding"},
                                                        {"starts", "states that a start forgets"},
                                                        {"zero_padding", "padding"},
                                                        {"relu", "what is below 0"},
                                                        {"dropout", "what is dropped"},
                                                        {"slice", "what is left out"},
                                                        {"last_step", "steps before the last, empty sequences"},
                                                        {"cross_entropy", "targets that are ignored"}};
  for (OpCase& op : cases)
    for (const auto& [word, reason] : zeros)
      if (op.name.find(word) != std::string::npos) op.zeros = reason;
  return cases;
}

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = make();
  return cases;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION::testing
