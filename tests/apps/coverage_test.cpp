// Every config trains for a step, and every op that it puts on the tape has a case (and so a gradient check).
#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "apps/compare/plan.h"
#include "apps/trainer/evaluate.h"
#include "tests/support/op_case.h"

using namespace seqtape;

TEST_CASE("every op that a config uses is gradient-checked") {
  std::set<std::string> checked;
  for (const auto& op : testing::op_cases()) checked.insert(op.op);
  int configs = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(SEQTAPE_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".json") continue;
    CAPTURE(entry.path().string());
    if (entry.path().parent_path().filename() == "compare") {  // every model in it has a config of its own elsewhere
      CHECK(!Plan::load({entry.path()}, {}).members.empty());
      CHECK(!Plan::load({entry.path()}, {.quick = true}).members.empty());
      continue;
    }
    RunConfig config = RunConfig::load(entry.path(), {});
    const TaskShape shape = config.task->shape();
    SequenceModel model(config.model, config.model_shape());
    allocate(model.parameters(), 1);
    Batch batch;  // of the task's shape, but made up: the data may not be at hand
    batch.batch = 2;
    batch.length = 48;
    const auto cells = static_cast<std::size_t>(batch.batch * batch.length);
    if (shape.vocabulary)
      batch.tokens.assign(cells, 1);
    else
      batch.values.assign(cells * static_cast<std::size_t>(shape.features), 0.5f);
    if (shape.regression)
      batch.target_values.assign(static_cast<std::size_t>(batch.batch * shape.outputs), 0.25f);
    else
      batch.targets.assign(shape.pooled ? 2 : cells, 0);
    config.optimizer->attach(model.parameters());
    const std::vector<Real> before = model.parameters()[0]->variable.value().to_vector();
    {
      Tape tape;
      ModelState state;
      const Variable loss =
          batch_loss(model.forward(model_input(batch), state, {.training = true, .carry = false}), batch, shape);
      for (const std::string& op : tape.op_names()) {
        CAPTURE(op);
        CHECK(checked.count(op) == 1);
      }
      CHECK(tape.size() > 5);
      tape.backward(loss);
    }
    config.optimizer->step(1, config.optimizer->gradient_norm());
    CHECK(model.parameters()[0]->variable.value().to_vector() != before);
    ++configs;
  }
  CHECK(configs >= 10);
}
