#include "models/mamba_exchange.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/file.h"
#include "models/mamba.h"
#include "models/mamba2.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

namespace fs = std::filesystem;

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

/// A size: a whole number > 0 that memory could hold.
Index size_or(const Json& config, const char* key, Index fallback) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return fallback;
  if (!found->is_number_integer() || *found < 1 || *found > Index{1} << 28)
    throw CheckpointError(
        str("config.json: ", key, ": must be a whole number from 1 to ", Index{1} << 28, ", got ", found->dump()));
  return found->get<Index>();
}

/// Throws CheckpointError when so many layers cannot be in so few tensors.
void check_layers(Index layers, std::size_t tensors, const std::string& where) {
  if (static_cast<std::size_t>(layers) > tensors)
    throw CheckpointError(str(where, ": would have ", layers, " layers, but holds only ", tensors, " tensors"));
}

/// The weights of one file, or of the shards that an index names.
WeightMap weights_in(const fs::path& folder) {
  const fs::path whole = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  if (fs::exists(whole)) return weights_of(SafetensorsFile(whole));
  if (!fs::exists(index)) {
    const bool pickled = fs::exists(folder / "pytorch_model.bin");
    throw CheckpointError(
        str(folder.string(), ": has no model.safetensors",
            pickled ? "; pytorch_model.bin is a pickle, which can run any code and is not read. In Python, "
                      "safetensors.torch.save_file(torch.load(\"pytorch_model.bin\", weights_only=True), "
                      "\"model.safetensors\") converts it"
                    : " and no model.safetensors.index.json"));
  }
  const Json json = parse_json(read_file(index), index.string());
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    throw CheckpointError(str(index.string(), ": has no weight_map"));
  WeightMap weights;
  std::map<std::string, WeightMap> shards;
  for (const auto& [name, file] : json["weight_map"].items()) {
    const std::string shard = file.is_string() ? file.get<std::string>() : "";
    if (shard.empty() || shard.find('/') != std::string::npos || shard.find('\\') != std::string::npos ||
        shard[0] == '.')
      throw CheckpointError(
          str(index.string(), ": weight_map: ", name, ": must be the name of a file beside it, got ", file.dump()));
    auto found = shards.find(shard);
    if (found == shards.end()) found = shards.emplace(shard, weights_of(SafetensorsFile(folder / shard))).first;
    const auto tensor = found->second.find(name);
    if (tensor == found->second.end()) throw CheckpointError(str(index.string(), ": ", shard, " has no tensor ", name));
    weights.insert(*tensor);
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

namespace {

void must(bool holds, const char* key, const char* what) {
  if (!holds)
    throw ConfigError(
        str("model.", key, ": ", what, "; configs/text/mamba-hf.json is a model that other programs know"));
}

}  // namespace

void refuse_mamba2(const MambaNumbers& n, const char* format) {
  if (n.version == 2) throw ConfigError(str("model.name: must be mamba for the format ", format, ", got mamba2"));
}
void refuse_head_bias(const MambaNumbers& n) { must(!n.head_bias, "head_bias", "must be false"); }

MambaNumbers MambaNumbers::of(const ModelConfig& config, const ModelShape& shape) {
  const auto* kind = dynamic_cast<const MambaKind*>(config.mixer.get());
  const auto* second = dynamic_cast<const Mamba2Kind*>(config.mixer.get());
  must(kind || second, "name", "must be mamba or mamba2");
  must(std::all_of(config.layers.names.begin(), config.layers.names.end(),
                   [&](auto& name) { return name == config.name; }),
       "layers", "must all be of one kind");
  must(config.norm == "rms_norm", "norm", "must be rms_norm");
  must(config.norm_place == "pre", "norm_place", "must be pre");
  must(config.residual_scale == 1, "residual_scale", "must be 1");
  if (shape.vocabulary == 0 || shape.pooled || shape.outputs != shape.vocabulary)
    throw ConfigError("task: must predict the next of its tokens, as task.name text does");
  MambaNumbers n;
  n.vocabulary = shape.vocabulary;
  n.d_model = config.d_model;
  n.layers = config.layers.count;
  n.norm_eps = config.norm_eps;
  n.tied = config.tie_embeddings;
  n.head_bias = config.head_bias;
  const auto common = [&](const auto& mixer) {
    n.d_state = mixer.d_state;
    n.d_conv = mixer.d_conv;
    n.d_inner = mixer.inner(config.d_model);
    n.conv_bias = mixer.conv_bias;
    n.proj_bias = mixer.proj_bias;
  };
  if (kind) {
    common(*kind);
    n.dt_rank = kind->rank(config.d_model);
  } else {
    common(*second);
    n.version = 2;
    n.head_dim = second->head(config.d_model);
    n.groups = second->n_groups;
    must(second->norm_eps == config.norm_eps, "gate_norm_eps", "must be norm_eps");
  }
  return n;
}

ModelConfig MambaNumbers::config() const {
  ModelConfig config;
  const auto common = [&](auto& mixer) {
    mixer.d_state = d_state;
    mixer.d_conv = d_conv;
    mixer.conv_bias = conv_bias;
    mixer.proj_bias = proj_bias;
  };
  if (version == 1) {
    auto kind = std::make_unique<MambaKind>();
    common(*kind);
    kind->d_inner = d_inner;
    kind->dt_rank = dt_rank;
    kind->variant = "hf";
    config.name = "mamba";
    config.mixer = std::move(kind);
  } else {
    auto kind = std::make_unique<Mamba2Kind>();
    common(*kind);
    kind->expand = d_inner / d_model;
    kind->head_dim = head_dim;
    kind->n_groups = groups;
    kind->norm_eps = norm_eps;
    config.name = "mamba2";
    config.mixer = std::move(kind);
  }
  config.d_model = d_model;
  config.layers.count = layers;
  config.norm_eps = norm_eps;
  config.tie_embeddings = tied;
  config.head_bias = head_bias;
  return config;
}

Json hf_json(const MambaNumbers& n) {
  refuse_head_bias(n);
  Json json = {{"architectures", {n.version == 1 ? "MambaForCausalLM" : "Mamba2ForCausalLM"}},
               {"model_type", n.version == 1 ? "mamba" : "mamba2"},
               {"vocab_size", n.vocabulary},
               {"hidden_size", n.d_model},
               {"num_hidden_layers", n.layers},
               {"state_size", n.d_state},
               {"conv_kernel", n.d_conv},
               {"expand", n.d_inner / n.d_model},
               {"layer_norm_epsilon", n.norm_eps},
               {"use_bias", n.proj_bias},
               {"use_conv_bias", n.conv_bias},
               {"tie_word_embeddings", n.tied},
               {"hidden_act", "silu"},
               {"residual_in_fp32", true},
               {"initializer_range", 0.1},
               {"rescale_prenorm_residual", false},
               {"time_step_min", 0.001},
               {"time_step_max", 0.1},
               {"time_step_floor", 0.0001},
               {"use_cache", true},
               {"bos_token_id", 0},
               {"eos_token_id", 0},
               {"pad_token_id", 0},
               {"torch_dtype", "float32"}};
  if (n.version == 1)
    json.update({{"intermediate_size", n.d_inner},
                 {"time_step_rank", n.dt_rank},
                 {"time_step_scale", 1.0},
                 {"time_step_init_scheme", "random"},
                 {"use_mambapy", false}});
  else
    json.update({{"num_heads", n.d_inner / n.head_dim},
                 {"head_dim", n.head_dim},
                 {"n_groups", n.groups},
                 {"chunk_size", 256}});  // time_step_limit stays at its default, (0, inf), which JSON cannot say
  return json;
}

MambaNumbers from_hf_json(const Json& json) {
  const std::string type = value_or<std::string>(json, "model_type", "");
  if (type != "mamba" && type != "mamba2")
    throw CheckpointError(
        str("config.json: model_type: must be \"mamba\" or \"mamba2\", got ", json.value("model_type", Json()).dump()));
  require(value_or<std::string>(json, "hidden_act", "silu") == "silu", "hidden_act", json, "only silu is supported");
  MambaNumbers n;  // the fallbacks are the defaults of transformers' MambaConfig and Mamba2Config
  n.version = type == "mamba" ? 1 : 2;
  const bool first = n.version == 1;
  n.vocabulary = size_or(json, "vocab_size", first ? 50280 : 32768);
  n.d_model = size_or(json, "hidden_size", first ? 768 : 4096);
  n.layers = size_or(json, "num_hidden_layers", first ? 32 : 64);
  n.norm_eps = value_or<double>(json, "layer_norm_epsilon", 1e-5);
  require(n.norm_eps > 0 && n.norm_eps < 1, "layer_norm_epsilon", json, "must be between 0 and 1");
  n.tied = value_or<bool>(json, "tie_word_embeddings", first);
  n.d_state = size_or(json, "state_size", first ? 16 : 128);
  n.d_conv = size_or(json, "conv_kernel", 4);
  n.d_inner = size_or(json, "intermediate_size", size_or(json, "expand", 2) * n.d_model);
  const Json rank = json.value("time_step_rank", Json("auto"));
  n.dt_rank = rank == "auto" ? 0 : size_or(json, "time_step_rank", 0);
  n.conv_bias = value_or<bool>(json, "use_conv_bias", true);
  n.proj_bias = value_or<bool>(json, "use_bias", false);
  if (first) return n;
  n.head_dim = size_or(json, "head_dim", 64);
  n.groups = size_or(json, "n_groups", 8);
  const Index heads = size_or(json, "num_heads", 128);
  n.d_inner = size_or(json, "expand", 2) * n.d_model;
  require(heads * n.head_dim == n.d_inner, "num_heads", json, "must be expand * hidden_size / head_dim");
  if (const Json limit = json.value("time_step_limit", Json()); limit.is_array() && limit.size() == 2)
    require(limit[0] == 0 && !(limit[1].is_number() && limit[1].get<double>() < 1e3), "time_step_limit", json,
            "only 0 to infinity is supported");
  return n;
}

Json mamba_ssm_json(const MambaNumbers& n) {
  refuse_head_bias(n);
  if (n.norm_eps != 1e-5)
    throw ConfigError(str("model.norm_eps: must be 1e-05, which mamba_ssm has built in, got ", n.norm_eps));
  refuse_mamba2(n, "mamba_ssm");
  if (n.d_inner % n.d_model != 0)
    throw ConfigError(str("model.d_inner: must be a multiple of d_model ", n.d_model, ", got ", n.d_inner));
  return {{"d_model", n.d_model},
          {"d_intermediate", 0},
          {"n_layer", n.layers},
          {"vocab_size", n.vocabulary},
          {"ssm_cfg",
           {{"layer", "Mamba1"},
            {"d_state", n.d_state},
            {"d_conv", n.d_conv},
            {"expand", n.d_inner / n.d_model},
            {"dt_rank", n.dt_rank},
            {"conv_bias", n.conv_bias},
            {"bias", n.proj_bias}}},
          {"attn_layer_idx", Json::array()},
          {"attn_cfg", Json::object()},
          {"rms_norm", true},
          {"residual_in_fp32", true},
          {"fused_add_norm", true},
          {"pad_vocab_size_multiple", 8},
          {"tie_embeddings", n.tied}};
}

MambaNumbers from_mamba_ssm_json(const Json& json) {
  MambaNumbers n;  // the fallbacks are the defaults of mamba_ssm's MambaConfig and Mamba
  n.d_model = size_or(json, "d_model", 2560);
  n.layers = size_or(json, "n_layer", 64);
  n.vocabulary = size_or(json, "vocab_size", 50277);
  n.tied = value_or<bool>(json, "tie_embeddings", true);
  require(value_or<bool>(json, "rms_norm", true), "rms_norm", json, "only true is supported");
  require(json.value("d_intermediate", Json(0)) == 0, "d_intermediate", json, "only 0 is supported");
  require(json.value("attn_layer_idx", Json::array()).empty(), "attn_layer_idx", json, "attention is not supported");
  const Json ssm = json.value("ssm_cfg", Json::object());
  require(value_or<std::string>(ssm, "layer", "Mamba1") == "Mamba1", "ssm_cfg", json, "only Mamba1 is supported");
  n.d_state = size_or(ssm, "d_state", 16);
  n.d_conv = size_or(ssm, "d_conv", 4);
  n.d_inner = size_or(ssm, "expand", 2) * n.d_model;
  const Json rank = ssm.value("dt_rank", Json("auto"));
  n.dt_rank = rank == "auto" ? 0 : size_or(ssm, "dt_rank", 0);
  n.conv_bias = value_or<bool>(ssm, "conv_bias", true);
  n.proj_bias = value_or<bool>(ssm, "bias", false);
  return n;
}

std::string hf_mamba_name(const std::string& path) {
  if (path == "embedding.weight") return "backbone.embeddings.weight";
  if (path == "norm.weight") return "backbone.norm_f.weight";
  if (path == "head.weight") return "lm_head.weight";
  return layer_name(path);
}

std::string mamba_ssm_name(const std::string& path) {
  return path == "embedding.weight" ? "backbone.embedding.weight" : hf_mamba_name(path);
}

MambaModel load_mamba_folder(const fs::path& folder) {
  const fs::path config_path = folder / "config.json";
  if (!fs::exists(config_path)) throw CheckpointError(str(folder.string(), ": has no config.json"));
  try {
    const Json json = parse_json(read_file(config_path), config_path.string());
    if (!json.is_object()) throw CheckpointError(str(config_path.string(), ": is not an object"));
    const bool official = !json.contains("model_type") && json.contains("d_model");
    MambaModel loaded{official ? from_mamba_ssm_json(json) : from_hf_json(json), nullptr};
    const MambaNumbers& n = loaded.numbers;
    WeightMap weights = weights_in(folder);
    check_layers(n.layers, weights.size(), folder.string());
    for (const char* matrix : {"backbone.embedding.weight", "lm_head.weight"})
      if (official) cut_rows(weights, matrix, n.vocabulary);
    loaded.model = std::make_unique<SequenceModel>(n.config(), n.shape());
    // A tied checkpoint may hold the shared matrix twice.
    load_weights(weights, folder.string(), loaded.model->parameters(), official ? mamba_ssm_name : hf_mamba_name,
                 n.tied ? std::vector<std::string>{"lm_head.weight"} : std::vector<std::string>{});
    return loaded;
  } catch (const ConfigError& error) {  // of the JSON, or of a model that these sizes do not make
    throw CheckpointError(str(folder.string(), ": ", error.what()));
  }
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
