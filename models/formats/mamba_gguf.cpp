#include "models/formats/mamba_gguf.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/io/gguf.h"
#include "core/strings.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

/// A token's bytes as llama.cpp's "rwkv" vocabulary writes them, every byte escaped where it could be taken for
/// something else.
std::string escaped(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text +=
        byte >= 0x20 && byte < 0x7F && c != '\\' && c != '\'' && c != '"' ? std::string(1, c) : format("\\x%02x", byte);
  }
  return text;
}

/// How a file describes its tokens: not at all, as the 256 bytes in order, or otherwise.
bool are_bytes(const GgufFile& file) {
  const auto tokens = file.keys().find("tokenizer.ggml.tokens");
  if (tokens == file.keys().end()) return true;
  const auto* const words = std::get_if<std::vector<std::string>>(&tokens->second);
  if (!words || words->size() != 256) return false;
  for (int byte = 0; byte < 256; ++byte)
    if ((*words)[static_cast<std::size_t>(byte)] != escaped(std::string(1, static_cast<char>(byte)))) return false;
  return true;
}

}  // namespace

std::string gguf_mamba_name(const std::string& path) {
  static const std::map<std::string, std::string> top{{"embedding.weight", "token_embd.weight"},
                                                      {"norm.weight", "output_norm.weight"},
                                                      {"head.weight", "output.weight"}};
  static const std::map<std::string, std::string> within{{"norm.weight", "attn_norm.weight"},
                                                         {"mixer.in_proj.weight", "ssm_in.weight"},
                                                         {"mixer.conv.weight", "ssm_conv1d.weight"},
                                                         {"mixer.conv.bias", "ssm_conv1d.bias"},
                                                         {"mixer.x_proj.weight", "ssm_x.weight"},
                                                         {"mixer.dt_proj.weight", "ssm_dt.weight"},
                                                         {"mixer.dt_proj.bias", "ssm_dt.bias"},
                                                         {"mixer.a_log", "ssm_a"},
                                                         {"mixer.d", "ssm_d"},
                                                         {"mixer.out_proj.weight", "ssm_out.weight"}};
  if (const auto found = top.find(path); found != top.end()) return found->second;
  const std::size_t number = path.find('.') + 1, rest = path.find('.', number) + 1;  // "blocks." 12 "." rest
  const auto found = within.find(path.substr(rest));
  return "blk." + path.substr(number, rest - number) + (found != within.end() ? found->second : path.substr(rest));
}

void refuse_for_gguf(const MambaNumbers& n) {
  refuse_head_bias(n);
  refuse_mamba2(n, "gguf");
  if (n.d_inner != 2 * n.d_model)
    throw ConfigError(str("model.d_inner: must be 2 d_model for llama.cpp, ", 2 * n.d_model, ", got ", n.d_inner));
  if (!n.conv_bias) throw ConfigError("model.conv_bias: must be true for llama.cpp");
  if (n.proj_bias) throw ConfigError("model.proj_bias: must be false for llama.cpp");
}

void save_mamba_gguf(const std::filesystem::path& path, const std::string& name, const MambaNumbers& n,
                     const std::vector<Parameter*>& parameters, const std::vector<std::string>& tokens) {
  refuse_for_gguf(n);
  GgufWriter file;
  const auto whole = [](Index value) { return static_cast<std::uint32_t>(value); };
  file.key("general.architecture", std::string("mamba"));
  file.key("general.name", name);
  file.key("general.file_type", std::uint32_t{0});  // all F32
  file.key("mamba.context_length", std::uint32_t{1} << 20);
  file.key("mamba.embedding_length", whole(n.d_model));
  file.key("mamba.feed_forward_length", std::uint32_t{0});
  file.key("mamba.attention.head_count", std::uint32_t{0});
  file.key("mamba.block_count", whole(n.layers));
  file.key("mamba.ssm.conv_kernel", whole(n.d_conv));
  file.key("mamba.ssm.inner_size", whole(n.d_inner));
  file.key("mamba.ssm.state_size", whole(n.d_state));
  file.key("mamba.ssm.time_step_rank", whole(n.dt_rank));
  file.key("mamba.ssm.dt_b_c_rms", false);
  file.key("mamba.attention.layer_norm_rms_epsilon", static_cast<float>(n.norm_eps));
  file.key("tokenizer.ggml.model", std::string("rwkv"));  // a trie of byte strings, without merges
  std::vector<std::string> words;
  for (const std::string& token : tokens) words.push_back(escaped(token));
  file.key("tokenizer.ggml.tokens", words);
  if (n.end_token >= 0) file.key("tokenizer.ggml.eos_token_id", whole(n.end_token));
  // Without it llama.cpp throws for a text with a character that no token begins with.
  if (n.unknown_token >= 0) file.key("tokenizer.ggml.unknown_token_id", whole(n.unknown_token));
  file.key("tokenizer.ggml.add_bos_token", false);
  for (const Parameter* parameter : parameters) {
    const Real* const data = parameter->variable.data();
    std::vector<float> values(static_cast<std::size_t>(parameter->shape.size()));
    const bool a = parameter->path.ends_with(".a_log");
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(a ? -std::exp(static_cast<double>(data[i])) : static_cast<double>(data[i]));
    file.tensor(gguf_mamba_name(parameter->path), parameter->shape, std::move(values));
  }
  file.write(path);
}

MambaModel load_mamba_gguf(const std::filesystem::path& path) {
  const auto file = std::make_shared<const GgufFile>(path);
  const auto& keys = file->keys();
  if (keys.count("split.count") && file->integer("split.count") > 1)
    throw CheckpointError(str(path.string(), ": is one of the ", file->integer("split.count"),
                              " parts of a split GGUF; llama.cpp's llama-gguf-split --merge makes one file of them"));
  if (file->text("general.architecture") != "mamba")
    throw CheckpointError(
        str(path.string(), ": general.architecture: must be mamba, got ", file->text("general.architecture")));
  if (const auto norms = keys.find("mamba.ssm.dt_b_c_rms"); norms != keys.end() && norms->second != GgufValue(false))
    throw CheckpointError(str(path.string(),
                              ": mamba.ssm.dt_b_c_rms: must be false: norms of the step sizes, B and C (Falcon-Mamba) "
                              "are not a part of mamba here"));
  const auto size = [&](const char* key) {
    const std::int64_t value = file->integer(key);
    if (value < 1 || value > 1 << 28) throw CheckpointError(str(path.string(), ": ", key, ": ", value, " is no size"));
    return value;
  };
  MambaModel loaded;
  MambaNumbers& n = loaded.numbers;
  n.d_model = size("mamba.embedding_length");
  n.layers = size("mamba.block_count");
  n.d_conv = size("mamba.ssm.conv_kernel");
  n.d_inner = size("mamba.ssm.inner_size");
  n.d_state = size("mamba.ssm.state_size");
  n.dt_rank = size("mamba.ssm.time_step_rank");
  n.norm_eps = file->number("mamba.attention.layer_norm_rms_epsilon");
  if (!(n.norm_eps > 0 && n.norm_eps < 1))
    throw CheckpointError(
        str(path.string(), ": mamba.attention.layer_norm_rms_epsilon: must be between 0 and 1, got ", n.norm_eps));
  n.tied = !file->entries().count("output.weight");
  const auto embedding = file->entries().find("token_embd.weight");
  if (embedding == file->entries().end() || embedding->second.shape.rank() != 2)
    throw CheckpointError(str(path.string(), ": has no matrix token_embd.weight"));
  n.vocabulary = embedding->second.shape[0];
  loaded.other_tokens = !are_bytes(*file);
  if (loaded.other_tokens)
    loaded.notes.emplace_back("the tokenizer of a GGUF is not read, so prompts and data are numbers of tokens");
  const std::string kind = keys.count("tokenizer.ggml.model") ? file->text("tokenizer.ggml.model") : "";
  // llama.cpp gives a vocabulary of kind rwkv no end token, whatever the file has.
  if (kind != "rwkv" && keys.count("tokenizer.ggml.eos_token_id")) {
    const std::int64_t end = file->integer("tokenizer.ggml.eos_token_id");
    if (end >= 0 && end < n.vocabulary) n.end_token = static_cast<std::int32_t>(end);
  }
  if (static_cast<std::size_t>(n.layers) > file->entries().size())
    throw CheckpointError(
        str(path.string(), ": mamba.block_count: ", n.layers, " layers in ", file->entries().size(), " tensors"));
  WeightMap weights;
  for (const auto& [name, entry] : file->entries()) {
    StoredTensor tensor{entry.shape, [file, name = name] { return file->values(name); }};
    if (name.ends_with(".ssm_a"))
      tensor.read = [file, name = name, where = path.string()] {
        std::vector<double> values = file->values(name);
        for (double& value : values) {
          if (!(value < 0 && std::isfinite(value)))
            throw CheckpointError(str(where, ": tensor \"", name, "\": must be -exp(A_log), below 0, has ", value));
          value = std::log(-value);
        }
        return values;
      };
    weights[name] = std::move(tensor);
  }
  loaded.model = std::make_unique<SequenceModel>(n.config(), n.shape());
  load_weights(weights, path.string(), loaded.model->parameters(), gguf_mamba_name);
  refuse_not_finite(loaded.model->parameters(), path.string());
  return loaded;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
