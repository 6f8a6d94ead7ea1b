#pragma once
// Exports of a trained model, the formats of `seqtape export`.

#include "apps/trainer/trained_model.h"

namespace seqtape {

/// What an export is called.
struct ExportNames {
  std::string title;           ///< the model's
  std::string code = "model";  ///< begins the names of a program's functions
};

struct ExportFormat {
  const char *name, *what;  ///< of `--format`; a description for the help
  bool folder;              ///< it is a folder; otherwise one file
  /// Throws ConfigError, with the key to change, for a model that the format cannot hold.
  void (*check)(const RunConfig&, const SequenceModel&);
  /// Writes to a path that does not exist yet. Throws ConfigError as `check`.
  void (*write)(const TrainedModel&, const std::filesystem::path&, const ExportNames&);
  /// Reads the export back; null: this program cannot.
  std::unique_ptr<SequenceModel> (*read)(const TrainedModel&, const std::filesystem::path&);
  /// A folder's README.md, with the lines that use it; null: there is none.
  std::string (*readme)(const TrainedModel&, const ExportNames&);
  bool in_units = false;  ///< its inputs are in the data's units
};

const std::vector<ExportFormat>& export_formats();

/// "onnx, c, safetensors, npz; not hf, gguf: model.head_bias: must be false": which formats can hold the model, and
/// which key closes the others.
std::string exports_text(const RunConfig&, const SequenceModel&);

/// Writes an export with its README.md, signature.json and parity.json (of a file: PATH.signature.json, ...).
void write_export(const ExportFormat&, const TrainedModel&, const std::filesystem::path&, const ExportNames&);

/// The logits after a fixed input, those of the model read back from `path`, and the largest difference: {"length",
/// "tokens" or "values", "logits", "read_back", "largest_difference"}; the last two are absent if this program cannot
/// read the format.
Json parity(const TrainedModel&, const ExportFormat&, const std::filesystem::path&);

}  // namespace seqtape
