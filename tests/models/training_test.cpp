// The float build: training reduces a loss, is bit-equal at any thread count, and asks the system for no memory.
#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>

#include "autograd/optim/optimizer.h"
#include "core/threads.h"
#include "models/sequence_model.h"

using namespace seqtape;

namespace {

struct Setup {
  std::unique_ptr<SequenceModel> model;
  std::unique_ptr<Optimizer> optimizer;
  IndexTensor ids{Shape{4, 40}}, targets{Shape{4, 40}};

  explicit Setup(const std::string& mixer, double dropout = 0) {
    ModelConfig config;
    const Json json = {{"model", {{"name", mixer}, {"d_model", 24}, {"layers", 2}, {"dropout", dropout}}}};
    read_fields([&](Fields& f) { f.named("model", "", config.named()); }, json, "");
    model = std::make_unique<SequenceModel>(config, SequenceShape{.vocabulary = 16, .outputs = 16});
    allocate(model->parameters(), 1);
    optimizer = optimizers().find("adamw")->make();
    optimizer->lr = 3e-3;
    optimizer->attach(model->parameters());
    Random random(3, "data");
    for (Index i = 0; i < ids.size(); ++i) ids.data()[i] = static_cast<std::int32_t>(random.below(16));
    for (Index i = 0; i < ids.size(); ++i)
      targets.data()[i] = i % 40 ? ids.data()[i - 1] : kIgnore;  // repeat the last token
  }
  double step(std::uint64_t key = 0) {
    optimizer->clear_gradients();
    Tape tape;
    ModelState state;
    const Variable loss = cross_entropy(
        model->forward({ids, {}, {}}, state, {.training = true, .dropout = {key}, .carry = false}), targets);
    tape.backward(loss);
    optimizer->step(1, optimizer->gradient_norm());
    return static_cast<double>(loss.data()[0]);
  }
};

}  // namespace

TEST_CASE("every mixer learns to repeat the last token") {
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    Setup setup(name);
    const double before = setup.step();
    double after = before;
    for (int i = 0; i < 150; ++i) after = setup.step();
    CHECK(before > 2);
    CHECK(after < 0.5 * before);
  }
}

TEST_CASE("every parameter of every mixer takes a gradient") {
  for (const std::string& name : mixers().names()) {
    Setup setup(name);
    setup.step();
    for (const Parameter* p : setup.model->parameters()) {
      CAPTURE(name);
      CAPTURE(p->path);
      const Tensor& grad = p->variable.grad();
      REQUIRE(grad.defined());
      CHECK(std::any_of(grad.data(), grad.data() + grad.size(), [](Real x) { return x != 0; }));
    }
  }
}

TEST_CASE("dropout is drawn anew in every training step, and off outside of training") {
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    Setup plain(name), dropping(name, 0.5);
    const auto logits = [](const Setup& setup, const RunMode& mode) {
      ModelState state;
      return setup.model->forward({setup.ids, {}, {}}, state, mode).value().to_vector();
    };
    const RunMode once{.training = true, .dropout = {1}, .carry = false};
    const RunMode again{.training = true, .dropout = {2}, .carry = false};
    for (const bool carry : {false, true}) CHECK(logits(dropping, {.carry = carry}) == logits(plain, {.carry = carry}));
    CHECK(logits(dropping, once) == logits(dropping, once));
    CHECK(logits(dropping, once) != logits(dropping, again));
    CHECK(logits(plain, once) == logits(plain, {.carry = false}));
  }
}

TEST_CASE("norms and biases never decay, whatever the optimizer; matrices do") {
  for (const auto& entry : optimizers().entries) {
    CAPTURE(entry.name);
    Setup setup("transformer");
    const auto optimizer = entry.make();
    optimizer->lr = 0.01;
    optimizer->weight_decay = 0.5;
    optimizer->attach(setup.model->parameters());
    std::vector<std::vector<Real>> before;
    for (const Parameter* p : setup.model->parameters()) {
      p->variable.slot()->grad = Tensor::zeros(p->shape);
      before.push_back(p->variable.value().to_vector());
    }
    optimizer->step(1, 0);
    int kept = 0, decayed = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const Parameter& p = *setup.model->parameters()[i];
      CAPTURE(p.path);
      const bool same = p.variable.value().to_vector() == before[i];
      CHECK_EQ(same, p.shape.rank() < 2);
      ++(same ? kept : decayed);
    }
    CHECK_GE(kept, 5);
    CHECK_GE(decayed, 5);
  }
}

TEST_CASE("every mixer trains to the same bits at 1, 2 and 5 threads") {
  const int threads = thread_count();
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    std::vector<std::vector<Real>> runs;
    for (const int count : {1, 2, 5}) {
      set_thread_count(count);
      Setup setup(name, 0.1);
      for (std::uint64_t i = 0; i < 4; ++i) setup.step(i);
      std::vector<Real> weights;
      for (const Parameter* p : setup.model->parameters())
        weights.insert(weights.end(), p->variable.data(), p->variable.data() + p->shape.size());
      runs.push_back(weights);
    }
    CHECK(runs[0] == runs[1]);
    CHECK(runs[0] == runs[2]);
  }
  set_thread_count(threads);
}

TEST_CASE("a steady training step asks the system for no memory") {
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    Setup setup(name);
    for (int i = 0; i < 3; ++i) setup.step();
    const auto before = pool::statistics();
    const auto heap = mallinfo2();
    for (int i = 0; i < 5; ++i) setup.step();
    CHECK_EQ(pool::statistics().system_allocations, before.system_allocations);
    CHECK_EQ(pool::statistics().in_use, before.in_use);
    const auto heap_after = mallinfo2();
    CHECK(heap_after.arena <= heap.arena);    // neither the heap's break
    CHECK(heap_after.hblkhd <= heap.hblkhd);  // nor mapped blocks have grown
  }
}
