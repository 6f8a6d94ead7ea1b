// Compiled in double: for every mixer, all ways to run give the same numbers and the right gradients.
#include "models/mixer.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/gradcheck.h"
#include "core/threads.h"
#include "models/sequence_model.h"

using namespace seqtape;

namespace {

constexpr Index kVocabulary = 7, kBatch = 3, kLength = 21;

std::unique_ptr<SequenceModel> small_model(const std::string& mixer) {
  ModelConfig config;
  Json json = {{"model", {{"name", mixer}, {"d_model", 8}, {"layers", 2}}}};
  read_fields([&](Fields& f) { f.named("model", "", config.named()); }, json, "");
  auto model = std::make_unique<SequenceModel>(config, ModelShape{.vocabulary = kVocabulary, .outputs = 5});
  allocate(model->parameters(), 1);
  return model;
}

IndexTensor tokens(std::uint64_t seed) {
  IndexTensor ids(Shape{kBatch, kLength});
  Random random(seed, "tokens");
  for (Index i = 0; i < ids.size(); ++i) ids.data()[i] = static_cast<std::int32_t>(random.below(kVocabulary));
  return ids;
}

/// Columns [begin, end) of [B, L].
IndexTensor slice(const IndexTensor& ids, Index begin, Index end) {
  IndexTensor part(Shape{ids.dim(0), end - begin});
  for (Index b = 0; b < ids.dim(0); ++b)
    for (Index t = begin; t < end; ++t) part.data()[b * (end - begin) + t - begin] = ids.data()[b * ids.dim(1) + t];
  return part;
}

double difference(const Variable& whole, const Variable& part, Index begin) {
  double most = 0;
  const Index steps = part.dim(1), outputs = part.dim(2);
  for (Index b = 0; b < part.dim(0); ++b)
    for (Index i = 0; i < steps * outputs; ++i) {
      const double error = std::fabs(whole.data()[(b * whole.dim(1) + begin) * outputs + i] - part.data()[b * steps * outputs + i]);
      if (!(error <= most)) most = std::isnan(error) ? INFINITY : error;
    }
  return most;
}

Variable weighted_sum(const Variable& logits, const IndexTensor& targets) { return cross_entropy(logits, targets); }

}  // namespace

TEST_CASE("whole, chunk by chunk and step by step give the same numbers") {
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    const auto model = small_model(name);
    const IndexTensor ids = tokens(1);
    ModelState state;
    const Variable whole = model->forward({ids, {}, {}}, state);
    for (const Index chunk : {Index{1}, Index{4}, Index{16}}) {
      ModelState carried;
      for (Index t = 0; t < kLength; t += chunk) {
        const Index end = std::min(kLength, t + chunk);
        CHECK(difference(whole, model->forward({slice(ids, t, end), {}, {}}, carried), t) < 1e-11);
      }
    }
  }
}

TEST_CASE("a pass that carries no state gives the same numbers") {
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    const auto model = small_model(name);
    IndexTensor ids(Shape{2, 70});  // long enough for a convolution
    for (Index i = 0; i < ids.size(); ++i) ids.data()[i] = static_cast<std::int32_t>(i * i % kVocabulary);
    ModelState carried, dropped;
    const Variable whole = model->forward({ids, {}, {}}, carried);
    CHECK(difference(whole, model->forward({ids, {}, {}}, dropped, {.carry = false}), 0) < 1e-9);
  }
}

TEST_CASE("a later token changes no earlier output") {
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    const auto model = small_model(name);
    IndexTensor ids = tokens(1);
    ModelState first, second;
    const Variable before = model->forward({ids, {}, {}}, first);
    for (Index b = 0; b < kBatch; ++b) ids.data()[b * kLength + 12] = (ids.data()[b * kLength + 12] + 1) % kVocabulary;
    const Variable after = model->forward({ids, {}, {}}, second);
    double earlier = 0, later = 0;
    for (Index b = 0; b < kBatch; ++b)
      for (Index t = 0; t < kLength; ++t)
        for (Index v = 0; v < 5; ++v) {
          const Index at = (b * kLength + t) * 5 + v;
          double& most = t < 12 ? earlier : later;
          most = std::max(most, std::fabs(before.data()[at] - after.data()[at]));
        }
    CHECK_EQ(earlier, 0);
    CHECK(later > 1e-6);
  }
}

TEST_CASE("what lies behind a sequence's length changes nothing, forward or backward") {
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    const auto model = small_model(name);
    const IndexTensor lengths = IndexTensor::of(Shape{kBatch}, {kLength, 9, 0});
    IndexTensor targets = tokens(2);
    for (Index i = 0; i < targets.size(); ++i) targets.data()[i] = i % kLength < lengths.data()[i / kLength] ? targets.data()[i] % 5 : kIgnore;
    std::vector<std::vector<double>> runs;
    for (const int variation : {0, 1}) {
      IndexTensor ids = tokens(1);
      for (Index i = 0; i < ids.size(); ++i)
        if (i % kLength >= lengths.data()[i / kLength]) ids.data()[i] = (ids.data()[i] + variation) % kVocabulary;
      for (const Parameter* p : model->parameters()) p->variable.clear_grad();
      Tape tape;
      ModelState state;
      const Variable loss = weighted_sum(model->forward({ids, {}, lengths}, state), targets);
      std::vector<double> numbers{loss.data()[0]};
      for (const State& layer : state.layers)
        for (const Variable& part : layer) numbers.insert(numbers.end(), part.data(), part.data() + part.size());
      tape.backward(loss);
      for (const Parameter* p : model->parameters())
        if (p->path.find("embedding") == std::string::npos)
          numbers.insert(numbers.end(), p->variable.grad().data(), p->variable.grad().data() + p->shape.size());
      runs.push_back(numbers);
    }
    CHECK(runs[0] == runs[1]);
  }
}

TEST_CASE("every parameter's gradient agrees with a difference in a random direction, through carried state") {
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    const auto model = small_model(name);
    const IndexTensor ids = tokens(1), targets = slice(tokens(2), 10, kLength);
    for (Index i = 0; i < targets.size(); ++i) targets.data()[i] %= 5;
    // The loss is on the second chunk only: gradients reach the first through the state.
    const auto loss = [&] {
      ModelState state;
      model->forward({slice(ids, 0, 10), {}, {}}, state);
      return weighted_sum(model->forward({slice(ids, 10, kLength), {}, {}}, state), targets);
    };
    {
      Tape tape;
      tape.backward(loss());
    }
    Random random(9, "direction");
    for (const Parameter* p : model->parameters()) {
      CAPTURE(p->path);
      REQUIRE(p->variable.grad().defined());
      const std::vector<Real> kept = p->variable.value().to_vector();
      std::vector<double> direction;
      double analytic = 0, scale = 0;
      for (Index i = 0; i < p->shape.size(); ++i) {
        direction.push_back(random.uniform(-1, 1));
        analytic += direction.back() * p->variable.grad().data()[i];
        scale += std::fabs(direction.back() * p->variable.grad().data()[i]);
      }
      const auto at = [&](double eps) {
        for (Index i = 0; i < p->shape.size(); ++i) p->variable.data()[i] = kept[static_cast<std::size_t>(i)] + eps * direction[static_cast<std::size_t>(i)];
        return static_cast<double>(loss().data()[0]);
      };
      const double numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
      at(0);
      CHECK(scale > 1e-9);
      CHECK(std::fabs(analytic - numeric) < 1e-5 * scale + 1e-8);
    }
  }
}
