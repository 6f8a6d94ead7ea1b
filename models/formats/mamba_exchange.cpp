#include "models/formats/mamba_exchange.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "models/mixers/mamba.h"
#include "models/mixers/mamba2.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

template <class... What>
void require(bool holds, const JsonValue& json, const char* key, const What&... what) {
  if (!holds) json[key].refuse(what..., ", got ", json[key].json().dump());
}

std::string text_or(const JsonValue& json, const char* key, const char* fallback) {
  return json.has(key) ? json[key].text() : fallback;
}
bool flag_or(const JsonValue& json, const char* key, bool fallback) {
  return json.has(key) ? json[key].flag() : fallback;
}

/// A size: a whole number > 0 that memory could hold.
Index size_or(const JsonValue& json, const char* key, Index fallback) {
  if (!json.has(key)) return fallback;
  constexpr Index kMost = Index{1} << 28;
  const Json& value = json[key].json();
  require(value.is_number_integer() && value >= 1 && value <= kMost, json, key, "must be a whole number from 1 to ",
          kMost);
  return value.get<Index>();
}

/// "auto", or a size.
Index rank_or_auto(const JsonValue& json, const char* key) {
  return json.has(key) && json[key].json() == "auto" ? 0 : size_or(json, key, 0);
}

/// A number that may be infinite or none: see parse_python_json.
double number_of(const JsonValue& value) {
  if (!value.is_object()) return value.number();
  const std::string& word = value["__float__"].text();
  if (word == "Infinity") return INFINITY;
  if (word == "-Infinity") return -INFINITY;
  if (word == "NaN") return NAN;
  value["__float__"].refuse("should be NaN, Infinity or -Infinity, is \"", word, "\"");
}

/// The end token: a number or, in some files, a list, whose first one is taken; -1: none within the vocabulary.
std::int32_t end_token(const JsonValue& json, Index vocabulary) {
  if (!json.has("eos_token_id")) return -1;
  const JsonValue value = json["eos_token_id"];
  const std::vector<JsonValue> list = value.is_list() ? value.items() : std::vector<JsonValue>{value};
  const bool known =
      !list.empty() && list[0].json().is_number_integer() && list[0].json() >= 0 && list[0].json() < vocabulary;
  return known ? list[0].json().get<std::int32_t>() : -1;
}

void must(bool holds, const char* key, const char* what) {
  if (!holds)
    throw ConfigError(
        str("model.", key, ": ", what, "; configs/text/mamba-hf.json is a model that other programs know"));
}

Json token_or_null(std::int32_t token) { return token < 0 ? Json() : Json(token); }

}  // namespace

void refuse_mamba2(const MambaNumbers& n, const char* format) {
  if (n.version == 2) throw ConfigError(str("model.name: must be mamba for the format ", format, ", got mamba2"));
}
void refuse_head_bias(const MambaNumbers& n) { must(!n.head_bias, "head_bias", "must be false"); }

MambaNumbers MambaNumbers::of(const ModelConfig& config, const SequenceShape& shape) {
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
    throw ConfigError("task: must answer every step with one of its tokens, as task.name text does");
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

Json hf_generation_json(const MambaNumbers& n) {
  return {{"bos_token_id", nullptr},
          {"eos_token_id", token_or_null(n.end_token)},
          {"pad_token_id", token_or_null(n.end_token)},
          {"max_new_tokens", 200}};
}

Json hf_json(const MambaNumbers& n) {
  refuse_head_bias(n);
  if (n.d_inner < n.d_model)
    throw ConfigError(str("model.d_inner: must be at least d_model ", n.d_model, " for the format hf, whose \"expand\" is ",
                          "their quotient, got ", n.d_inner));
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
               {"bos_token_id", nullptr},  // MambaConfig takes an absent key as 0
               {"eos_token_id", token_or_null(n.end_token)},
               {"pad_token_id", token_or_null(n.end_token)},
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
                 {"chunk_size", 256}});  // time_step_limit keeps its default, (0, inf), which JSON cannot express
  return json;
}

MambaNumbers from_hf_json(const JsonValue& json) {
  const std::string type = text_or(json, "model_type", "");
  if (type != "mamba" && type != "mamba2")
    json["model_type"].refuse(
        "must be \"mamba\" or \"mamba2\", got \"", type, "\"",
        type == "falcon_mamba" ? ": it has norms of the step sizes, B and C that mamba has not" : "");
  require(text_or(json, "hidden_act", "silu") == "silu", json, "hidden_act", "only silu is supported");
  MambaNumbers n;  // the fallbacks are the defaults of transformers' MambaConfig and Mamba2Config
  n.version = type == "mamba" ? 1 : 2;
  const bool first = n.version == 1;
  n.vocabulary = size_or(json, "vocab_size", first ? 50280 : 32768);
  n.d_model = size_or(json, "hidden_size", first ? 768 : 4096);
  n.layers = size_or(json, "num_hidden_layers", first ? 32 : 64);
  n.norm_eps = json.has("layer_norm_epsilon") ? json["layer_norm_epsilon"].number() : 1e-5;
  require(n.norm_eps > 0 && n.norm_eps < 1, json, "layer_norm_epsilon", "must be between 0 and 1");
  n.tied = flag_or(json, "tie_word_embeddings", first);
  n.end_token = end_token(json, n.vocabulary);
  n.d_state = size_or(json, "state_size", first ? 16 : 128);
  n.d_conv = size_or(json, "conv_kernel", 4);
  n.d_inner = size_or(json, "intermediate_size", size_or(json, "expand", 2) * n.d_model);
  n.dt_rank = rank_or_auto(json, "time_step_rank");
  n.conv_bias = flag_or(json, "use_conv_bias", true);
  n.proj_bias = flag_or(json, "use_bias", false);
  if (first) {
    if (json.has("mixer_rms_eps"))
      json["mixer_rms_eps"].refuse("norms of the step sizes, B and C (Falcon-Mamba) are not a part of mamba here");
    return n;
  }
  n.head_dim = size_or(json, "head_dim", 64);
  n.groups = size_or(json, "n_groups", 8);
  const Index heads = size_or(json, "num_heads", 128);
  n.d_inner = size_or(json, "expand", 2) * n.d_model;
  if (heads * n.head_dim != n.d_inner)
    json.refuse("num_heads: must be expand * hidden_size / head_dim, ", n.d_inner, " / ", n.head_dim, ", got ", heads);
  if (json.has("time_step_limit")) {
    const JsonValue limit = json["time_step_limit"];
    const char* const rule = "only [0, infinity] is supported";
    require(limit.is_list() && limit.json().size() == 2, json, "time_step_limit", rule);
    // A number beyond any step size means infinity, too.
    require(number_of(limit.items()[0]) == 0 && number_of(limit.items()[1]) >= 1e30, json, "time_step_limit", rule);
  }
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

MambaNumbers from_mamba_ssm_json(const JsonValue& json) {
  MambaNumbers n;  // the fallbacks are the defaults of mamba_ssm's MambaConfig and Mamba
  n.d_model = size_or(json, "d_model", 2560);
  n.layers = size_or(json, "n_layer", 64);
  n.vocabulary = size_or(json, "vocab_size", 50277);
  n.tied = flag_or(json, "tie_embeddings", true);
  require(flag_or(json, "rms_norm", true), json, "rms_norm", "only true is supported");
  if (json.has("d_intermediate"))
    require(json["d_intermediate"].json() == 0, json, "d_intermediate", "only 0 is supported");
  if (json.has("attn_layer_idx"))
    require(json["attn_layer_idx"].json().empty(), json, "attn_layer_idx", "attention is not supported");
  const JsonValue ssm = json.has("ssm_cfg") ? json["ssm_cfg"] : JsonValue(Json::object(), "ssm_cfg");
  require(text_or(ssm, "layer", "Mamba1") == "Mamba1", ssm, "layer", "only Mamba1 is supported");
  n.d_state = size_or(ssm, "d_state", 16);
  n.d_conv = size_or(ssm, "d_conv", 4);
  n.d_inner = size_or(ssm, "expand", 2) * n.d_model;
  n.dt_rank = rank_or_auto(ssm, "dt_rank");
  n.conv_bias = flag_or(ssm, "conv_bias", true);
  n.proj_bias = flag_or(ssm, "bias", false);
  return n;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
