// Every op's outputs against its definition (references*.cpp), on every instruction set: of the cases that are
// gradient-checked, of tensors of several tiles, chunks and vectors, and of every mixer. Compiled in both precisions.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "autograd/ops/ops.h"
#include "core/cpu.h"
#include "models/sequence_model.h"
#include "tests/support/op_names.h"
#include "tests/support/reference.h"
#include "tests/support/reference_report.h"

using namespace seqtape;
using namespace seqtape::testing;

namespace {

/// body() with every set of instructions that this processor runs.
template <class Body>
void on_every_set(const Body& body) {
  const Isa best = best_isa();
  for (int set = 0; set <= static_cast<int>(best); ++set) {
    set_isa(static_cast<Isa>(set));
    CAPTURE(isa_name(isa()));
    body();
  }
  set_isa(best);
}

using Variables = std::vector<Variable>;

/// Beyond the reach of a full Jacobian: several tiles of attention, chunks of a scan, blocks of a product.
std::vector<OpCase> large_cases() {
  const Input absent{{}, 0, 0, true};
  const auto lengths = IndexTensor::of({2}, {150, 67});
  const auto attend = [&](const std::string& name, Index queries, const ops::Attention& how) {
    return OpCase{"attention " + name,
                  {{{2, queries, 2, 17}}, {{2, 150, 2, 17}}, {{2, 150, 2, 17}}},
                  [=](const Variables& x) { return Variables{attention(x[0], x[1], x[2], how)}; }};
  };
  return {
      attend("causal", 150, {.scale = 0.3}),
      attend("full", 150, {.causal = false, .scale = 0.3}),
      attend("cached keys", 70, {.alibi = true, .scale = 0.3}),
      attend("lengths", 150, {.alibi = true, .scale = 0.3, .lengths = lengths}),
      {"linear",
       {{{70, 300}}, {{133, 300}}, {{133}}},
       [](const Variables& x) { return Variables{linear(x[0], x[1], x[2])}; }},
      {"long_conv",
       {{{2, 150, 19}}, {{150, 19}}, {{19}}},
       [](const Variables& x) { return Variables{long_conv(x[0], x[1], x[2])}; }},
      {"selective_scan",
       {{{2, 150, 19}},
        {{2, 150, 19}},
        {{19, 17}, -2, -0.1},
        {{2, 150, 17}},
        {{2, 150, 17}},
        {{19}},
        {{2, 150, 19}},
        {{19}},
        {{2, 19, 17}}},
       [=](const Variables& x) {
         return Variables{selective_scan({x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8], lengths}).y};
       }},
      {"ssd",
       {{{2, 150, 38}},
        {{2, 150, 2}, 0.05, 0.8},
        {{2}, -2, -0.2},
        {{2, 150, 34}},
        {{2, 150, 34}},
        {{2}},
        {{2, 38, 17}}},
       [=](const Variables& x) {
         return Variables{ssd({x[0], x[1], x[2], x[3], x[4], x[5], x[6], 2, lengths}).y};
       }},
      {"ssm_scan",
       {{{2, 150, 19}}, {{19, 5, 2}, -0.6, 0.6}, {{19, 5, 2}}, {{19, 5, 2}}, {{2, 19, 5, 2}}},
       [=](const Variables& x) {
         return Variables{ssm_scan(x[0], {x[1], x[2], {}, {}, {}}, x[3], x[4], lengths).y};
       }},
      {"recurrence lstm",
       {{{2, 30, 76}}, {{76, 19}, -0.3, 0.3}, {{76}}, {{2, 19}}, absent},
       [](const Variables& x) { return Variables{recurrence(Cell::lstm, x[0], x[1], x[2], x[3], x[4]).y}; }},
      {"layer_norm",
       {{{70, 133}, 2, 5}, {{133}}, {{133}}},
       [](const Variables& x) { return Variables{layer_norm(x[0], x[1], x[2], 1e-5)}; }},
      {"cross_entropy",
       {{{70, 133}, -5, 5}},
       [](const Variables& x) {
         IndexTensor target(Shape{70});
         for (Index i = 0; i < 70; ++i) target.data()[i] = static_cast<std::int32_t>(i * 17 % 133);
         return Variables{cross_entropy(x[0], target, 0.1)};
       }},
  };
}

std::unique_ptr<SequenceModel> model_of(const std::string& mixer) {
  ModelConfig config;
  const Json json = {{"model", {{"name", mixer}, {"d_model", 24}, {"layers", 1}, {"dropout", 0.1}}}};
  read_fields([&](Fields& f) { f.named("model", "", config.named()); }, json, "");
  auto model = std::make_unique<SequenceModel>(config, SequenceShape{.vocabulary = 16, .outputs = 16});
  allocate(model->parameters(), 1);
  return model;
}

}  // namespace

TEST_CASE("every op in autograd/ops has a reference") {
  const std::set<std::string> names = referenced_ops();
  const std::vector<std::string> in_files = names_in_op_files();
  for (const std::string& name : in_files) {
    CAPTURE(name);
    CHECK(names.contains(name));
  }
  CHECK_EQ(in_files.size(), names.size());
}

TEST_CASE("every case gives what its ops' references give") {
  on_every_set([] {
    for (const OpCase& op : op_cases())
      for (std::uint64_t seed = 1; seed <= 3; ++seed) CHECK_EQ(reference_report(op, seed), "");
  });
}

TEST_CASE("a report sees zeros, a NaN and a hundredth too much, in every output of every op") {
  std::set<std::string> outputs, seen;
  for (const OpCase& op : op_cases()) {
    Variables inputs;
    for (const Tensor& tensor : draw_inputs(op, 1)) inputs.emplace_back(tensor);
    Trace trace;
    op.function(inputs);
    for (const Trace::Node& node : trace.nodes())
      for (std::size_t i = 0; i < node.values.out.size(); ++i) {
        const Tensor& right = node.values.out[i];
        const std::string output = str(node.op.name(), ": ", node.op.schema().outputs[i]);
        const auto reported = [&](const auto& change) {
          Operands values = node.values;
          values.out[i] = right.clone();
          change(values.out[i]);
          return reference_report(node.op, values).starts_with(output);
        };
        const auto times = [](float factor) {
          return [=](const Tensor& y) {
            for (Index j = 0; j < y.size(); ++j) y.data()[j] *= Real{factor};
          };
        };
        outputs.insert(output);
        if (reported(times(0)) && reported(times(1.01f)) &&
            reported([](const Tensor& y) { y.data()[y.size() - 1] = std::numeric_limits<Real>::quiet_NaN(); }))
          seen.insert(output);
      }
  }
  CHECK_GT(outputs.size(), 50);
  CHECK_EQ(outputs, seen);
}

TEST_CASE("so do tensors of several tiles, chunks and vectors") {
  on_every_set([] {
    for (const OpCase& op : large_cases()) CHECK_EQ(reference_report(op, 1), "");
  });
}

TEST_CASE("and the ops of every mixer: whole padded batches with dropout, and chunks that carry a state") {
  on_every_set([] {
    for (const std::string& name : mixers().names()) {
      CAPTURE(name);
      const auto model = model_of(name);
      ModelInput whole = random_input(model->shape(), 2, 40, "whole"),
                 chunk = random_input(model->shape(), 2, 20, "chunk");
      whole.lengths = IndexTensor::of({2}, {40, 23});
      Trace trace;
      ModelState fresh;
      model->forward(whole, fresh, {.training = true, .dropout = {7}, .carry = false});
      ModelState carried;
      for (int i = 0; i < 2 && model->streams(); ++i) model->forward(chunk, carried);
      trace.end();
      CHECK_GT(trace.nodes().size(), 10);
      CHECK_EQ(reference_report(trace), "");
    }
  });
}

// dplr_discretize's reference is the same identity as its kernel: here is what the identity is for.
TEST_CASE("S4's coefficients make the bilinear step of A = diag(lambda) - P P^H") {
  const Index heads = 2, states = 3, length = 8;
  const Shape pairs{heads, states, 2};
  const std::vector<Tensor> drawn = draw_inputs({"dplr",
                                                 {{{heads}, -3, -2},
                                                  {{heads, states}, -2, 1},
                                                  {{heads, states}, -3, 3},
                                                  {pairs},
                                                  {pairs},
                                                  {pairs},
                                                  {{1, length, heads}}},
                                                 {}},
                                                1);
  Variables x;
  for (const Tensor& tensor : drawn) x.emplace_back(tensor);
  const Plain log_dt(drawn[0]), log_real(drawn[1]), imag(drawn[2]), p(drawn[3]), b(drawn[4]), c(drawn[5]), u(drawn[6]);
  const Tensor y = ssm_scan(x[6], dplr_discretize(x[0], x[1], x[2], x[3], x[4]), x[5]).y.value();
  for (Index h = 0; h < heads; ++h) {
    const double dt = std::exp(log_dt(h));
    using Half = std::vector<Complex>;  // of the conjugate pairs
    const auto a_times = [&](const Half& s) {
      const double along_p = 2 * sum(states, [&](Index n) { return std::conj(pair(p, h, n)) * s[n]; }).real();
      Half product;
      for (Index n = 0; n < states; ++n)
        product.push_back(Complex(-std::exp(log_real(h, n)), imag(h, n)) * s[n] - pair(p, h, n) * along_p);
      return product;
    };
    Half s(states);
    for (Index t = 0; t < length; ++t) {
      // (I - dt/2 A) s[t] = (I + dt/2 A) s[t-1] + dt B u[t], by iteration: dt/2 A is a contraction.
      const Half from = a_times(s);
      Half right = s;
      for (Index n = 0; n < states; ++n) right[n] += dt / 2 * from[n] + dt * pair(b, h, n) * u(Index{0}, t, h);
      for (int i = 0; i < 60; ++i) {
        const Half to = a_times(s);
        for (Index n = 0; n < states; ++n) s[n] = right[n] + dt / 2 * to[n];
      }
      const double want = 2 * sum(states, [&](Index n) { return pair(c, h, n) * s[n]; }).real();
      CHECK(std::fabs(static_cast<double>(y.data()[t * heads + h]) - want) < (sizeof(Real) == 8 ? 1e-12 : 1e-5));
    }
  }
}

TEST_CASE("dropout: the share of zeros, the scale, and one mask for one key, sequence, step and channel") {
  const Index length = 300, width = 33;
  const Tensor ones = Tensor::full(Shape{4, length, width}, 1);
  const auto dropped = [&](double rate, std::uint64_t key, Index sequence, Index step, const Tensor& x) {
    return dropout(Variable(x), rate, {key, sequence, step}).value();
  };
  for (const double rate : {0.1, 0.5, 0.9}) {
    const Tensor y = dropped(rate, 5, 0, 0, ones);
    double zeros = 0, others = 0;
    for (Index i = 0; i < y.size(); ++i) {
      const auto value = static_cast<double>(y.data()[i]);
      zeros += value == 0;
      others += value != 0 && !(std::fabs(value * (1 - rate) - 1) < 1e-6);
    }
    CHECK_EQ(others, 0);
    const auto n = static_cast<double>(y.size());
    CHECK(std::fabs(zeros / n - rate) < 5 * std::sqrt(rate * (1 - rate) / n));  // five standard deviations
    CHECK(y.to_vector() == dropped(rate, 5, 0, 0, ones).to_vector());
    CHECK(y.to_vector() != dropped(rate, 6, 0, 0, ones).to_vector());
    // The second sequence by itself, and the steps of it from 100 on.
    const auto second = y.to_vector();
    const auto at = [&](Index step) { return second.begin() + (length + step) * width; };
    CHECK(dropped(rate, 5, 1, 0, ones.slice(0, 1)).to_vector() == std::vector<Real>(at(0), at(length)));
    CHECK(dropped(rate, 5, 1, 100, Tensor::full(Shape{1, 200, width}, 1)).to_vector() ==
          std::vector<Real>(at(100), at(length)));
  }
}
