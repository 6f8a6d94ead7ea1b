// Folders with a Mamba model of transformers or mamba_ssm: config.json and the weights.
#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/strings.h"
#include "models/formats/mamba_exchange.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHead = "lm_head.weight";

/// Throws CheckpointError when so many layers cannot be in so few tensors.
void check_layers(Index layers, std::size_t tensors, const std::string& where) {
  if (static_cast<std::size_t>(layers) > tensors)
    throw CheckpointError(str(where, ": would have ", layers, " layers, but holds only ", tensors, " tensors"));
}

/// The pickles of a folder, sorted.
std::vector<std::string> pickles_in(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string(), kind = entry.path().extension().string();
    if ((kind == ".bin" && name.starts_with("pytorch_model")) || kind == ".pt" || kind == ".pth" || kind == ".ckpt")
      found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// The weights of one file, or of the shards that an index names; `tied`: the head may be in the index only, since it
/// is the embedding.
WeightMap weights_in(const fs::path& folder, bool tied) {
  const fs::path whole = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  if (fs::exists(whole)) return weights_of(SafetensorsFile(whole));
  if (!fs::exists(index)) {
    const std::vector<std::string> pickles = pickles_in(folder);
    throw CheckpointError(
        str(folder.string(), ": has no model.safetensors",
            pickles.empty() ? " and no model.safetensors.index.json" : "; " + pickle_advice(pickles)));
  }
  WeightMap weights;
  std::map<std::string, WeightMap> shards;
  for (const auto& [name, file] : JsonValue::read(index)["weight_map"].members()) {
    const std::string shard = file.is_text() ? file.text() : "";
    if (shard.empty() || shard.find('/') != std::string::npos || shard.find('\\') != std::string::npos ||
        shard[0] == '.')
      file.refuse("must be the name of a file beside it, got ", file.json().dump());
    auto found = shards.find(shard);
    if (found == shards.end()) found = shards.emplace(shard, weights_of(SafetensorsFile(folder / shard))).first;
    const auto tensor = found->second.find(name);
    if (tensor != found->second.end())
      weights.insert(*tensor);
    else if (!(tied && name.ends_with(kHead)))
      file.refuse(shard, " has no tensor ", name);
  }
  return weights;
}

/// Leaves out the rows of a padded vocabulary.
void cut_rows(WeightMap& weights, const std::string& name, Index rows) {
  const auto found = weights.find(name);
  if (found == weights.end()) return;
  StoredTensor& tensor = found->second;
  if (tensor.shape.rank() != 2 || tensor.shape[0] <= rows) return;
  const Index columns = tensor.shape[1];
  tensor.shape = Shape{rows, columns};
  tensor.read = [read = tensor.read, rows, columns] {
    std::vector<double> values = read();
    values.resize(static_cast<std::size_t>(rows * columns));
    return values;
  };
}

/// A layer's parameters have the same names in both programs.
std::string layer_name(const std::string& path) {
  static const std::map<std::string, std::string> within{{"mixer.a_log", "mixer.A_log"},
                                                         {"mixer.d", "mixer.D"},
                                                         {"mixer.conv.weight", "mixer.conv1d.weight"},
                                                         {"mixer.conv.bias", "mixer.conv1d.bias"}};
  const std::size_t number = path.find('.') + 1, rest = path.find('.', number) + 1;  // "blocks." 12 "." rest
  std::string tail = path.substr(rest);
  if (const auto found = within.find(tail); found != within.end()) tail = found->second;
  return "backbone.layers." + path.substr(number, rest - number) + tail;
}

}  // namespace

std::string pickle_advice(const std::vector<std::string>& files) {
  // Tensors that share memory, as a tied head does, are refused by save_file: each is copied.
  return str(join(files, ", "), files.size() == 1 ? " is a pickle" : " are pickles",
             ", which can run any code and is not read; to convert, in its folder, in Python: import torch, "
             "safetensors.torch; safetensors.torch.save_file({name: tensor.clone().contiguous() for file in ",
             Json(files).dump(-1, ' ', false, Json::error_handler_t::replace),
             " for name, tensor in torch.load(file, map_location=\"cpu\", weights_only=True).items()}, "
             "\"model.safetensors\")");
}

std::string hf_mamba_name(const std::string& path) {
  if (path == "embedding.weight") return "backbone.embeddings.weight";
  if (path == "norm.weight") return "backbone.norm_f.weight";
  if (path == "head.weight") return kHead;
  return layer_name(path);
}

std::string mamba_ssm_name(const std::string& path) {
  return path == "embedding.weight" ? "backbone.embedding.weight" : hf_mamba_name(path);
}

void refuse_not_finite(const std::vector<Parameter*>& parameters, const std::string& where) {
  for (const Parameter* p : parameters)
    for (Index i = 0; i < p->shape.size(); ++i)
      if (!std::isfinite(p->variable.data()[i]))
        throw CheckpointError(str(where, ": ", p->path, ": is not finite everywhere; the model's training diverged"));
}

MambaModel load_mamba_folder(const fs::path& folder) {
  const fs::path config_path = folder / "config.json";
  if (!fs::exists(config_path)) throw CheckpointError(str(folder.string(), ": has no config.json"));
  try {
    const JsonValue json = JsonValue::read(config_path);
    const bool official = !json.has("model_type") && json.has("d_model");
    MambaModel loaded{official ? from_mamba_ssm_json(json) : from_hf_json(json), nullptr};
    const MambaNumbers& n = loaded.numbers;
    const NameOf name_of = official ? mamba_ssm_name : hf_mamba_name;
    WeightMap weights = weights_in(folder, n.tied);
    check_layers(n.layers, weights.size(), folder.string());
    loaded.model = std::make_unique<SequenceModel>(n.config(), n.shape());
    const std::vector<Parameter*>& parameters = loaded.model->parameters();
    if (const std::string prefix = unwrap(weights, parameters, name_of); !prefix.empty())
      loaded.notes.push_back(str("its tensors' names have the prefix ", prefix, " of a wrapper, which is left out"));
    const std::string embedding = name_of("embedding.weight");
    if (auto head = weights.extract(kHead); n.tied && head && !weights.count(embedding)) {
      head.key() = embedding;  // of the two names of the shared matrix only this one was saved
      weights.insert(std::move(head));
    } else if (head) {
      weights.insert(std::move(head));
    }
    for (const std::string& matrix : {embedding, std::string(kHead)})
      if (official) cut_rows(weights, matrix, n.vocabulary);
    // A tied checkpoint may hold the shared matrix twice.
    load_weights(weights, folder.string(), parameters, name_of,
                 n.tied ? std::vector<std::string>{kHead} : std::vector<std::string>{});
    refuse_not_finite(parameters, folder.string());
    return loaded;
  } catch (const ConfigError& error) {  // sizes that no model can have
    throw CheckpointError(str(folder.string(), ": ", error.what()));
  }
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
