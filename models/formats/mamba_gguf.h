#pragma once
// Mamba language models in GGUF, as llama.cpp reads them (architecture "mamba").

#include "models/formats/mamba_exchange.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// "blocks.0.mixer.a_log" -> "blk.0.ssm_a". That one is stored as A = -exp(a_log), and the convolution as [E, K].
std::string gguf_mamba_name(const std::string& path);

/// Writes the model. `tokens`: each token's bytes. Throws ConfigError for what llama.cpp's Mamba cannot be: an inner
/// width other than 2 d_model, no bias of the convolution, biases of the projections.
void save_mamba_gguf(const std::filesystem::path&, const std::string& name, const MambaNumbers&,
                     const std::vector<Parameter*>&, const std::vector<std::string>& tokens);

/// The model of such a file, in F32, F16 or BF16. Throws CheckpointError.
MambaModel load_mamba_gguf(const std::filesystem::path&);

}  // namespace seqtape::inline SEQTAPE_PRECISION
