#include "apps/trainer/evaluate.h"

#include <cmath>

#include "core/error.h"
#include "core/kernels/distribution_loss.h"
#include "core/kernels/loss.h"
#include "core/pool.h"

namespace seqtape {

ModelInput model_input(const Batch& batch) {
  ModelInput input;
  if (!batch.tokens.empty()) input.tokens = IndexTensor::of(Shape{batch.batch, batch.length}, batch.tokens);
  if (!batch.values.empty())
    input.values = Tensor::of(
        Shape{batch.batch, batch.length, static_cast<Index>(batch.values.size()) / (batch.batch * batch.length)},
        batch.values);
  if (!batch.kept.empty())
    input.kept =
        Tensor::of(Shape{batch.batch, static_cast<Index>(batch.kept.size()) / (batch.batch * batch.bands), batch.bands},
                   batch.kept);
  if (!batch.lengths.empty()) input.lengths = IndexTensor::of(Shape{batch.batch}, batch.lengths);
  return input;
}

namespace {

/// The mean squared error of the targets that are not missing; 0 where all are.
Variable regression_loss(const Variable& outputs, const Batch& batch, const Distribution& distribution) {
  if (distribution.kind != Distribution::Kind::point) {
    const auto count = static_cast<Index>(batch.target_values.size());
    return distribution_loss(outputs, Tensor::of(Shape{count}, batch.target_values), distribution);
  }
  const double all = static_cast<double>(batch.target_values.size()), scored = batch.scored();
  if (scored == all) return mse_loss(outputs, Variable(Tensor::of(outputs.shape(), batch.target_values)));
  std::vector<float> targets = batch.target_values, known(targets.size(), 1);
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (std::isnan(targets[i])) targets[i] = known[i] = 0;
  const auto constant = [&](const std::vector<float>& values) { return Variable(Tensor::of(outputs.shape(), values)); };
  // The mean is over all outputs, of which those that are missing have no error.
  return scale(mse_loss(multiply(outputs, constant(known)), constant(targets)), scored > 0 ? all / scored : 0);
}

/// Each label as a choice between two classes, absent and present, of the logits 0 and its own: the softmax of these is
/// the sigmoid, and their cross entropy the binary one. logits [B, outputs] -> [B outputs, 2]
Variable two_ways(const Variable& logits) {
  const Tensor zero_and_one = Tensor::of(Shape{2, 1}, std::vector<float>{0, 1});
  return linear(reshape(logits, Shape{logits.size(), 1}), Variable(zero_and_one), {});
}

std::vector<std::int32_t> present(const Batch& batch) {
  return {batch.target_values.begin(), batch.target_values.end()};
}

}  // namespace

Variable batch_loss(const Variable& logits, const Batch& batch, const TaskShape& shape) {
  if (shape.regression()) return regression_loss(logits, batch, shape.distribution);
  const std::vector<std::int32_t>& targets = shape.multi_label() ? present(batch) : batch.targets;
  const auto count = static_cast<Index>(targets.size());
  const Tensor weights = batch.weights.empty() ? Tensor() : Tensor::of(Shape{count}, batch.weights);
  return cross_entropy(shape.multi_label() ? two_ways(logits) : logits, IndexTensor::of(Shape{count}, targets), 0,
                       weights);
}

void Score::add(const Variable& outputs, const Batch& batch, const TaskShape& shape) {
  if (shape.regression()) {
    const Distribution& of = shape.distribution;
    const bool point = of.kind == Distribution::Kind::point;
    const auto width = static_cast<std::size_t>(of.width());
    for (std::size_t i = 0; i < batch.target_values.size(); ++i) {
      const float truth = batch.target_values[i], *const output = outputs.data() + i * width;
      if (std::isnan(truth)) continue;
      const double error = point ? static_cast<double>(*output - truth) : of.point(output) - static_cast<double>(truth);
      square_ += error * error;
      absolute_ += std::fabs(error);
    }
    if (point) {
      loss_ = square_;
      scored_ += static_cast<Index>(batch.scored());
    } else {
      Index scored = 0;
      loss_ += kernels::distribution_loss(of, std::ssize(batch.target_values), outputs.data(),
                                          batch.target_values.data(), &scored);
      scored_ += scored;
    }
    if (batch.last) sequences_ += batch.batch;
    return;
  }
  const std::vector<std::int32_t>& targets = shape.multi_label() ? present(batch) : batch.targets;
  const Variable logits = shape.multi_label() ? two_ways(outputs) : outputs;
  const auto rows = static_cast<Index>(targets.size()), classes = logits.shape().back();
  Tensor log_sum(Shape{rows});
  IndexTensor hit(Shape{rows});
  double scored = 0;
  loss_ += kernels::loss->cross_entropy(rows, classes, 0, kIgnore, logits.data(), targets.data(), nullptr,
                                        log_sum.data(), &scored);
  scored_ += static_cast<Index>(scored);
  correct_ += kernels::loss->correct(rows, classes, kIgnore, logits.data(), targets.data(), hit.data());
  // Of a pooled task only the last chunk is added.
  if (batch.first || shape.pooled) all_correct_.assign(static_cast<std::size_t>(batch.batch), true);
  for (Index r = 0; r < rows; ++r)
    if (hit.data()[r] == 0) all_correct_[static_cast<std::size_t>(r * batch.batch / rows)] = false;
  if (!batch.last) return;
  sequences_ += batch.batch;
  for (const bool correct : all_correct_) whole_ += correct;
}

Json Score::metrics(const TaskShape& shape) const {
  const bool finite = std::isfinite(loss());
  const auto share = [&](double part, Index all) {
    return json_number(!finite ? NAN : all ? part / static_cast<double>(all) : 0);
  };
  Json json = {{"loss", json_number(loss())}};
  if (shape.regression()) {
    json["mse"] = share(square_, scored_);
    json["mae"] = share(absolute_, scored_);
    return json;
  }
  json["accuracy"] = share(static_cast<double>(correct_), scored_);
  if (shape.next_token())
    json["bits_per_" + shape.unit] = json_number(loss() / std::log(2.0));
  else if (!shape.pooled || shape.multi_label())
    json["sequence_accuracy"] = share(static_cast<double>(whole_), sequences_);
  return json;
}

void require_whole_steps(const Task& task, const SequenceModel& model) {
  const Index stride = model.stride();
  if (stride == 1) return;
  const auto [steps, place] = task.shortest();
  if (steps < stride)
    throw DataError(str(place.empty() ? "task.length" : place, ": has ", steps, " steps, and the model makes one of ",
                        stride, " (model.stem, task.hop); it needs as many"));
}

Index evaluation_chunk(const SequenceModel& model, const TaskShape& shape, Index batch) {
  // About 8192 steps of the blocks at a time: enough to fill the threads, and activations that stay near the caches.
  // Models that cannot stream get whole sequences.
  const Index whole = std::max<Index>(1, shape.length);
  return model.streams() ? std::min(whole, std::max<Index>(64, 8192 / batch) * model.stride()) : whole;
}

std::optional<Score> evaluate(SequenceModel& model, const Task& task, Split split, Index batch,
                              const std::function<bool()>& stop) {
  Score score;
  return evaluate(model, task, split, batch, score, stop, {}) ? std::optional(score) : std::nullopt;
}

bool evaluate(SequenceModel& model, const Task& task, Split split, Index batch, Score& score,
              const std::function<bool()>& stop, const std::function<void(const Variable&, const Batch&)>& see) {
  require_whole_steps(task, model);
  const TaskShape shape = task.shape();
  const auto pass = task.evaluation(split, {.batch = batch, .chunk = evaluation_chunk(model, shape, batch)});
  // Its tensors have other sizes than a training step's, so neither can reuse the other's blocks. Filling the pool
  // again costs less than a step; keeping both would cost memory for the whole run.
  struct Emptied {
    Emptied() { pool::trim(); }
    ~Emptied() { pool::trim(); }
  } const emptied;
  ModelState state;
  for (Batch chunk; pass->next(chunk);) {
    if (stop()) return false;
    if (chunk.first) state = {};
    const Variable logits = model.forward(model_input(chunk), state, {.carry = !(chunk.first && chunk.last)});
    score.read(chunk);
    // With one output a sequence, the one after its last chunk counts.
    if (shape.pooled && !chunk.last) continue;
    score.add(logits, chunk, shape);
    if (see) see(logits, chunk);
  }
  return true;
}

}  // namespace seqtape
