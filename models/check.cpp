#include "models/check.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/threads.h"
#include "models/sequence_model.h"
#include "models/stepper.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

// Kernels split sequences into chunks of 16 (selective scan) and 64 (ssd): past two borders of the longer one. In steps
// of the blocks.
constexpr Index kBatch = 3, kLength = 131, kSplit = 67;
constexpr bool kDouble = sizeof(Real) == 8;

/// Relative to the largest output.
constexpr double kTolerance = kDouble ? 1e-9 : 1e-4;

Json shrunk(Json model) {
  if (model.value("d_model", Index{64}) > 32) model["d_model"] = 32;
  if (!model.contains("layers") || (model["layers"].is_number() && model["layers"] > 2)) model["layers"] = 2;
  model["dropout"] = 0;
  if (model.contains("max_length") && model["max_length"].is_number() && model["max_length"] < kLength)
    model["max_length"] = kLength;
  return model;
}

class Subject {
 public:
  explicit Subject(const CheckSubject& subject) : subject_(subject) {
    ModelConfig config;
    const Json root = {{"model", shrunk(subject.model)}};
    read_fields([&](Fields& f) { f.named("model", "", config.named()); }, root, "");
    model_ = std::make_unique<SequenceModel>(config, subject.shape);
    allocate(model_->parameters(), 1);
    Random random(1, "check");
    for (Index i = 0; i < kBatch * length() * std::max<Index>(1, subject.shape.features); ++i)
      inputs_.push_back(subject.shape.vocabulary ? static_cast<double>(random.below(subject.shape.vocabulary))
                                                 : random.normal());
    for (Index i = 0; i < kBatch * length() * subject.shape.outputs; ++i) weights_.push_back(random.uniform(-1, 1));
  }

  SequenceModel& model() { return *model_; }
  // Steps of the input; where a stem puts them together, some are left over.
  Index length() const { return kLength * stride() + stride() / 2; }
  Index split() const { return kSplit * stride() + stride() / 3; }
  Index stride() const { return model_->stride(); }
  bool pooled() const { return subject_.shape.pooled; }
  double& input(Index b, Index t) { return inputs_[static_cast<std::size_t>((b * length() + t) * width())]; }
  void change(Index b, Index t) {
    double& x = input(b, t);
    x = subject_.shape.vocabulary ? std::fmod(x + 1, static_cast<double>(subject_.shape.vocabulary)) : x + 1;
  }

  /// Steps [begin, end); lengths: of the whole sequences, or empty.
  Variable run(Index begin, Index end, ModelState& state, bool carry, const std::vector<std::int32_t>& lengths = {}) {
    ModelInput in;
    const Index steps = end - begin;
    if (subject_.shape.vocabulary)
      in.tokens = IndexTensor(Shape{kBatch, steps});
    else
      in.values = Tensor(Shape{kBatch, steps, width()});
    for (Index b = 0; b < kBatch; ++b)
      for (Index i = 0; i < steps * width(); ++i) {
        const double x = inputs_[static_cast<std::size_t>((b * length() + begin) * width() + i)];
        if (subject_.shape.vocabulary)
          in.tokens.data()[b * steps + i] = static_cast<std::int32_t>(x);
        else
          in.values.data()[b * steps * width() + i] = static_cast<Real>(x);
      }
    if (!lengths.empty()) in.lengths = IndexTensor::of(Shape{kBatch}, lengths);
    return model_->forward(in, state, {.carry = carry});
  }
  Variable whole(bool carry, const std::vector<std::int32_t>& lengths = {}) {
    ModelState state;
    return run(0, length(), state, carry, lengths);
  }

  /// A fixed random combination of the outputs within `lengths`.
  Variable loss(const Variable& out, const std::vector<std::int32_t>& lengths = {}) const {
    Tensor weight = Tensor::zeros(out.shape());
    const Index steps = subject_.shape.pooled ? 1 : out.dim(1);
    for (Index b = 0; b < kBatch; ++b)
      for (Index t = 0; t < steps; ++t)
        for (Index i = 0; i < subject_.shape.outputs; ++i)
          if (lengths.empty() || (subject_.shape.pooled ? lengths[static_cast<std::size_t>(b)] > 0
                                                        : t < lengths[static_cast<std::size_t>(b)]))
            weight.data()[(b * steps + t) * subject_.shape.outputs + i] =
                static_cast<Real>(weights_[static_cast<std::size_t>((b * length() + t) * subject_.shape.outputs + i)]);
    const Variable flat = reshape(multiply(out, Variable(weight)), Shape{1, out.size()});
    return linear(flat, Variable(Tensor::full(Shape{1, out.size()}, 1)));
  }

 private:
  Index width() const { return std::max<Index>(1, subject_.shape.features); }
  CheckSubject subject_;
  std::unique_ptr<SequenceModel> model_;
  std::vector<double> inputs_, weights_;
};

double largest(const Variable& x) {
  double most = 0;
  for (Index i = 0; i < x.size(); ++i) most = std::max(most, std::fabs(static_cast<double>(x.data()[i])));
  return most;
}

/// The largest difference between steps [begin, …) of `whole` and `part`, relative to the largest of `whole`.
double difference(const Variable& whole, const Variable& part, Index begin = 0) {
  const Index outputs = whole.shape().back(), all = whole.size() / kBatch, some = part.size() / kBatch;
  double most = 0;
  for (Index b = 0; b < kBatch; ++b)
    for (Index i = 0; i < some; ++i) {
      const double error =
          std::fabs(static_cast<double>(whole.data()[b * all + begin * outputs + i] - part.data()[b * some + i]));
      if (!(error <= most)) most = std::isnan(error) ? INFINITY : error;
    }
  return most / largest(whole);
}

CheckResult within(const std::string& name, double error, double tolerance) {
  std::ostringstream text;
  text.precision(2);
  text << "largest relative difference " << error << ", allowed " << tolerance;
  return {name, error <= tolerance, text.str()};
}

[[maybe_unused]] CheckResult gradients(Subject& s, bool streams) {
  // Where the model streams, the loss is on the second chunk: gradients reach the first through the state.
  const bool carry = streams && !s.pooled();
  const auto loss = [&] {
    if (!carry) return s.loss(s.whole(false));
    ModelState state;
    s.run(0, s.split(), state, true);
    return s.loss(s.run(s.split(), s.length(), state, true));
  };
  for (const Parameter* p : s.model().parameters()) p->variable.clear_grad();
  {
    Tape tape;
    tape.backward(loss());
  }
  Random random(2, "direction");
  double worst = 0;
  std::string where = "none";
  for (const Parameter* p : s.model().parameters()) {
    const std::vector<Real> kept = p->variable.value().to_vector();
    const Tensor grad = p->variable.grad().defined() ? p->variable.grad() : Tensor::zeros(p->shape);
    std::vector<double> direction;
    double analytic = 0, scale = 0;
    for (Index i = 0; i < p->shape.size(); ++i) {
      direction.push_back(random.uniform(-1, 1));
      analytic += direction.back() * static_cast<double>(grad.data()[i]);
      scale += std::fabs(direction.back() * static_cast<double>(grad.data()[i]));
    }
    constexpr double eps = 2e-6;
    const auto at = [&](double step) {
      for (Index i = 0; i < p->shape.size(); ++i)
        p->variable.data()[i] = static_cast<Real>(static_cast<double>(kept[static_cast<std::size_t>(i)]) +
                                                  step * direction[static_cast<std::size_t>(i)]);
      return static_cast<double>(loss().data()[0]);
    };
    const auto difference = [&](double step) { return (at(step) - at(-step)) / (2 * step); };
    // Richardson's: the norm of a head that is almost 0 bends too much for one difference.
    const double numeric = (4 * difference(eps / 2) - difference(eps)) / 3;
    std::copy(kept.begin(), kept.end(), p->variable.data());
    const double error = std::fabs(analytic - numeric) / (scale + std::fabs(numeric) + 1e-3);
    if (!(error <= worst)) worst = std::isnan(error) ? INFINITY : error, where = p->path;
  }
  CheckResult result = within("gradients against differences", worst, 1e-5);
  result.detail += "; worst: " + where;
  return result;
}

CheckResult chunks(Subject& s, Index chunk, const std::string& name) {
  const Variable whole = s.whole(true);
  ModelState state;
  double worst = 0;
  for (Index t = 0; t < s.length(); t += chunk) {
    const Variable part = s.run(t, std::min(s.length(), t + chunk), state, true);
    if (!s.pooled()) worst = std::max(worst, difference(whole, part, t));
    if (s.pooled() && t + chunk >= s.length()) worst = difference(whole, part);
  }
  return within(name, worst, kTolerance);
}

/// Shorter sequences, around the borders of the kernels' chunks, with and without the state after them.
CheckResult prefixes(Subject& s) {
  const Variable whole = s.whole(true);
  double worst = 0;
  for (const Index length : {1, 2, 3, 15, 16, 17, 63, 64, 65, 127, 128, 129})
    for (const bool carry : {true, false}) {
      ModelState state;
      worst = std::max(worst, difference(whole, s.run(0, length, state, carry)));
    }
  return within("sequences of 1 to 129 steps as the start of a longer one", worst, kTolerance);
}

/// Generation's way to step: see Stepper.
CheckResult generation(Subject& s) {
  const Variable whole = s.whole(true);
  ModelState state;
  s.run(0, s.split(), state, true);
  Stepper stepper(s.model(), state, kBatch);
  double worst = 0;
  for (Index t = s.split(); t < s.length(); ++t) {
    std::vector<std::int32_t> tokens;
    for (Index b = 0; b < kBatch; ++b) tokens.push_back(static_cast<std::int32_t>(s.input(b, t)));
    Tensor logits(Shape{kBatch, 1, whole.shape().back()});
    std::copy_n(stepper.step(tokens), logits.size(), logits.data());
    worst = std::max(worst, difference(whole, Variable(logits), t));
  }
  CheckResult result = within("generating as at once", worst, kTolerance);
  if (stepper.replays()) result.detail += "; one traced step is repeated";
  if (s.model().bounded_state() && !stepper.replays())
    result = {result.name, false,
              "its steps cannot be repeated: an op's forward reads more than its operands (autograd/op.h)"};
  return result;
}

CheckResult causality(Subject& s) {
  const Variable before = s.whole(true);
  for (Index b = 0; b < kBatch; ++b) s.change(b, s.split());
  const Variable after = s.whole(true);
  const Index outputs = before.shape().back();
  double earlier = 0, later = 0;
  for (Index i = 0; i < before.size(); ++i) {
    double& most = i / outputs % s.length() < s.split() ? earlier : later;
    most = std::max(most, std::fabs(static_cast<double>(before.data()[i] - after.data()[i])));
  }
  CheckResult result = within("a later input changes no earlier output", earlier, 0);
  if (later == 0) result = {result.name, false, "an input changes no output at all"};
  return result;
}

/// Loss and every gradient of sequences padded with two different paddings.
CheckResult padding(Subject& s, bool carry) {
  const std::vector<std::int32_t> lengths{static_cast<std::int32_t>(s.length()), static_cast<std::int32_t>(s.split()),
                                          0};
  std::vector<std::vector<Real>> runs;
  for (int variation = 0; variation < 2; ++variation) {
    for (const Parameter* p : s.model().parameters()) p->variable.clear_grad();
    Tape tape;
    const Variable loss = s.loss(s.whole(carry, lengths), lengths);
    std::vector<Real> numbers{loss.data()[0]};
    tape.backward(loss);
    for (const Parameter* p : s.model().parameters())
      if (p->variable.grad().defined())
        numbers.insert(numbers.end(), p->variable.grad().data(), p->variable.grad().data() + p->shape.size());
    runs.push_back(numbers);
    for (Index b = 0; b < kBatch; ++b)
      for (Index t = lengths[static_cast<std::size_t>(b)]; t < s.length(); ++t) s.change(b, t);
  }
  double worst = 0, most = 1e-30;
  for (std::size_t i = 0; i < runs[0].size(); ++i) {
    worst = std::max(worst, std::fabs(static_cast<double>(runs[0][i] - runs[1][i])));
    most = std::max(most, std::fabs(static_cast<double>(runs[0][i])));
  }
  return within(carry ? "what lies after a sequence's end changes nothing, streaming"
                      : "what lies after a sequence's end changes nothing",
                worst / most, kTolerance);
}

CheckResult threads(Subject& s) {
  const int kept = thread_count();
  std::vector<std::vector<Real>> runs;
  for (const int count : {1, 2, 5}) {
    set_thread_count(count);
    for (const Parameter* p : s.model().parameters()) p->variable.clear_grad();
    Tape tape;
    const Variable loss = s.loss(s.whole(false));
    tape.backward(loss);
    std::vector<Real> numbers{loss.data()[0]};
    for (const Parameter* p : s.model().parameters())
      if (p->variable.grad().defined())
        numbers.insert(numbers.end(), p->variable.grad().data(), p->variable.grad().data() + p->shape.size());
    runs.push_back(numbers);
  }
  set_thread_count(kept);
  const bool same = runs[0] == runs[1] && runs[0] == runs[2];
  return {"the same bits on 1, 2 and 5 threads", same, same ? "loss and every gradient" : "they differ"};
}

}  // namespace

std::vector<CheckResult> check_model(const CheckSubject& subject) {
  Subject s(subject);
  std::vector<CheckResult> results;
  std::string cannot_stream;
  try {
    ModelState state;
    s.run(0, s.split(), state, true);
    s.run(s.split(), s.length(), state, true);
  } catch (const ConfigError& error) {
    cannot_stream = error.what();
  }
  // In float a difference is noise; there every op is held against its double build instead.
  if constexpr (kDouble) results.push_back(gradients(s, cannot_stream.empty()));
  if (cannot_stream.empty()) {
    for (const Index steps : {65, 16, 5}) {
      const Index chunk = steps * s.stride() - s.stride() / 4;
      results.push_back(chunks(s, chunk, str("in chunks of ", chunk, " as at once")));
    }
    results.push_back(chunks(s, 1, "step by step as at once"));
    results.push_back(
        within("without carried state as with it", difference(s.whole(true), s.whole(false)), kTolerance));
    if (!s.pooled()) results.push_back(prefixes(s));
    if (!s.pooled() && subject.shape.vocabulary) results.push_back(generation(s));
    if (!s.pooled()) results.push_back(causality(s));
    if (!s.pooled()) results.push_back(padding(s, true));
  } else {
    results.push_back({"streaming", true, "does not apply: " + cannot_stream});
  }
  results.push_back(padding(s, false));
  results.push_back(threads(s));
  return results;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
