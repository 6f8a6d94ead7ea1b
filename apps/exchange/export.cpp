#include "apps/exchange/export.h"

#include <algorithm>
#include <cmath>

#include "apps/exchange/readme.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/io/npz.h"
#include "core/io/safetensors.h"
#include "core/strings.h"
#include "models/export/export.h"
#include "models/export/traced_pass.h"
#include "models/formats/mamba_gguf.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

MambaNumbers numbers(const RunConfig& config, const SequenceModel& model) {
  MambaNumbers n = MambaNumbers::of(config.model, model.shape());
  n.end_token = config.task->shape().end_token;
  n.unknown_token = config.task->shape().unknown_token;
  return n;
}
MambaNumbers numbers(const TrainedModel& trained) { return numbers(trained.config, *trained.model); }

void check_hf(const RunConfig& config, const SequenceModel& model) { hf_json(numbers(config, model)); }
void check_mamba_ssm(const RunConfig& config, const SequenceModel& model) { mamba_ssm_json(numbers(config, model)); }
void check_gguf(const RunConfig& config, const SequenceModel& model) { refuse_for_gguf(numbers(config, model)); }
void check_onnx(const RunConfig&, const SequenceModel& model) { refuse_unless_streaming(model, "onnx"); }
void check_c(const RunConfig&, const SequenceModel& model) { refuse_unless_streaming(model, "c"); }
void check_nothing(const RunConfig&, const SequenceModel&) {}

/// The character that represents a byte in byte-level vocabularies: itself if it is printable, otherwise one beyond
/// Latin-1 (GPT-2's bytes_to_unicode).
std::string byte_character(int byte) {
  int beyond = 0;
  for (int b = 0; b <= byte; ++b) {
    const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    if (b == byte) return to_utf8(std::u32string(1, static_cast<char32_t>(printable ? b : 256 + beyond)));
    beyond += !printable;
  }
  return "";
}

/// A tokenizer whose tokens are the bytes: byte-level BPE without a merge.
Json byte_tokenizer() {
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) vocabulary[byte_character(byte)] = byte;
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", Json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", vocabulary},
            {"merges", Json::array()}}}};
}

/// In the package the convolution's weight is [E, 1, K].
Shape stored_shape(const Parameter& parameter) {
  return parameter.path.ends_with("conv.weight") ? Shape{parameter.shape[0], 1, parameter.shape[1]} : parameter.shape;
}

void write_hf(const TrainedModel& trained, const fs::path& folder, const ExportNames&) {
  Json config = hf_json(numbers(trained));
  // What its outputs are called, where they have names and no tokenizer has them.
  const Signature signature = trained.signature();
  const auto& names = signature.writes_text() ? signature.texts : signature.labels;
  for (std::size_t i = 0; i < names.size(); ++i) {
    config["id2label"][std::to_string(i)] = names[i];
    config["label2id"][names[i]] = i;
  }
  fs::create_directories(folder);
  const bool writes = trained.config.task->shape().next_token();
  write_file(folder / "config.json", config.dump(2) + "\n");
  if (writes) write_file(folder / "generation_config.json", hf_generation_json(numbers(trained)).dump(2) + "\n");
  SafetensorsWriter weights;
  weights.metadata("format", "pt");
  for (const Parameter* p : trained.model->parameters())
    weights.add(hf_mamba_name(p->path), stored_shape(*p), p->variable.data());
  weights.write(folder / "model.safetensors");
  const std::string tokenizer = trained.config.task->tokenizer_file();
  const bool bytes = signature.writes_text() && signature.steps == Signature::Steps::bytes;
  if (bytes || !tokenizer.empty()) {
    write_file(folder / "tokenizer.json", bytes ? byte_tokenizer().dump() + "\n" : read_file(tokenizer));
    write_file(folder / "tokenizer_config.json", Json({{"tokenizer_class", "PreTrainedTokenizerFast"},
                                                       {"clean_up_tokenization_spaces", false},
                                                       {"model_max_length", 1000000000}})
                                                         .dump(2) +
                                                     "\n");
  }
}

void write_mamba_ssm(const TrainedModel& trained, const fs::path& folder, const ExportNames&) {
  const MambaNumbers n = numbers(trained);
  const Json config = mamba_ssm_json(n);
  fs::create_directories(folder);
  write_file(folder / "config.json", config.dump(2) + "\n");
  // The package pads the vocabulary to a multiple of 8, and wants the head even where it is the embedding.
  const Index padded = (n.vocabulary + 7) / 8 * 8;
  std::vector<std::vector<float>> matrices;
  matrices.reserve(3);
  SafetensorsWriter weights;
  weights.metadata("format", "pt");
  for (const Parameter* p : trained.model->parameters()) {
    if (p->path != "embedding.weight" && p->path != "head.weight") {
      weights.add(mamba_ssm_name(p->path), stored_shape(*p), p->variable.data());
      continue;
    }
    std::vector<float>& matrix = matrices.emplace_back(p->variable.data(), p->variable.data() + p->shape.size());
    matrix.resize(static_cast<std::size_t>(padded * n.d_model));
    const Shape shape{padded, n.d_model};
    weights.add(mamba_ssm_name(p->path), shape, matrix.data());
    if (n.tied) weights.add("lm_head.weight", shape, matrix.data());
  }
  weights.write(folder / "model.safetensors");
}

void write_gguf(const TrainedModel& trained, const fs::path& path, const ExportNames& names) {
  const Task& task = *trained.config.task;
  // Bytes, characters and bases are their own text. A tokenizer's tokens are written as numbers: this kind of
  // vocabulary cannot express how it splits a text.
  const bool characters = task.shape().next_token() && !task.writes_numbers() && task.tokenizer_file().empty();
  std::vector<std::string> tokens;
  for (Index token = 0; token < trained.model->shape().vocabulary; ++token)
    tokens.push_back(characters ? task.decode({static_cast<std::int32_t>(token)}) : str("[", token, "]"));
  save_mamba_gguf(path, names.title, numbers(trained), trained.model->parameters(), tokens);
}

void write_safetensors(const TrainedModel& trained, const fs::path& path, const ExportNames&) {
  SafetensorsWriter weights;
  // A warm start compares it with its own.
  if (const std::string meaning = trained.config.task->token_meaning(); !meaning.empty())
    weights.metadata("tokens", meaning);
  for (const Parameter* p : trained.model->parameters()) weights.add(p->path, p->shape, p->variable.data());
  weights.write(path);
}

void write_c(const TrainedModel& trained, const fs::path& folder, const ExportNames& names) {
  write_c_program(*trained.model, {names.title, trained.config.model.name, trained.signature(), names.code}, folder);
}

void write_onnx_graphs(const TrainedModel& trained, const fs::path& folder, const ExportNames& names) {
  write_onnx(*trained.model, trained.signature(), folder, names.title);
}

void write_npz_file(const TrainedModel& trained, const fs::path& path, const ExportNames&) {
  std::vector<NpzArray> arrays;
  for (const Parameter* p : trained.model->parameters()) {
    const std::string_view elements(reinterpret_cast<const char*>(p->variable.data()),
                                    static_cast<std::size_t>(p->shape.size()) * sizeof(float));
    arrays.push_back({p->path, "<f4", {p->shape.begin(), p->shape.end()}, elements});
  }
  write_npz(path, arrays);
}

std::unique_ptr<SequenceModel> read_folder(const TrainedModel&, const fs::path& path) {
  return load_mamba_folder(path).model;
}
std::unique_ptr<SequenceModel> read_gguf(const TrainedModel&, const fs::path& path) {
  return load_mamba_gguf(path).model;
}
std::unique_ptr<SequenceModel> read_safetensors(const TrainedModel& trained, const fs::path& path) {
  auto model = std::make_unique<SequenceModel>(trained.config.model, trained.model->shape());
  load_weights(weights_of(SafetensorsFile(path)), path.string(), model->parameters(), [](auto& name) { return name; });
  return model;
}

/// Gives the features that a graph scales by what it reads the mean 0 and the deviation 1, so that it leaves them.
void scale_by_window(const Signature& signature, Tensor& values) {
  const auto features = signature.features();
  const auto width = static_cast<Index>(features.size()), steps = values.size() / width;
  for (Index f = 0; f < width; ++f) {
    if (!features[static_cast<std::size_t>(f)].window) continue;
    double sum = 0, square = 0;
    for (Index t = 0; t < steps; ++t) sum += static_cast<double>(values.data()[t * width + f]);
    const double mean = sum / static_cast<double>(steps);
    for (Index t = 0; t < steps; ++t) square += std::pow(static_cast<double>(values.data()[t * width + f]) - mean, 2);
    const double deviation = std::sqrt(square / static_cast<double>(steps));
    for (Index t = 0; t < steps; ++t) {
      Real& value = values.data()[t * width + f];
      value = static_cast<Real>((static_cast<double>(value) - mean) / deviation);
      if (signature.masks) values.data()[t * width + f + 1] = 1;
    }
  }
}

/// The numbers of an input as the format reads them.
Json values_of(const TrainedModel& trained, const ExportFormat& format, const ModelInput& input) {
  const auto features = trained.signature().features();
  Json all = Json::array();
  for (const Real value : input.values.to_vector()) {
    const Signature::Column& feature = features[all.size() % features.size()];
    if (format.in_units && (feature.mean != 0 || feature.scale != 1))
      all.push_back(feature.mean + feature.scale * static_cast<double>(value));
    else
      all.push_back(value);
  }
  return all;
}

std::vector<float> logits_of(SequenceModel& model, const ModelInput& input) {
  ModelState state;
  const Variable logits = model.forward(input, state, {.carry = false});
  return {logits.data() + logits.size() - logits.shape().back(), logits.data() + logits.size()};
}

}  // namespace

const std::vector<ExportFormat>& export_formats() {
  static const std::vector<ExportFormat> formats{
      {"hf", "a folder for Hugging Face transformers (Mamba, Mamba-2)", true, check_hf, write_hf, read_folder,
       hf_readme},
      {"mamba_ssm", "a folder for the authors' package mamba_ssm (Mamba)", true, check_mamba_ssm, write_mamba_ssm,
       read_folder, mamba_ssm_readme},
      {"gguf", "a file for llama.cpp (Mamba)", false, check_gguf, write_gguf, read_gguf, nullptr},
      {"onnx", "two ONNX graphs: whole sequences, and a step with its states (every model that can run in steps)", true,
       check_onnx, write_onnx_graphs, nullptr, onnx_readme, true},
      {"c", "C99 to build into a program, and its weights (every model that can run in steps)", true, check_c, write_c,
       nullptr, c_readme},
      {"safetensors", "the weights, under our names (every model)", false, check_nothing, write_safetensors,
       read_safetensors, nullptr},
      {"npz", "the weights for NumPy, under our names (every model)", false, check_nothing, write_npz_file, nullptr,
       nullptr}};
  return formats;
}

std::string exports_text(const RunConfig& config, const SequenceModel& model) {
  std::vector<std::string> open;
  std::vector<std::pair<std::string, std::vector<std::string>>> closed;  // a reason, and the formats that it closes
  for (const ExportFormat& format : export_formats()) try {
      format.check(config, model);
      open.emplace_back(format.name);
    } catch (const ConfigError& error) {
      const auto same =
          std::find_if(closed.begin(), closed.end(), [&](const auto& c) { return c.first == error.what(); });
      (same == closed.end() ? closed.emplace_back(error.what(), std::vector<std::string>()) : *same)
          .second.emplace_back(format.name);
    }
  std::string text = join(open, ", ");
  for (const auto& [why, formats] : closed) text += str("; not ", join(formats, ", "), ": ", why);
  return text;
}

void write_export(const ExportFormat& format, const TrainedModel& trained, const fs::path& path,
                  const ExportNames& names) {
  format.write(trained, path, names);
  const auto beside = [&](const char* name) { return format.folder ? path / name : fs::path(path) += str(".", name); };
  write_file(beside("signature.json"), to_json(trained.signature()).dump(2) + "\n");
  if (format.readme) write_file(path / "README.md", format.readme(trained, names));
  write_file(beside("parity.json"), parity(trained, format, path).dump() + "\n");
}

Json parity(const TrainedModel& trained, const ExportFormat& format, const fs::path& path) {
  const Index length = 32 * trained.model->stride();
  ModelInput input = random_input(trained.model->shape(), 1, length, "parity");
  if (const Signature signature = trained.signature(); signature.by_window()) scale_by_window(signature, input.values);
  const std::vector<float> ours = logits_of(*trained.model, input);
  Json json = {{"format", format.name}, {"length", length}, {"logits", ours}};
  if (input.tokens.defined())
    json["tokens"] = input.tokens.to_vector();
  else
    json["values"] = values_of(trained, format, input);
  if (!format.read) return json;
  const std::vector<float> theirs = logits_of(*format.read(trained, path), input);
  double largest = 0;
  for (std::size_t i = 0; i < ours.size(); ++i)
    largest = std::max(largest, static_cast<double>(std::fabs(ours[i] - theirs[i])));
  json["read_back"] = theirs;
  json["largest_difference"] = largest;
  return json;
}

}  // namespace seqtape
