#pragma once
// Mamba checkpoints as Hugging Face transformers saves them (`MambaForCausalLM.save_pretrained`).

#include <filesystem>
#include <string>

#include "core/json.h"
#include "core/safetensors.h"
#include "models/sequence_model.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// The model that a transformers `config.json` describes. Throws CheckpointError for what is not supported, by key.
ModelConfig hf_mamba_config(const Json& config);
/// Its vocabulary.
ModelShape hf_mamba_shape(const Json& config);

/// "blocks.0.mixer.a_log" -> "backbone.layers.0.mixer.A_log"
std::string hf_mamba_name(const std::string& path);

/// The folder's model, with its weights. Shapes that differ by extents of 1 (conv1d's [E, 1, K]) are the same.
/// Throws CheckpointError; all missing, extra and misshapen tensors are named, and nothing is loaded by halves.
std::unique_ptr<SequenceModel> load_hf_mamba(const std::filesystem::path& folder);

}  // namespace seqtape::inline SEQTAPE_PRECISION
