#include "apps/trainer/trained_model.h"

#include <iostream>

namespace seqtape {

TrainedModel TrainedModel::open(const std::filesystem::path& path, bool best, const std::vector<std::string>& sets) {
  const RunReference reference = find_run(path, best);
  const Checkpoint checkpoint = Checkpoint::open(reference.checkpoint);
  TrainedModel trained{RunConfig::load(RunFolder(reference.run).config_path(), sets), nullptr,
                       checkpoint.state.at("step").get<Index>(), checkpoint.state.value("data", "")};
  trained.config.task->use(checkpoint.state.value("learned", Json::object()));
  trained.model = std::make_unique<SequenceModel>(trained.config.model, trained.config.model_shape());
  checkpoint.load_model(trained.model->parameters());
  return trained;
}

void TrainedModel::open_data() {
  config.task->prepare(static_cast<std::uint64_t>(config.seed));
  if (const std::string now = config.task->fingerprint(); !data.empty() && now != data)
    std::cerr << "warning: task: the data are not those that the model was trained on: they were " << data
              << ", they are " << now << "; what validates or tests now may have been trained on\n";
}

}  // namespace seqtape
