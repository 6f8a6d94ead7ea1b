#include "apps/trainer/trained_model.h"

#include <iostream>

#include "apps/trainer/intervals.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {

TrainedModel TrainedModel::open(const std::filesystem::path& path, bool best, const std::vector<std::string>& sets) {
  const RunReference reference = find_run(path, best);
  const Checkpoint checkpoint = Checkpoint::open(reference.checkpoint);
  const std::filesystem::path config = RunFolder(reference.run).config_path();
  TrainedModel trained{RunConfig::load(config, sets), nullptr, checkpoint.state.step, checkpoint.state.data};
  const Json& learned = checkpoint.state.learned;
  trained.config.task->use(learned.is_null() ? Json::object() : learned);
  trained.config.task->tell(told_by(checkpoint.state.intervals));
  const Json was = RunConfig::load(config, {}).to_json()["task"], is = trained.config.to_json()["task"];
  for (const char* key :
       {"train_fraction", "validation_fraction", "test_fraction", "validation", "split", "group", "group_column"})
    if (was.contains(key) && is.contains(key) && was.at(key) != is.at(key))
      trained.other_split.push_back(str("task.", key, " was ", was.at(key).dump(), ", is ", is.at(key).dump()));
  trained.model = std::make_unique<SequenceModel>(trained.config.model, trained.config.task->shape());
  checkpoint.load_model(trained.model->parameters());
  return trained;
}

Signature TrainedModel::signature() const {
  Signature all = config.task->signature();
  all.stride = model->stride();
  return all;
}

void TrainedModel::open_data() {
  config.task->prepare(static_cast<std::uint64_t>(config.seed));
  std::vector<std::string> others = other_split;
  // The record of an earlier version may be a part of today's.
  if (const std::string now = config.task->fingerprint(); now.compare(0, data.size(), data) != 0)
    others.push_back(str("the data were ", data, ", are ", now));
  for (const std::string& other : others)
    std::cerr << "warning: in training " << printable(other)
              << ": what validates or tests now may have been trained on\n";
}

void TrainedModel::open_data(const std::filesystem::path& other) {
  config.task->evaluate_on(std::filesystem::absolute(other).lexically_normal());
  config.task->prepare(static_cast<std::uint64_t>(config.seed));
}

}  // namespace seqtape
