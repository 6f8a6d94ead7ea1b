#pragma once
// Mamba language models in GGUF, as llama.cpp reads them (architecture "mamba").

#include "models/formats/mamba_exchange.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// "blocks.0.mixer.a_log" -> "blk.0.ssm_a", which is stored as A = -exp(a_log); the convolution is stored as [E, K].
std::string gguf_mamba_name(const std::string& path);

/// Throws ConfigError, with the key, for what llama.cpp does not support: Mamba-2, a bias of the head, an inner width
/// other than 2 d_model, a convolution without bias, projections with biases.
void refuse_for_gguf(const MambaNumbers&);

/// Writes the model. `tokens`: each token's bytes. Throws ConfigError as `refuse_for_gguf`.
void save_mamba_gguf(const std::filesystem::path&, const std::string& name, const MambaNumbers&,
                     const std::vector<Parameter*>&, const std::vector<std::string>& tokens);

/// Reads the model of such a file, of tensors in F32, F16 or BF16. Throws CheckpointError.
MambaModel load_mamba_gguf(const std::filesystem::path&);

}  // namespace seqtape::inline SEQTAPE_PRECISION
