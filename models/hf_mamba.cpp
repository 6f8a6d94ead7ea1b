#include "models/hf_mamba.h"

#include <map>

#include "core/error.h"
#include "core/file.h"
#include "models/mamba.h"
#include "models/weights.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

template <class T>
T value_or(const Json& config, const char* key, T fallback) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return fallback;
  try {
    return found->get<T>();
  } catch (const Json::exception&) {
    throw CheckpointError(str("config.json: ", key, ": unexpected value ", found->dump()));
  }
}

void require(bool holds, const char* key, const Json& config, const char* what) {
  if (!holds) throw CheckpointError(str("config.json: ", key, ": ", what, ", got ", config.value(key, Json()).dump()));
}

}  // namespace

ModelConfig hf_mamba_config(const Json& json) {
  if (value_or<std::string>(json, "model_type", "") != "mamba")
    throw CheckpointError(
        str("config.json: model_type: must be \"mamba\", got ", json.value("model_type", Json()).dump()));
  require(value_or<std::string>(json, "hidden_act", "silu") == "silu", "hidden_act", json, "only silu is supported");
  auto kind = std::make_unique<MambaKind>();
  ModelConfig config;
  config.name = "mamba";
  // The fallbacks are the defaults of transformers' MambaConfig.
  config.d_model = value_or<Index>(json, "hidden_size", 768);
  config.layers.count = value_or<Index>(json, "num_hidden_layers", 32);
  config.norm_eps = value_or<double>(json, "layer_norm_epsilon", 1e-5);
  config.tie_embeddings = value_or<bool>(json, "tie_word_embeddings", true);
  config.head_bias = false;
  config.embedding_std = value_or<double>(json, "initializer_range", 0.1);
  kind->d_state = value_or<Index>(json, "state_size", 16);
  kind->d_conv = value_or<Index>(json, "conv_kernel", 4);
  kind->expand = value_or<Index>(json, "expand", 2);
  kind->d_inner = value_or<Index>(json, "intermediate_size", kind->expand * config.d_model);
  const Json rank = json.value("time_step_rank", Json("auto"));
  kind->dt_rank = rank.is_number_integer() ? rank.get<Index>() : 0;
  kind->conv_bias = value_or<bool>(json, "use_conv_bias", true);
  kind->proj_bias = value_or<bool>(json, "use_bias", false);
  kind->variant = "hf";
  require(config.d_model > 0, "hidden_size", json, "must be > 0");
  require(config.layers.count > 0, "num_hidden_layers", json, "must be > 0");
  require(kind->d_state > 0, "state_size", json, "must be > 0");
  require(kind->d_conv > 0, "conv_kernel", json, "must be > 0");
  require(kind->d_inner > 0, "intermediate_size", json, "must be > 0");
  config.mixer = std::move(kind);
  return config;
}

ModelShape hf_mamba_shape(const Json& json) {
  const Index vocabulary = value_or<Index>(json, "vocab_size", 50280);
  require(vocabulary > 0, "vocab_size", json, "must be > 0");
  return {.vocabulary = vocabulary, .outputs = vocabulary};
}

std::string hf_mamba_name(const std::string& path) {
  static const std::map<std::string, std::string> top{{"embedding.weight", "backbone.embeddings.weight"},
                                                      {"norm.weight", "backbone.norm_f.weight"},
                                                      {"head.weight", "lm_head.weight"}};
  static const std::map<std::string, std::string> within{{"mixer.a_log", "mixer.A_log"},
                                                         {"mixer.d", "mixer.D"},
                                                         {"mixer.conv.weight", "mixer.conv1d.weight"},
                                                         {"mixer.conv.bias", "mixer.conv1d.bias"}};
  if (const auto found = top.find(path); found != top.end()) return found->second;
  const std::size_t number = path.find('.') + 1, rest = path.find('.', number) + 1;  // "blocks." 12 "." rest
  std::string tail = path.substr(rest);
  if (const auto found = within.find(tail); found != within.end()) tail = found->second;
  return "backbone.layers." + path.substr(number, rest - number) + tail;
}

std::unique_ptr<SequenceModel> load_hf_mamba(const std::filesystem::path& folder) {
  const auto config_path = folder / "config.json", weights_path = folder / "model.safetensors";
  const Json json = parse_json(read_file(config_path), config_path.string());
  const ModelConfig config = hf_mamba_config(json);
  auto model = std::make_unique<SequenceModel>(config, hf_mamba_shape(json));
  const SafetensorsFile file(weights_path);
  // A tied checkpoint may hold the shared matrix twice.
  load_weights(file, weights_path.string(), model->parameters(), hf_mamba_name,
               config.tie_embeddings ? std::vector<std::string>{"lm_head.weight"} : std::vector<std::string>{});
  return model;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
