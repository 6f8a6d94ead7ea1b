#pragma once
// Mamba language models as other programs keep them: Hugging Face transformers (`MambaForCausalLM`,
// `Mamba2ForCausalLM`) and the authors' package mamba_ssm. Both hold the same tensors under nearly the same names;
// their configs differ.

#include <filesystem>
#include <string>

#include "core/io/json.h"
#include "models/sequence_model.h"
#include "models/weights.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// All that describes such a model.
struct MambaNumbers {
  Index version = 1;  ///< 2: Mamba-2, which has heads and groups instead of a rank of the step sizes
  Index vocabulary = 0, d_model = 0, layers = 0, d_state = 16, d_conv = 4, d_inner = 0, dt_rank = 0, head_dim = 0,
        groups = 1;
  double norm_eps = 1e-5;
  bool tied = true, conv_bias = true, proj_bias = false, head_bias = false;
  std::int32_t end_token = -1;      ///< ends a text; -1: the vocabulary has none
  std::int32_t unknown_token = -1;  ///< of a character that has none of its own; -1: the vocabulary has none

  /// Throws ConfigError for a model that is not one, with the key and what it must be.
  static MambaNumbers of(const ModelConfig&, const SequenceShape&);
  ModelConfig config() const;
  SequenceShape shape() const { return {.vocabulary = vocabulary, .outputs = vocabulary}; }
};

/// Throws ConfigError when the head has a bias: no other program knows one.
void refuse_head_bias(const MambaNumbers&);
/// Throws ConfigError for Mamba-2.
void refuse_mamba2(const MambaNumbers&, const char* format);

/// transformers' config.json and generation_config.json. A vocabulary without an end has null for it: an absent one
/// would be token 0.
Json hf_json(const MambaNumbers&);
Json hf_generation_json(const MambaNumbers&);
/// config.json read back; absent keys have the defaults of MambaConfig. Throws CheckpointError, by key, for what is not
/// supported.
MambaNumbers from_hf_json(const JsonValue&);
/// mamba_ssm's config.json, and back.
Json mamba_ssm_json(const MambaNumbers&);
MambaNumbers from_mamba_ssm_json(const JsonValue&);

/// "blocks.0.mixer.a_log" -> "backbone.layers.0.mixer.A_log"
std::string hf_mamba_name(const std::string& path);
/// The same but for the embedding: "backbone.embedding.weight".
std::string mamba_ssm_name(const std::string& path);

/// What was read.
struct MambaModel {
  MambaNumbers numbers;
  std::unique_ptr<SequenceModel> model;
  std::vector<std::string> notes{};  ///< what a user should know of how it was read
  bool other_tokens = false;         ///< the file says what its tokens are, and they are not bytes
};

/// The model of a folder with config.json and model.safetensors, or its shards by model.safetensors.index.json, of
/// either program. Shapes that differ by extents of 1 (conv1d's [E, 1, K]) are the same, rows beyond the vocabulary
/// (mamba_ssm pads it) are left out, and so are the prefixes of wrappers (see `unwrap`). Throws CheckpointError; all
/// missing, extra and misshapen tensors are named, and nothing is loaded by halves.
MambaModel load_mamba_folder(const std::filesystem::path&);

/// Throws CheckpointError, by name, for weights that are not finite.
void refuse_not_finite(const std::vector<Parameter*>&, const std::string& where);

/// Why pickles are not read, and a line of Python that converts these, which are in one folder.
std::string pickle_advice(const std::vector<std::string>& files);

}  // namespace seqtape::inline SEQTAPE_PRECISION
