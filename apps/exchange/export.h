#pragma once
// Exports of a trained model, the formats of `seqtape export`.

#include "apps/trainer/trained_model.h"

namespace seqtape {

struct ExportFormat {
  const char *name, *what;  ///< of `--format`; a description for the help
  bool folder;              ///< it is a folder; otherwise one file
  /// Writes to a path that does not exist yet. `title`: the model's. Throws ConfigError, with the key to change, for a
  /// model that the format cannot hold.
  void (*write)(const TrainedModel&, const std::filesystem::path&, const std::string& title);
  /// Reads the export back; null: this program cannot.
  std::unique_ptr<SequenceModel> (*read)(const TrainedModel&, const std::filesystem::path&);
};

const std::vector<ExportFormat>& export_formats();

/// The logits after a fixed input, those of the model read back from `path`, and the largest difference: {"length",
/// "tokens" or "values", "logits", "read_back", "largest_difference"}; the last two are absent if this program cannot
/// read the format.
Json parity(const TrainedModel&, const ExportFormat&, const std::filesystem::path&);

}  // namespace seqtape
