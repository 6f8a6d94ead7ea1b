#include "apps/baselines/linear.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "apps/baselines/ridge.h"
#include "apps/trainer/answers.h"
#include "apps/trainer/evaluate.h"
#include "apps/trainer/metrics.h"
#include "core/random.h"
#include "core/strings.h"
#include "core/threads.h"

namespace seqtape {
namespace {

constexpr Index kMostNumbers = 1 << 27, kRows = 64;
const std::vector<double> kPenalties{1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10};

/// What the map of a sequence should answer, [rows, outputs]; NaN: missing.
std::vector<float> wanted(const TaskShape& shape, const SequenceOf& of, const LinearForm& form,
                          const std::vector<float>& base) {
  std::vector<float> out(static_cast<std::size_t>(shape.outputs));
  const Index outputs = shape.outputs / form.rows;
  for (Index i = 0; i < shape.outputs; ++i) {
    const Index row = i % form.rows;
    out[static_cast<std::size_t>(row * outputs + i / form.rows)] =
        shape.regression() ? of.batch.target_values[static_cast<std::size_t>(of.b * shape.outputs + i)] -
                                 base[static_cast<std::size_t>(row)]
        : of.batch.targets[static_cast<std::size_t>(of.b)] == i ? 1.0f
                                                                : -1.0f;
  }
  return out;
}

/// A form's numbers of a batch, a sequence after the other.
struct Reads {
  std::vector<float> x, base;
  void resize(const LinearForm& form, Index sequences) {
    x.assign(static_cast<std::size_t>(sequences * form.rows * form.features), 0);
    base.assign(static_cast<std::size_t>(sequences * form.rows), 0);
  }
};

LinearCases training_cases(const Task& task, const LinearForm& form, Index stride, const Tell& tell) {
  const TaskShape shape = task.shape();
  LinearCases cases{form.features, shape.outputs / form.rows};
  const Index all = task.training_sequences();
  Reads reads;
  reads.resize(form, kRows);
  each_sequence(
      task, Split::train,
      [&](const SequenceOf& of) {
        if (!is_kept(of.number, stride)) return;
        float *const x = &reads.x[static_cast<std::size_t>(of.b * form.rows * form.features)],
                     *const base = &reads.base[static_cast<std::size_t>(of.b * form.rows)];
        std::fill_n(x, form.rows * form.features, 0.0f);
        std::fill_n(base, form.rows, 0.0f);
        form.read(of, x, base);
      },
      [&](const Batch& batch, Index first) {
        for (Index b = 0; b < batch.batch; ++b) {
          if (!is_kept(first + b, stride)) continue;
          const std::vector<float> base(reads.base.begin() + b * form.rows, reads.base.begin() + (b + 1) * form.rows);
          const std::vector<float> y = wanted(shape, {Split::train, first + b, batch, b}, form, base);
          for (Index r = 0; r < form.rows; ++r) {
            const auto begin = y.begin() + r * cases.outputs, end = begin + cases.outputs;
            if (std::any_of(begin, end, [](float value) { return std::isnan(value); })) continue;
            cases.y.insert(cases.y.end(), begin, end);
            const auto from = reads.x.begin() + (b * form.rows + r) * form.features;
            cases.x.insert(cases.x.end(), from, from + form.features);
          }
        }
        tell(str("features, ", 100 * (first + batch.batch) / all, " %"));
      });
  return cases;
}

/// The answers of a map to a sequence.
void answer_with(const LinearMap& map, const LinearForm& form, const float* x, const float* base, float* answers) {
  std::vector<float> row(static_cast<std::size_t>(map.outputs));
  for (Index r = 0; r < form.rows; ++r) {
    map.apply(x + r * form.features, row.data());
    for (Index o = 0; o < map.outputs; ++o) answers[o * form.rows + r] = row[static_cast<std::size_t>(o)] + base[r];
  }
}

/// The map with the least squared error on validation.
std::size_t best_on_validation(const Task& task, const LinearForm& form, const std::vector<LinearMap>& maps,
                               const Tell& tell) {
  const TaskShape shape = task.shape();
  std::vector<double> errors(maps.size());
  std::vector<std::vector<double>> of_sequence(kRows, std::vector<double>(maps.size()));
  Index done = 0;
  each_sequence(
      task, Split::validation,
      [&](const SequenceOf& of) {
        Reads reads;
        reads.resize(form, 1);
        form.read(of, reads.x.data(), reads.base.data());
        // What is asked for, in the order of the answers.
        const std::vector<float> zeros(static_cast<std::size_t>(form.rows));
        LinearForm whole = form;
        whole.rows = 1;
        const std::vector<float> truth = wanted(shape, of, whole, zeros);
        std::vector<float> answers(truth.size());
        for (std::size_t k = 0; k < maps.size(); ++k) {
          answer_with(maps[k], form, reads.x.data(), reads.base.data(), answers.data());
          double& error = of_sequence[static_cast<std::size_t>(of.b)][k] = 0;
          for (std::size_t i = 0; i < truth.size(); ++i)
            if (!std::isnan(truth[i])) error += std::pow(static_cast<double>(answers[i] - truth[i]), 2);
        }
      },
      [&](const Batch& batch, Index) {
        for (Index b = 0; b < batch.batch; ++b)
          for (std::size_t k = 0; k < maps.size(); ++k) errors[k] += of_sequence[static_cast<std::size_t>(b)][k];
        tell(str("choosing the penalty: ", grouped(done += batch.batch), " validated"));
      });
  return static_cast<std::size_t>(std::min_element(errors.begin(), errors.end()) - errors.begin());
}

}  // namespace

bool is_kept(Index number, Index stride) {
  static const Random random(1, "training sequences of baselines");
  return random.bits_at(static_cast<std::uint64_t>(number)) % static_cast<std::uint64_t>(stride) == 0;
}

void each_sequence(const Task& task, Split split, const std::function<void(const SequenceOf&)>& read,
                   const std::function<void(const Batch&, Index first)>& see) {
  const auto pass = task.evaluation(split, {.batch = kRows, .chunk = std::numeric_limits<Index>::max() / 2});
  Index first = 0;
  for (Batch batch; pass->next(batch); first += batch.batch) {
    parallel_for(batch.batch, [&](Index b) { read({split, first + b, batch, b}); });
    see(batch, first);
  }
}

Json score_answers(const Task& task, Split split,
                   const std::function<void(const SequenceOf&, float* answers)>& answer) {
  const TaskShape shape = task.shape();
  const auto answers = answers_of(task, nullptr);
  answers->begin(split);
  Score score;
  std::vector<float> outputs(static_cast<std::size_t>(kRows * shape.outputs));
  each_sequence(
      task, split, [&](const SequenceOf& of) { answer(of, &outputs[static_cast<std::size_t>(of.b * shape.outputs)]); },
      [&](const Batch& batch, Index) {
        const std::vector<float> of_batch(outputs.begin(), outputs.begin() + batch.batch * shape.outputs);
        const Variable logits(Tensor::of(Shape{batch.batch, shape.outputs}, of_batch));
        score.add(logits, batch, shape);
        answers->add(logits, batch);
      });
  Json all = score.metrics(shape);
  all.update(score.counts());
  answers->report(all);
  Json result = scores_of(all);
  for (const char* key : {"n", "sequences", "intervals", "remarks"})
    if (all.contains(key)) result[key] = all[key];
  if (!shape.regression()) result.erase("loss");
  return result;
}

Fitted fit_linear(const BaselineData& data, const LinearForm& form, const Tell& tell) {
  const TaskShape shape = data.task.shape();
  const Index numbers = data.training.training_sequences() * (form.rows * form.features + shape.outputs);
  const Index stride = std::max<Index>(1, (numbers + kMostNumbers - 1) / kMostNumbers);
  const LinearCases cases = training_cases(data.training, form, stride, tell);
  if (cases.count() == 0) return {.left_out = "a value is missing in every window that training has an answer for"};
  const std::vector<LinearMap> maps = fit_ridge(cases, kPenalties, tell);
  if (maps.empty()) return {.left_out = "no penalty gives a map: the features' numbers are too large"};
  const auto map = std::make_shared<LinearMap>(maps[best_on_validation(data.task, form, maps, tell)]);
  const auto score = [&task = data.task, form, map](Split split) {
    return score_answers(task, split, [&](const SequenceOf& of, float* answers) {
      Reads reads;
      reads.resize(form, 1);
      form.read(of, reads.x.data(), reads.base.data());
      answer_with(*map, form, reads.x.data(), reads.base.data(), answers);
    });
  };
  return {.about = str("penalty ", format("%g", map->penalty), ", on ", grouped(cases.count()), " cases",
                       stride > 1 ? str(", about one in ", stride, " of the training's") : ""),
          .score = score};
}

}  // namespace seqtape
