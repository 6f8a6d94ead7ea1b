// Every op has a case (and so a gradient check and a comparison of float with double) and an answer of every export
// target; every config and every mixer trains for a step, on such ops alone.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <set>
#include <typeindex>

#include "apps/compare/plan.h"
#include "apps/trainer/evaluate.h"
#include "models/export/c/step.h"
#include "models/export/onnx/graph.h"
#include "tests/support/op_case.h"
#include "tests/support/op_names.h"

using namespace seqtape;

namespace {

/// The ops of all cases, one of each type.
const std::map<std::type_index, AnyOp>& checked_ops() {
  static const std::map<std::type_index, AnyOp> all = [] {
    std::map<std::type_index, AnyOp> ops;
    for (const auto& op_case : testing::op_cases())
      for (const AnyOp& op : testing::ops_of(op_case)) ops.emplace(op.type(), op);
    return ops;
  }();
  return all;
}

/// A step of training changes the parameters, and only checked ops are on the tape.
void trains_on_checked_ops(RunConfig& config) {
  const TaskShape shape = config.task->shape();
  SequenceModel model(config.model, shape);
  Batch batch = blank_batch(shape, 2, 48 * model.stride());  // the data may not be at hand
  std::fill(batch.values.begin(), batch.values.end(), 0.5f);
  allocate(model.parameters(), 1);
  config.optimizer->attach(model.parameters());
  const std::vector<Real> before = model.parameters()[0]->variable.value().to_vector();
  Tape tape;
  ModelState state;
  const Variable loss =
      batch_loss(model.forward(model_input(batch), state, {.training = true, .carry = false}), batch, shape);
  CHECK(tape.nodes().size() > 5);
  for (const Tape::Node& node : tape.nodes()) {
    CAPTURE(std::string(node.op.name()));
    CHECK(checked_ops().contains(node.op.type()));
  }
  tape.backward(loss);
  config.optimizer->step(1, config.optimizer->gradient_norm());
  CHECK(model.parameters()[0]->variable.value().to_vector() != before);
}

}  // namespace

TEST_CASE("every op in autograd/ops has a case, and every export target writes it or says why not") {
  std::set<std::string> names;
  for (const auto& [type, op] : checked_ops()) names.insert(op.schema().name);
  const std::vector<std::string> in_files = testing::names_in_op_files();
  for (const std::string& name : in_files) {
    CAPTURE(name);
    CHECK(names.contains(name));
  }
  CHECK_EQ(in_files.size(), names.size());
  CHECK_GE(in_files.size(), 35);
  for (const auto& [type, op] : checked_ops()) {
    CAPTURE(std::string(op.name()));
    CHECK(onnx_lowerings().answers(op));
    CHECK(c_lowerings().answers(op));
  }
}

TEST_CASE("every config trains for a step, on ops that are gradient-checked") {
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
    trains_on_checked_ops(config);
    ++configs;
  }
  CHECK(configs >= 10);
}

TEST_CASE("every mixer trains for a step, on ops that are gradient-checked") {
  for (const std::string& name : mixers().names()) {
    CAPTURE(name);
    RunConfig config = RunConfig::from_json(
        {{"task", {{"name", "copying"}}}, {"model", {{"name", name}, {"d_model", 16}, {"layers", 1}}}}, ".");
    trains_on_checked_ops(config);
  }
}
