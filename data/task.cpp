#include "data/task.h"

#include <cmath>

#include "core/error.h"

namespace seqtape {

Batch blank_batch(const TaskShape& shape, Index rows, Index steps, std::int32_t target) {
  Batch batch;
  batch.batch = rows;
  batch.length = steps;
  const auto cells = static_cast<std::size_t>(rows * steps);
  if (shape.vocabulary)
    batch.tokens.resize(cells);
  else
    batch.values.resize(cells * static_cast<std::size_t>(shape.features));
  if (shape.regression() || shape.multi_label())
    batch.target_values.resize((shape.pooled ? static_cast<std::size_t>(rows) : cells) *
                               static_cast<std::size_t>(shape.regression() ? shape.numbers() : shape.outputs));
  else
    batch.targets.assign(shape.pooled ? static_cast<std::size_t>(rows) : cells, target);
  return batch;
}

Signature Task::signature() const {
  const TaskShape shape = this->shape();
  Signature all;
  all.shape = shape;
  all.objective = shape.objective;
  all.length = shape.length;
  all.steps = shape.vocabulary ? Signature::Steps::ids : Signature::Steps::numbers;
  if (!shape.vocabulary) all.columns.resize(static_cast<std::size_t>(shape.features));
  if (!shape.unit.empty()) all.unit = shape.unit;
  if (shape.regression()) all.told = told().shown();
  return all;
}

ToldNumbers Task::told() const {
  ToldNumbers told = told_;
  told.distribution = shape().distribution;
  if (told.distribution.kind == Distribution::Kind::point) return told;
  told.levels = told.distribution.levels;
  told.offsets.clear();
  return told;
}

Index share_of(Index count, double fraction) {
  const double share = fraction * static_cast<double>(count), whole = std::round(share);
  return static_cast<Index>(std::fabs(share - whole) <= 1e-12 * share ? whole : std::floor(share));
}

const char* split_name(Split split) {
  switch (split) {
    case Split::train:
      return "train";
    case Split::validation:
      return "validation";
    case Split::test:
      break;
  }
  return "test";
}

void Task::evaluate_on(const std::filesystem::path&) {
  throw ConfigError("--data: the task makes its own data; there is no file that could take their place");
}
std::vector<std::int32_t> Task::encode(const std::string&) const {
  throw ConfigError("task: its tokens are not text; only text tasks can read a prompt");
}
std::string Task::decode(const std::vector<std::int32_t>&) const {
  throw ConfigError("task: its tokens are not text; only text tasks can write text");
}

}  // namespace seqtape
