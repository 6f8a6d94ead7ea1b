#pragma once
// Mamba language models in the formats of other programs: Hugging Face transformers (`MambaForCausalLM`,
// `Mamba2ForCausalLM`) and the authors' package mamba_ssm. Both hold the same tensors under nearly the same names;
// their configs differ.

#include <filesystem>
#include <string>

#include "core/io/json.h"
#include "models/sequence_model.h"
#include "models/weights.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// The hyperparameters of such a model.
struct MambaNumbers {
  Index version = 1;  ///< 2: Mamba-2, which has heads and groups instead of dt_rank
  Index vocabulary = 0, d_model = 0, layers = 0, d_state = 16, d_conv = 4, d_inner = 0, dt_rank = 0, head_dim = 0,
        groups = 1;
  double norm_eps = 1e-5;
  bool tied = true, conv_bias = true, proj_bias = false, head_bias = false;
  std::int32_t end_token = -1;      ///< ends a text; -1: the vocabulary has none
  std::int32_t unknown_token = -1;  ///< for characters without a token; -1: the vocabulary has none

  /// Throws ConfigError, with the key and what it must be, for a model that these formats cannot hold.
  static MambaNumbers of(const ModelConfig&, const SequenceShape&);
  ModelConfig config() const;
  SequenceShape shape() const { return {.vocabulary = vocabulary, .outputs = vocabulary}; }
};

/// Throws ConfigError when the head has a bias, which no other program supports.
void refuse_head_bias(const MambaNumbers&);
/// Throws ConfigError for Mamba-2.
void refuse_mamba2(const MambaNumbers&, const char* format);

/// transformers' config.json and generation_config.json. A vocabulary without an end token gets null: an absent key
/// would mean token 0.
Json hf_json(const MambaNumbers&);
Json hf_generation_json(const MambaNumbers&);
/// Reads config.json; absent keys have the defaults of MambaConfig. Throws CheckpointError, naming the key, for what is
/// not supported.
MambaNumbers from_hf_json(const JsonValue&);
/// mamba_ssm's config.json, and back.
Json mamba_ssm_json(const MambaNumbers&);
MambaNumbers from_mamba_ssm_json(const JsonValue&);

/// "blocks.0.mixer.a_log" -> "backbone.layers.0.mixer.A_log"
std::string hf_mamba_name(const std::string& path);
/// The same but for the embedding: "backbone.embedding.weight".
std::string mamba_ssm_name(const std::string& path);

/// A model that was read from a file or folder.
struct MambaModel {
  MambaNumbers numbers;
  std::unique_ptr<SequenceModel> model;
  std::vector<std::string> notes{};  ///< remarks for the user on how it was read
  bool other_tokens = false;         ///< the file describes its tokens, and they are not bytes
};

/// The model of a folder with config.json and model.safetensors, or its shards by model.safetensors.index.json, of
/// either program. Shapes that differ by extents of 1 (conv1d's [E, 1, K]) are the same, rows beyond the vocabulary
/// (mamba_ssm pads it) are dropped, and so are the prefixes of wrappers (see `unwrap`). Throws CheckpointError naming
/// all missing, extra and misshapen tensors.
MambaModel load_mamba_folder(const std::filesystem::path&);

/// Throws CheckpointError, by name, for weights that are not finite.
void refuse_not_finite(const std::vector<Parameter*>&, const std::string& where);

/// Why pickles are not read, and a line of Python that converts these files, all of one folder.
std::string pickle_advice(const std::vector<std::string>& files);

}  // namespace seqtape::inline SEQTAPE_PRECISION
