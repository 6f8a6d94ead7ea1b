#include "apps/trainer/trained_model.h"

namespace seqtape {

TrainedModel TrainedModel::open(const std::filesystem::path& path, bool best, const std::vector<std::string>& sets) {
  const RunReference reference = find_run(path, best);
  const Checkpoint checkpoint = Checkpoint::open(reference.checkpoint);
  TrainedModel trained{RunConfig::load(RunFolder(reference.run).config_path(), sets), nullptr,
                       JsonValue(checkpoint.state, (checkpoint.folder / "state.json").string())["step"].whole(0)};
  trained.model = std::make_unique<SequenceModel>(trained.config.model, trained.config.model_shape());
  checkpoint.load_model(trained.model->parameters());
  return trained;
}

}  // namespace seqtape
