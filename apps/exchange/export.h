#pragma once
// A trained model in the formats of other programs.

#include "apps/trainer/trained_model.h"

namespace seqtape {

struct ExportFormat {
  const char *name, *what;
  bool folder;  ///< it is a folder; otherwise one file
  /// Writes to a path that does not exist yet. `title`: of the model. Throws ConfigError for a model that the format
  /// cannot hold, with what to set.
  void (*write)(const TrainedModel&, const std::filesystem::path&, const std::string& title);
  /// Reads it again; null: this program cannot.
  std::unique_ptr<SequenceModel> (*read)(const TrainedModel&, const std::filesystem::path&);
};

const std::vector<ExportFormat>& export_formats();

/// The logits after a fixed input, and how far those of the model read back from `path` are from them: {"length",
/// "tokens" or "values", "logits", "read_back", "largest_difference"}; the last two are absent where the format cannot
/// be read here.
Json parity(const TrainedModel&, const ExportFormat&, const std::filesystem::path&);

/// NumPy's .npz: a zip file with an .npy for each tensor. Throws CheckpointError.
void write_npz(const std::filesystem::path&, const std::vector<Parameter*>&);

}  // namespace seqtape
